"""Training a temporal head: it starts as the mean, learns order, and positions that nobody trains are refused."""

from pathlib import Path

import numpy as np
import pytest
import torch

from deltaclip.encoder import Encoder
from deltaclip.errors import CheckpointError
from deltaclip.model import head_facts, load_checkpoint
from deltaclip.training import MemoryClips, TrainingData, average, train
from deltaclip.training.choices import unused_settings
from deltaclip.training.devices import MixedPrecision
from deltaclip.training.loss import video_vectors
from deltaclip.training.start import make_optimiser, split_alpha, start_model
from tests.training.tiny import same_weights, tiny_data, tiny_recipe

CPU = MixedPrecision.choose("cpu", "float32")
HEAD = ("model.temporal_layers=1", "data.frames=4", "optim.head_lr=none")


def forwards_and_backwards() -> MemoryClips:
    """Grey frames that become brighter, and the same backwards: only order tells them apart."""
    levels = np.linspace(20, 230, 4).astype(np.uint8)
    rgb = np.stack([np.broadcast_to(order[:, None, None, None], (4, 32, 32, 3)) for order in (levels, levels[::-1])])
    alpha = np.full((2, 4, 32, 32), 255, np.uint8)
    return MemoryClips(rgb.copy(), alpha, ["one", "two"], np.arange(2), ["brighter", "darker"])


def vectors_of(folder: Path, frames: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        return video_vectors(load_checkpoint(folder).model, frames, CPU)


@torch.no_grad()
def test_a_run_starts_with_the_vectors_of_one_without_a_head_to_the_bit() -> None:
    plain, headed = (start_model(tiny_recipe(*settings), tiny_data()).model for settings in ((), HEAD))
    frames = torch.randint(0, 256, (3, 4, 4, 32, 32), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    assert head_facts(headed) == {"layers": 1, "positions": 4, "norm_eps": 1e-5, "attention_heads": 1}
    assert torch.equal(video_vectors(plain, frames, CPU), video_vectors(headed, frames, CPU))


def test_a_few_steps_tell_a_clip_from_its_reverse_which_the_mean_cannot(tmp_path: Path) -> None:
    data = TrainingData(forwards_and_backwards(), None, ["one", "two"], {"clips": 2})
    settings = ("data.motion=full", "data.frames=4", "data.alpha_dropout=0", "optim.batch=2", "optim.steps=40")
    similar = []
    for name, head in (("mean", ()), ("head", HEAD)):
        train(tiny_recipe(*settings, *head), data, tmp_path / name, device="cpu")
        encoder = Encoder.load(tmp_path / name, device="cpu", precision="float32")
        clips = np.concatenate([data.train.pictures(video, 4, None).rgb for video in (0, 1)])
        frames = np.full((8, 4, 32, 32), 255, np.uint8)
        frames[:, :3] = clips.transpose(0, 3, 1, 2)
        videos = encoder.engine.video_vectors(frames, [4, 4])
        similar.append(encoder.encode_texts(["one", "two"]) @ videos.T)
    mean, head_scores = similar
    assert np.abs(mean[:, 0] - mean[:, 1]).max() < 1e-5
    assert (head_scores.argmax(axis=1) == [0, 1]).all()
    assert np.abs(head_scores[:, 0] - head_scores[:, 1]).min() > 0.05


def test_a_trained_head_is_in_the_checkpoint_and_a_resumed_run_is_the_same(tmp_path: Path) -> None:
    recipe = tiny_recipe(*HEAD)
    train(recipe, tiny_data(), tmp_path / "whole", device="cpu")
    train(recipe, tiny_data(), tmp_path / "parts", device="cpu", time_limit=0)
    train(recipe, tiny_data(), tmp_path / "parts", device="cpu", resume=True)
    trained = load_checkpoint(tmp_path / "whole")
    assert trained.record.temporal_layers == 1
    assert trained.model.get_parameter("temporal_head.out.weight").any()
    assert same_weights(tmp_path / "whole", tmp_path / "parts")


def test_a_head_has_a_rate_of_its_own(tmp_path: Path) -> None:
    recipe = tiny_recipe("model.temporal_layers=1", "data.frames=4", "optim.head_lr=0.5")
    model = start_model(recipe, tiny_data()).model
    split_alpha(model)
    names = {id(weight): name for name, weight in model.named_parameters()}
    groups = make_optimiser(model, recipe.optim).param_groups
    peaks = {names[id(weight)]: group["peak"] for group in groups for weight in group["params"]}
    assert len(peaks) == len(names)
    assert {name for name, peak in peaks.items() if peak == 0.5} == {n for n in peaks if n.startswith("temporal_head.")}


def test_without_a_head_the_settings_of_a_run_are_those_of_older_runs() -> None:
    facts = tiny_recipe().facts()
    assert "temporal_layers" not in facts["model"]
    assert "head_lr" not in facts["optim"]
    assert tiny_recipe(*HEAD).facts()["model"]["temporal_layers"] == 1


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (("model.temporal_layers=1",), "data.frames 2 and data.test_frames 4 to be equal"),
        (("model.temporal_layers=-1",), "model.temporal_layers must be 0 or more, not -1"),
        (("optim.head_lr=-1",), "learning rates"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: tuple[str, ...], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        tiny_recipe(*settings)


def test_a_rate_for_a_head_that_is_not_there_is_refused_and_a_head_for_a_loaded_model_is_not() -> None:
    assert unused_settings(tiny_recipe("optim.head_lr=1e-3"), {"optim.head_lr"}) == (
        "optim.head_lr is ignored without a temporal head; set model.temporal_layers as well"
    )
    recipe = tiny_recipe(*HEAD, "model.init=some/model")
    assert unused_settings(recipe, {"model.init", "model.temporal_layers"}) is None


def test_a_loaded_head_goes_on_to_be_trained_and_one_of_another_size_is_refused(tmp_path: Path) -> None:
    train(tiny_recipe(*HEAD), tiny_data(), tmp_path / "first", device="cpu")
    init = f"model.init={tmp_path / 'first'}"
    again = start_model(tiny_recipe(*HEAD, init), tiny_data()).model
    assert again.get_parameter("temporal_head.out.weight").any()
    for settings, words in (
        ((), "a temporal head of 1 layers, the recipe one of 0"),
        (("model.temporal_layers=2", "data.frames=4"), "a temporal head of 1 layers, the recipe one of 2"),
        (("model.temporal_layers=1", "data.frames=5", "data.test_frames=5"), "4 positions, but clips of 5 frames"),
    ):
        with pytest.raises(CheckpointError, match=words):
            start_model(tiny_recipe(init, *settings), tiny_data())


def test_two_heads_are_averaged_and_one_with_none_is_refused(tmp_path: Path) -> None:
    for name, settings in (("one", HEAD), ("two", (*HEAD, "seed=1")), ("none", ())):
        train(tiny_recipe(*settings), tiny_data(), tmp_path / name, device="cpu")
    one, two, none = (str(tmp_path / name) for name in ("one", "two", "none"))
    average(one, two, 0.5, tmp_path / "both")
    heads = [load_checkpoint(f).model.get_parameter("temporal_head.out.weight") for f in (one, two, tmp_path / "both")]
    torch.testing.assert_close(heads[2], (heads[0] + heads[1]) / 2)
    with pytest.raises(CheckpointError, match=r"compute differently .*temporal head None and"):
        average(none, one, 0.5, tmp_path / "mixed")
