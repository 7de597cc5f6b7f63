"""Converted files of open_clip against open_clip's own program, with random weights."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from deltaclip.model import Said, convert, image_features, load_checkpoint, text_features
from tests.helpers import with_alpha

SIZES = {"vision": {"image_size": 64, "layers": 3, "patch_size": 16}, "text": {"vocab_size": 600, "layers": 3}}


def open_clip_model(quick_gelu: bool, width: int, head_width: int, mlp_ratio: float) -> tuple[Any, dict[str, Any]]:
    """A random model of open_clip whose activations are of some size, and its configuration."""
    room = pytest.importorskip("open_clip.model", reason="open_clip is not installed", exc_type=ImportError)
    vision = {**SIZES["vision"], "width": width, "head_width": head_width, "mlp_ratio": mlp_ratio}
    text = {**SIZES["text"], "context_length": 77, "width": 128, "heads": 4}
    torch.manual_seed(0)
    model = room.CLIP(64, room.CLIPVisionCfg(**vision), room.CLIPTextCfg(**text), quick_gelu=quick_gelu)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if weight.ndim >= 2 and "embedding" not in name:
                weight.mul_(3)
    model.train(False)
    return model, {"embed_dim": 64, "quick_gelu": quick_gelu, "vision_cfg": vision, "text_cfg": text}


def least_cosine(ours: Tensor, theirs: Tensor) -> float:
    """After the mean is taken off, which all inputs share."""
    centre = theirs.mean(dim=0)
    return torch.cosine_similarity(ours - centre, theirs - centre).min().item()


@pytest.mark.parametrize("quick_gelu", [False, True])
@pytest.mark.parametrize(("width", "head_width", "mlp_ratio"), [(128, 64, 4.0), (320, 80, 4.0), (208, 104, 4.9231)])
@pytest.mark.parametrize("by", ["configuration", "option"])
@torch.no_grad()
def test_a_converted_model_gives_what_open_clip_gives(
    tmp_path: Path, quick_gelu: bool, width: int, head_width: int, mlp_ratio: float, by: str
) -> None:
    model, config = open_clip_model(quick_gelu, width, head_width, mlp_ratio)
    torch.save({"epoch": 1, "state_dict": {f"module.{k}": v for k, v in model.state_dict().items()}}, tmp_path / "a.pt")
    said = Said(activation="quick_gelu" if quick_gelu else "gelu", vision_heads=width // head_width, text_heads=4)
    if by == "configuration":
        (tmp_path / "open_clip_config.json").write_text(json.dumps({"model_cfg": config}))
        said = Said()
    convert(clip=tmp_path / "a.pt", out=tmp_path / "out", said=said)
    ours = load_checkpoint(tmp_path / "out").model
    pictures = torch.randn(6, 3, 64, 64)
    ids = torch.randint(1, 597, (6, 77))
    ids[:, 0], ids[:, 10], ids[:, 11:] = 598, 599, 0
    assert (
        least_cosine(
            image_features(ours, with_alpha(pictures, torch.zeros(6, 1, 64, 64))), model.encode_image(pictures)
        )
        > 0.9999
    )
    assert least_cosine(text_features(ours, ids), model.encode_text(ids)) > 0.9999
