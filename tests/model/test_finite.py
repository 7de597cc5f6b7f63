"""Weights that are no numbers are refused by name, wherever they come from."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from deltaclip.errors import CheckpointError
from deltaclip.model import load_checkpoint
from tests.helpers import small_checkpoint


def test_a_checkpoint_with_nan_weights_is_refused_and_names_them(tmp_path: Path) -> None:
    file = small_checkpoint(tmp_path / "small") / "model.safetensors"
    weights = load_file(file)
    weights["text_model.final_layer_norm.weight"][0] = torch.nan
    save_file(weights, file, metadata={"format": "pt"})
    with pytest.raises(CheckpointError, match=r"text_model\.final_layer_norm\.weight"):
        load_checkpoint(tmp_path / "small")
