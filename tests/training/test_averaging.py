"""Averaging two checkpoints: the formula, what the result remembers, and what is refused."""

import json
from pathlib import Path

import pytest
import torch

from deltaclip.errors import CheckpointError
from deltaclip.model import load_checkpoint
from deltaclip.training import average, override, train
from tests.helpers import small_checkpoint
from tests.training.tiny import same_weights, tiny_data, tiny_recipe, weights


def test_each_weight_lies_where_the_share_says(tmp_path: Path) -> None:
    one, two = (str(small_checkpoint(tmp_path / name, seed=seed)) for seed, name in enumerate(("one", "two")))
    average(one, two, 0.25, tmp_path / "out")
    ours, theirs, made = weights(Path(one)), weights(Path(two)), weights(tmp_path / "out")
    for name in made:
        torch.testing.assert_close(made[name], 0.75 * ours[name] + 0.25 * theirs[name])


@pytest.mark.parametrize(("weight", "same"), [(0, "one"), (1, "two")])
def test_the_ends_are_the_checkpoints_themselves(tmp_path: Path, weight: int, same: str) -> None:
    for seed, name in enumerate(("one", "two")):
        small_checkpoint(tmp_path / name, seed=seed)
    average(str(tmp_path / "one"), str(tmp_path / "two"), weight, tmp_path / "out")
    assert same_weights(tmp_path / "out", tmp_path / same)


def test_the_mask_and_frames_are_the_second_ones(tmp_path: Path) -> None:
    small_checkpoint(tmp_path / "one", motion=None, num_frames=12)
    small_checkpoint(tmp_path / "two", motion="subject", num_frames=6)
    average(str(tmp_path / "one"), str(tmp_path / "two"), 0.5, tmp_path / "out")
    record = load_checkpoint(tmp_path / "out").record
    assert (record.motion, record.num_frames) == ("subject", 6)
    assert record.training is not None
    assert record.training["average"]["weight"] == 0.5


def test_models_of_other_sizes_are_refused(tmp_path: Path) -> None:
    small_checkpoint(tmp_path / "small")
    train(override(tiny_recipe(), ["optim.steps=1"]), tiny_data(), tmp_path / "tiny", device="cpu")
    with pytest.raises(
        CheckpointError, match=r"different sizes \(vision_layers 1 and 2, projection_dim 16 and 32, "
    ) as told:
        average(str(tmp_path / "small"), str(tmp_path / "tiny"), 0.5, tmp_path / "out")
    assert "image_size" not in told.value.found, "both have 32"


def test_models_that_compute_differently_are_refused(tmp_path: Path) -> None:
    # the sizes alone were compared: a model of GELU was averaged with one of QuickGELU
    one, two = (small_checkpoint(tmp_path / name) for name in ("one", "two"))
    values = json.loads((two / "config.json").read_text())
    values["vision_config"]["hidden_act"] = "gelu"
    (two / "config.json").write_text(json.dumps(values))
    with pytest.raises(CheckpointError, match=r"image encoder's hidden_act quick_gelu and gelu\)"):
        average(str(one), str(two), 0.5, tmp_path / "out")


def test_a_place_that_is_taken_is_told_before_weights_are_read(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    with pytest.raises(CheckpointError, match="is not a deltaclip checkpoint"):
        average("nothing/of-that-name", "nothing/either", 0.5, tmp_path / "out")


def test_a_share_beyond_the_ends_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="from 0"):
        average("one", "two", 1.5, tmp_path / "out")
