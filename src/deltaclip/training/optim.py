"""Which weights move how fast: parameter groups, the schedule, and the running mean of the weights."""

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor
from torch.nn.utils import parametrize
from transformers import CLIPModel

from deltaclip.channels import COLOURS
from deltaclip.model import alpha_is_zero
from deltaclip.training.recipe import OptimRecipe

__all__ = [
    "MAX_LOGIT_SCALE",
    "RunningMean",
    "alpha_parts",
    "make_optimiser",
    "plain_weights",
    "set_rates",
    "split_alpha",
]

MAX_LOGIT_SCALE = math.log(100)
"""CLIP and CLIP4Clip clamp the scale of logits at 100 after each step."""
_SPLIT = "vision_model.embeddings.patch_embedding.parametrizations.weight.original"
_WHOLE = "vision_model.embeddings.patch_embedding.weight"


class _RgbAndAlpha(torch.nn.Module):
    """The patch embedding (W, C, P, P) as two parameters, so that motion channels may have a rate of its own."""

    def forward(self, rgb: Tensor, alpha: Tensor) -> Tensor:
        return torch.cat([rgb, alpha], dim=1)

    def right_inverse(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        return weight[:, : len(COLOURS)].clone(), weight[:, len(COLOURS) :].clone()


def split_alpha(model: CLIPModel) -> None:
    """Splits the patch embedding for training. `plain_weights` gives the weights of a stock CLIPModel again."""
    parametrize.register_parametrization(model.vision_model.embeddings.patch_embedding, "weight", _RgbAndAlpha())


def alpha_parts(model: CLIPModel) -> tuple[Tensor, Tensor]:
    """The two parts of a split patch embedding: colours (W, 3, P, P) and motion channels (W, C - 3, P, P)."""
    parts = dict(model.named_parameters())
    return parts[f"{_SPLIT}0"], parts[f"{_SPLIT}1"]


def plain_weights(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A split model's `state_dict` under the names of a stock CLIPModel, copied."""
    kept = {name: weight.detach().cpu().clone() for name, weight in state.items() if not name.startswith(_SPLIT)}
    kept[_WHOLE] = torch.cat([state[f"{_SPLIT}0"], state[f"{_SPLIT}1"]], dim=1).detach().cpu()
    return kept


def make_optimiser(model: CLIPModel, recipe: OptimRecipe) -> torch.optim.AdamW:
    """AdamW over a model whose patch embedding is split: matrices, the rest without decay, the alpha channel.

    Tables of positions and words are matrices; norms, biases, the class embedding and the logit scale are not decayed
    (CLIP4Clip decays the scale, which starts at the clamp's edge).
    """
    alpha = alpha_parts(model)[1]
    alpha_lr = recipe.lr
    if recipe.zero_alpha_lr is not None and alpha_is_zero(model):
        alpha_lr = recipe.zero_alpha_lr
    others = [parameter for parameter in model.parameters() if parameter is not alpha]
    matrices = [parameter for parameter in others if parameter.ndim >= 2]
    vectors = [parameter for parameter in others if parameter.ndim < 2]
    groups = [
        {"params": matrices, "weight_decay": recipe.weight_decay, "peak": recipe.lr},
        {"params": vectors, "weight_decay": 0.0, "peak": recipe.lr},
        {"params": [alpha], "weight_decay": recipe.weight_decay, "peak": alpha_lr},
    ]
    return torch.optim.AdamW(groups, lr=recipe.lr, betas=(0.9, 0.98), eps=1e-6)


def set_rates(optimiser: torch.optim.Optimizer, step: int, steps: int, warm_up: float) -> float:
    """Sets each group's rate for a step from 0: linear over the warm-up, then half a cosine to 0. Returns its share."""
    rising = max(int(steps * warm_up), 1)
    if step < rising:
        share = (step + 1) / rising
    else:
        share = 0.5 * (1 + math.cos(math.pi * (step - rising) / max(steps - rising, 1)))
    for group in optimiser.param_groups:
        group["lr"] = group["peak"] * share
    return share


class RunningMean:
    """An exponential mean of the weights (EMA); a decay of 0 is the weights themselves and holds nothing."""

    def __init__(self, model: CLIPModel, decay: float) -> None:
        self.decay = decay
        self.weights = {name: weight.detach().clone() for name, weight in model.named_parameters()} if decay else {}

    @torch.no_grad()
    def update(self, model: CLIPModel) -> None:
        """Moves the mean towards the weights after a step."""
        for name, weight in model.named_parameters() if self.decay else ():
            self.weights[name].lerp_(weight, 1 - self.decay)

    @contextmanager
    def in_place(self, model: CLIPModel) -> Iterator[None]:
        """The model with the mean as its weights, for as long as the context lasts."""
        parameters = {name: weight for name, weight in model.named_parameters() if self.decay}
        own = {name: weight.detach().clone() for name, weight in parameters.items()}
        with torch.no_grad():
            for name, weight in parameters.items():
                weight.copy_(self.weights[name])
        try:
            yield
        finally:
            with torch.no_grad():
                for name, weight in parameters.items():
                    weight.copy_(own[name])
