"""Weights that are no numbers are refused by name, wherever they come from."""

import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import CLIPModel

from deltaclip.errors import CheckpointError
from deltaclip.model import convert, load_checkpoint
from tests.helpers import small_checkpoint

from .conftest import openai_weights


def quantised(weight: Tensor) -> Tensor:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch deprecates them; people still have such files
        return torch.quantize_per_tensor(weight, 0.1, 0, torch.qint8)


KINDS: dict[str, Callable[[Tensor], Tensor]] = {
    "int8": lambda weight: (weight * 20).to(torch.int8),
    "int64": lambda weight: weight.long(),
    "bool": lambda weight: weight > 0,
    "complex64": lambda weight: weight.to(torch.complex64),
    "float8_e4m3fn": lambda weight: weight.to(torch.float8_e4m3fn),
    "qint8": quantised,
    "sparse_coo": lambda weight: weight.to_sparse(),
    "meta: a shape without numbers": lambda weight: weight.to("meta"),
}
"""What is no plain float, by the word of the refusal."""


@pytest.mark.filterwarnings("ignore:TypedStorage")  # PyTorch writes quantised tensors in an old way
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["visual.proj", "visual.conv1.weight", "token_embedding.weight"])
def test_a_file_whose_weights_are_no_plain_floats_is_refused_by_their_kind(
    model: CLIPModel, tmp_path: Path, kind: str, name: str
) -> None:
    # int8 became floats without a word: codes without their scale
    weights = openai_weights(model)
    torch.save(weights | {name: KINDS[kind](weights[name])}, tmp_path / "clip.pt")
    with pytest.raises(CheckpointError) as told:
        convert(clip=tmp_path / "clip.pt", out=tmp_path / "out")
    assert told.value.found == f"1 weights that are not plain floats: {name} ({kind})"


@pytest.mark.filterwarnings("ignore:TypedStorage")  # PyTorch writes quantised tensors in an old way
@pytest.mark.parametrize("kind", KINDS)
def test_a_folder_whose_weights_are_no_plain_floats_is_refused_by_their_kind(folder: Path, kind: str) -> None:
    weights = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    name = "visual_projection.weight"
    torch.save(weights | {name: KINDS[kind](weights[name])}, folder / "pytorch_model.bin")
    with pytest.raises(CheckpointError) as told:
        load_checkpoint(folder)
    assert told.value.found == f"1 weights that are not plain floats: {name} ({kind})"


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_floats_of_every_size_are_weights(folder: Path, dtype: torch.dtype) -> None:
    weights = {name: weight.to(dtype) for name, weight in load_file(folder / "model.safetensors").items()}
    save_file(weights, folder / "model.safetensors")
    assert {weight.dtype for weight in load_checkpoint(folder).model.parameters()} == {torch.float32}


def test_a_checkpoint_with_nan_weights_is_refused_and_names_them(tmp_path: Path) -> None:
    file = small_checkpoint(tmp_path / "small") / "model.safetensors"
    weights = load_file(file)
    weights["text_model.final_layer_norm.weight"][0] = torch.nan
    save_file(weights, file, metadata={"format": "pt"})
    with pytest.raises(CheckpointError, match=r"text_model\.final_layer_norm\.weight"):
        load_checkpoint(tmp_path / "small")
