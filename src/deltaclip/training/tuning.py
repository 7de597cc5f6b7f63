"""Which weights of a model a run trains: all, the motion channels alone, or these and LoRA in both encoders.

LoRA (Hu et al., "LoRA: Low-Rank Adaptation of Large Language Models") keeps a layer's weight and trains a product of
two small matrices that is added to it. A checkpoint has the sum, so that it is a stock one.
"""

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn import functional

from deltaclip.model import DualEncoder, head_parameters
from deltaclip.training.losses import similarity_weights
from deltaclip.training.recipe import Recipe

__all__ = ["LoraLinear", "lora_parameters", "merged", "tune"]

SCALE = 2.0
"""The factor of the product: LoRA's alpha over its rank, as in most published recipes."""
DOWN, UP = "lora_down", "lora_up"


class LoraLinear(torch.nn.Linear):
    """A linear layer (out, in) whose weight stays, plus `SCALE` * up (out, R) @ down (R, in), which is trained.

    It starts as the layer it is made of: `up` is zero.
    """

    def __init__(self, layer: torch.nn.Linear, rank: int, generator: torch.Generator) -> None:
        super().__init__(layer.in_features, layer.out_features, layer.bias is not None, device="meta")
        self.weight, self.bias = layer.weight, layer.bias
        bound = layer.in_features**-0.5  # as LoRA's own program begins: uniform, like a linear layer of torch
        down = torch.empty(rank, layer.in_features).uniform_(-bound, bound, generator=generator)
        self.lora_down = torch.nn.Parameter(down.to(layer.weight.device))
        self.lora_up = torch.nn.Parameter(layer.weight.new_zeros(layer.out_features, rank))

    def forward(self, input: Tensor) -> Tensor:
        """(..., in) to (..., out)."""
        added = functional.linear(functional.linear(input, self.lora_down), self.lora_up)
        return super().forward(input) + SCALE * added


def tune(model: DualEncoder, recipe: Recipe, motion_channels: Tensor) -> None:
    """Makes the model one of which only the weights that the recipe tunes are trained.

    motion_channels: that part of its split patch embedding, which is always trained, as a temporal head is.
    lora: every linear layer in the layers of both encoders gets matrices of `optim.lora_rank`, drawn with the recipe's
    seed, and the logit scale is trained, with the bias of a family that has one. channels: all else stays to the bit,
    so that texts keep their vectors.
    """
    if recipe.tune == "full":
        return
    model.requires_grad_(False)
    for weight in (motion_channels, *head_parameters(model)):
        weight.requires_grad_(True)
    if recipe.tune == "lora":
        for weight in similarity_weights(model):
            weight.requires_grad_(True)
        generator = torch.Generator().manual_seed(recipe.seed)
        for tower in (model.vision_model, model.text_model):
            for layer in tower.encoder.layers:
                _put_lora(layer, recipe.optim.lora_rank, generator)


def _put_lora(part: torch.nn.Module, rank: int, generator: torch.Generator) -> None:
    for name, child in list(part.named_children()):
        if isinstance(child, torch.nn.Linear):
            setattr(part, name, LoraLinear(child, rank, generator))
        else:
            _put_lora(child, rank, generator)


def lora_parameters(model: DualEncoder) -> list[Tensor]:
    """The matrices of LoRA, none of a model without."""
    return [weight for name, weight in model.named_parameters() if name.endswith((DOWN, UP))]


def merged(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A `state_dict` with LoRA's products added to the weights and its matrices left out; others as they are."""
    kept = {name: weight for name, weight in state.items() if not name.endswith((DOWN, UP))}
    for name in state:
        if name.endswith(UP):
            layer = name.removesuffix(UP)
            kept[f"{layer}weight"] = state[f"{layer}weight"] + SCALE * state[name] @ state[f"{layer}{DOWN}"]
    return kept
