"""The attention that runs (SDPA, chosen by torch for device and precision) against attention written out in float32."""

import copy

import pytest
import torch
from torch import Tensor
from transformers import CLIPModel

from deltaclip.model import ModelSpec, new_model

SPEC = ModelSpec(
    image_size=112,
    patch_size=8,
    vision_width=128,
    vision_layers=2,
    text_width=128,
    text_layers=2,
    projection_dim=64,
    vocab_size=100,
    context_length=77,
    begin=98,
    end=99,
    pad=0,
)
"""197 picture tokens and 77 words, as in a ViT-B/16."""


@pytest.fixture(scope="module")
def attentive() -> CLIPModel:
    """Random weights whose queries are large: attention that is nearly even hides a wrong one."""
    model = new_model(SPEC, seed=0)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "q_proj.weight" in name:
                weight.mul_(8)
    return model


def tokens(model: CLIPModel) -> dict[str, Tensor]:
    """Every token behind the last layer of both encoders, for fixed pictures and texts."""
    generator = torch.Generator().manual_seed(1)
    pictures = torch.randn(3, 4, SPEC.image_size, SPEC.image_size, generator=generator)
    ids = torch.randint(1, 98, (3, SPEC.context_length), generator=generator)
    ids[:, 0], ids[:, -1] = 98, SPEC.end
    seen, read = model.vision_model(pixel_values=pictures), model.text_model(input_ids=ids)
    return {"pictures": seen.last_hidden_state.float(), "texts": read.last_hidden_state.float()}


@pytest.mark.parametrize(("dtype", "limit"), [(torch.float32, 1e-5), (torch.bfloat16, 0.05)])
@torch.inference_mode()
def test_attention_is_that_written_out_in_float32(
    attentive: CLIPModel, dtype: torch.dtype, limit: float, processor: str
) -> None:
    assert attentive.config._attn_implementation == "sdpa"
    plain = copy.deepcopy(attentive)
    plain.set_attn_implementation("eager")
    exact = tokens(plain)
    with torch.autocast("cpu", torch.bfloat16, enabled=dtype == torch.bfloat16):
        found = tokens(attentive)
    for part, rows in exact.items():
        error = float((found[part] - rows).norm() / (rows - rows.mean(dim=(0, 1))).norm())
        assert error < limit, f"{part}: relative error {error:.4f} on {processor}"
