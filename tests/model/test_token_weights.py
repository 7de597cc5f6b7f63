"""DRL's weights of token-wise interaction: read by its own names, kept beside the model, and never part of a vector."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from transformers import CLIPModel

from deltaclip.errors import CheckpointError
from deltaclip.model import (
    TOKEN_WEIGHTS_FILE,
    convert,
    known_checkpoint,
    load_checkpoint,
    loaded_digest,
    model_digest,
    new_model,
)

from .conftest import SPEC, openai_weights
from .test_clip4clip import MODEL, WIDTH, saved, transformer
from .test_known import settle

Weights = dict[str, Tensor]


@pytest.fixture(scope="module")
def clip() -> CLIPModel:
    return new_model(MODEL, seed=1)


def networks(layers: int, width: int = WIDTH) -> Weights:
    """As DRL writes them: one layer without a number (`wti_arch` 1), several with a ReLU after each but the last."""
    made = {}
    for side in ("text", "video"):
        for number in range(layers):
            name = f"{side}_weight_fc." + (f"{2 * number}." if layers > 1 else "")
            out = 1 if number == layers - 1 else width
            generator = torch.Generator().manual_seed(10 * layers + number + (100 if side == "video" else 0))
            made[f"{name}weight"] = torch.randn(out, width, generator=generator)
            made[f"{name}bias"] = torch.randn(out, generator=generator)
    return made


def as_torch(weights: Weights, side: str, layers: int) -> torch.nn.Module:
    """The same network built as DRL builds it, with its own keys."""
    parts: list[torch.nn.Module] = []
    for number in range(layers):
        parts += [torch.nn.Linear(WIDTH, 1 if number == layers - 1 else WIDTH), torch.nn.ReLU()]
    network = parts[0] if layers == 1 else torch.nn.Sequential(*parts[:-1])
    network.load_state_dict(
        {
            name.removeprefix(f"{side}_weight_fc."): weight
            for name, weight in weights.items()
            if name.startswith(f"{side}_weight_fc.")
        }
    )
    return network


@pytest.mark.parametrize("layers", [1, 2, 3])
@torch.no_grad()
def test_networks_under_drls_names_give_what_drls_modules_give(clip: CLIPModel, tmp_path: Path, layers: int) -> None:
    beside = networks(layers)
    report = convert(clip=saved(tmp_path, clip, beside | transformer(layers=1)), out=tmp_path / "out")
    found = load_checkpoint(tmp_path / "out").token_weights
    assert found is not None
    assert (found.layers, found.width, report.token_layers, report.left_out) == (layers, WIDTH, layers, ())
    features = torch.randn(5, WIDTH, generator=torch.Generator().manual_seed(3))
    for side, of in (("text", found.of_tokens), ("video", found.of_frames)):
        expected = as_torch(beside, side, layers)(features)[:, 0].numpy()
        np.testing.assert_allclose(of(features.numpy()), expected, rtol=1e-4, atol=1e-4)
    assert any("evaluate --interaction weighted-token" in note for note in report.notes)


def test_they_are_kept_by_a_second_conversion_and_known_without_torch(clip: CLIPModel, tmp_path: Path) -> None:
    convert(clip=saved(tmp_path, clip, networks(2)), out=tmp_path / "out")
    convert(clip=tmp_path / "out", out=tmp_path / "again")
    first, again = (load_checkpoint(tmp_path / name) for name in ("out", "again"))
    assert first.token_weights is not None
    assert again.token_weights is not None
    assert first.token_weights.digest == again.token_weights.digest
    assert known_checkpoint(tmp_path / "out") is None
    settle(tmp_path / "out")
    loaded_digest(load_checkpoint(tmp_path / "out"))  # from now on it is known
    known = known_checkpoint(tmp_path / "out")
    assert known is not None
    assert known.token_weights is not None
    assert known.token_weights.digest == first.token_weights.digest


def test_no_vector_depends_on_them(clip: CLIPModel, tmp_path: Path) -> None:
    for name, beside in (("with", networks(1)), ("without", {"cross.pooler.dense.bias": torch.ones(4)})):
        (tmp_path / name).mkdir()
        convert(clip=saved(tmp_path / name, clip, beside), out=tmp_path / name / "out")
    one, two = (load_checkpoint(tmp_path / name / "out") for name in ("with", "without"))
    assert (one.token_weights is None, two.token_weights is None) == (False, True)
    assert model_digest(one.model) == model_digest(two.model)


def test_networks_that_do_not_fit_are_refused_by_what_they_are(clip: CLIPModel, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=f"they weigh features of 64, this CLIP's have {WIDTH}"):
        convert(clip=saved(tmp_path, clip, networks(2, width=64)), out=tmp_path / "out")
    half = {name: weight for name, weight in networks(2).items() if name.startswith("text")}
    with pytest.raises(CheckpointError, match="0 layers for each video"):
        convert(clip=saved(tmp_path, clip, half), out=tmp_path / "out")


def test_a_damaged_file_of_them_is_named(clip: CLIPModel, tmp_path: Path) -> None:
    convert(clip=saved(tmp_path, clip, networks(1)), out=tmp_path / "out")
    file = tmp_path / "out" / TOKEN_WEIGHTS_FILE
    file.write_bytes(file.read_bytes()[:-9])
    with pytest.raises(CheckpointError, match=TOKEN_WEIGHTS_FILE):
        load_checkpoint(tmp_path / "out")


def test_weights_of_another_checkpoint_are_refused(clip: CLIPModel, tmp_path: Path) -> None:
    convert(clip=saved(tmp_path, clip, networks(1)), out=tmp_path / "out")
    small = new_model(replace(SPEC, text_width=64, projection_dim=64), seed=1)
    (tmp_path / "small").mkdir()
    own = {f"clip.{name}": weight for name, weight in openai_weights(small).items() if weight.is_floating_point()}
    torch.save(own | networks(1, width=64), tmp_path / "small.bin")
    convert(clip=tmp_path / "small.bin", out=tmp_path / "small")
    (tmp_path / "small" / TOKEN_WEIGHTS_FILE).write_bytes((tmp_path / "out" / TOKEN_WEIGHTS_FILE).read_bytes())
    with pytest.raises(CheckpointError, match=f"weights for features of {WIDTH}, the checkpoint's have 64"):
        load_checkpoint(tmp_path / "small")
