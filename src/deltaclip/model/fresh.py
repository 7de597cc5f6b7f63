"""A small CLIP with fresh weights, for training from scratch."""

from collections.abc import Iterable
from typing import Literal

import torch
from torch import Tensor
from transformers import CLIPModel

from deltaclip.channels import COLOURS
from deltaclip.model.clip import assemble, widened
from deltaclip.model.patches import PATCH_EMBEDDING
from deltaclip.model.sizes import ModelSpec
from deltaclip.model.spec import clip_config

__all__ = ["new_model"]


def new_model(
    spec: ModelSpec, seed: int, alpha_init: Literal["rgb", "zero"] = "rgb", extras: Iterable[str] = ()
) -> CLIPModel:
    """A CLIP of colours and motion channels with fresh weights in float32, the same for the same seed.

    The spread of each weight is CLIP's own (openai/CLIP, model.py, initialize_parameters), for both towers.
    alpha_init: "rgb" draws the alpha channel like the colours, "zero" starts it at zero; all else is the same.
    extras: of `channels.EXTRAS`, whose channels always start at zero.
    """
    generator = torch.Generator().manual_seed(seed)
    with torch.device("meta"):
        shapes = {name: weight.shape for name, weight in CLIPModel(clip_config(spec)).state_dict().items()}
    # By name, so that the order in which transformers makes its modules does not matter.
    weights = {name: _fresh(name, shapes[name], spec, generator) for name in sorted(shapes)}
    if alpha_init == "zero":
        weights[PATCH_EMBEDDING][:, len(COLOURS) :] = 0
    made = widened(assemble(clip_config(spec), weights, "new model"), extras)
    assert isinstance(made, CLIPModel), "of that configuration"
    return made


def _fresh(name: str, shape: torch.Size, spec: ModelSpec, generator: torch.Generator) -> Tensor:
    """One weight as CLIP starts it: norms at one, biases at zero, the temperature at 1 / 0.07, the rest normal."""
    if name == "logit_scale":
        return torch.tensor(1 / 0.07).log()
    if name.endswith(".bias"):
        return torch.zeros(shape)
    if "norm" in name or "layrnorm" in name:
        return torch.ones(shape)
    return torch.empty(shape).normal_(0.0, _spread(name, spec), generator=generator)


def _spread(name: str, spec: ModelSpec) -> float:
    """The standard deviation of one matrix or table."""
    vision = name.startswith(("vision_model.", "visual_projection."))
    width = spec.vision_width if vision else spec.text_width
    layers = spec.vision_layers if vision else spec.text_layers
    if "token_embedding" in name:
        return 0.02
    if name == "text_model.embeddings.position_embedding.weight":
        return 0.01
    if name == PATCH_EMBEDDING:
        # PyTorch's default for the three colours is uniform with this standard deviation.
        return float((3 * len(COLOURS) * spec.patch_size**2) ** -0.5)
    if name.endswith(("out_proj.weight", "fc2.weight")):
        return float(width**-0.5 * (2 * layers) ** -0.5)
    if name.endswith("fc1.weight"):
        return float((2 * width) ** -0.5)
    return float(width**-0.5)
