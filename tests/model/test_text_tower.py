"""The text encoder in numpy: what torch gives, from any file of weights that torch reads."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch.nn.functional import normalize
from transformers import CLIPModel

from deltaclip.model import ModelSpec, new_model, text_features, texts_of
from deltaclip.model.rows import HeldRows, MappedRows
from deltaclip.model.sizes import Blocks
from deltaclip.model.text_tower import TextTower, text_shapes

from .conftest import SPEC

TEXTS = np.array([[10, 3, 4, 5, 11, 0, 0, 0, 0], [10, 11, 0, 0, 0, 0, 0, 0, 0], [10, 2, 3, 4, 5, 6, 7, 8, 11]])
LIKE_B32 = replace(SPEC, text_width=512, text_layers=12, projection_dim=512, vocab_size=1000, context_length=77)


def loud(spec: ModelSpec, activation: str = "quick_gelu") -> CLIPModel:
    """A model whose norms and biases are no ones and zeros, and whose attention looks somewhere."""
    model = new_model(spec, seed=0)
    torch.manual_seed(1)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            weight.add_(torch.randn_like(weight) * (0.3 if weight.ndim == 1 else 0.03 if "proj" in name else 0))
    for layer in model.text_model.encoder.layers:
        layer.mlp.activation_fn = torch.nn.GELU() if activation == "gelu" else layer.mlp.activation_fn
    model.text_model.config.hidden_act = activation
    return model


def by_torch(model: CLIPModel, ids: NDArray[np.int64]) -> NDArray[np.float32]:
    with torch.inference_mode():
        return np.asarray(normalize(text_features(model, torch.from_numpy(ids)), dim=-1).numpy())


def by_numpy(model: CLIPModel, ids: NDArray[np.int64]) -> NDArray[np.float32]:
    tower = texts_of(model)
    assert tower is not None
    return tower.vectors(ids)


@pytest.mark.parametrize("activation", ["quick_gelu", "gelu"])
def test_it_gives_the_vectors_of_torch(activation: str) -> None:
    model = loud(SPEC, activation)
    exact = by_torch(model, TEXTS)
    assert np.abs(by_numpy(model, TEXTS) - exact).max() < 1e-5
    assert np.abs(exact[0] - exact[2]).max() > 0.01  # texts differ, and so the test can


def test_it_does_so_through_the_twelve_layers_of_a_vit_b_32() -> None:
    model = loud(LIKE_B32)
    ids = np.full((2, 77), 0)
    ids[0, :6], ids[1] = (10, 500, 501, 502, 503, 11), np.arange(100, 177)
    ids[1, [0, -1]] = 10, 11
    assert np.abs(by_numpy(model, ids) - by_torch(model, ids)).max() < 1e-5


def test_a_row_without_an_end_is_taken_at_its_first_token_as_transformers_does() -> None:
    model, ids = loud(SPEC), np.array([[10, 3, 4, 5, 6, 7, 8, 9, 9]])
    assert np.abs(by_numpy(model, ids) - by_torch(model, ids)).max() < 1e-5


def test_a_text_has_one_vector_whatever_is_asked_with_it() -> None:
    model = loud(SPEC)
    alone = np.concatenate([by_numpy(model, row[None]) for row in TEXTS])
    assert (by_numpy(model, TEXTS) == alone).all()
    assert by_numpy(model, TEXTS[:0]).shape == (0, 32)


def test_its_weights_are_those_that_transformers_has() -> None:
    shapes = {name: tuple(weight.shape) for name, weight in loud(SPEC).state_dict().items()}
    assert text_shapes(SPEC, Blocks()) == {name: shape for name, shape in shapes.items() if name.startswith("text_")}


def test_an_activation_that_is_not_there_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="activation 'relu' is not one of gelu, quick_gelu"):
        TextTower(SPEC, Blocks("relu"), HeldRows({}))
    model = loud(SPEC)
    model.text_model.config.hidden_act = "relu"
    assert texts_of(model) is None


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
def test_a_mapped_file_gives_the_numbers_that_torch_reads(tmp_path: Path, dtype: torch.dtype) -> None:
    weights = {"a": torch.randn(5, 3).to(dtype), "b": torch.randn(7).to(dtype), "one": torch.tensor(2.5).to(dtype)}
    save_file(weights, tmp_path / "file", metadata={"format": "pt"})
    mapped = MappedRows(tmp_path / "file")
    assert mapped.shapes == {"a": (5, 3), "b": (7,), "one": ()}
    for name, weight in weights.items():
        assert (mapped.rows(name) == weight.float().numpy()).all()
    some = np.array([4, 0, 4])
    assert (mapped.rows("a", some) == weights["a"][some].float().numpy()).all()
    assert {mapped.rows(name).dtype for name in weights} == {np.dtype(np.float32)}


def test_a_file_that_is_cut_short_anywhere_or_of_whole_numbers_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "file"
    save_file({"a": torch.randn(5, 3), "b": torch.randn(7)}, path)
    whole = path.read_bytes()
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        with pytest.raises((ValueError, OSError)):
            MappedRows(path)
    save_file({"a": torch.ones(3, dtype=torch.int64)}, path)
    with pytest.raises(ValueError, match="not a safetensors file of floats"):
        MappedRows(path)
