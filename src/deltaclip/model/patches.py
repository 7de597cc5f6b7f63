"""The patch embedding as one matrix product, and its weights for pictures in CLIP's normalisation.

A convolution whose step is its kernel multiplies each patch with the same matrix, and as a product it is quicker and
right everywhere: on processors with AMX, oneDNN's bfloat16 convolution of an even number of channels with kernels of 16
and 32 gives wrong numbers without an error (relative error 1; pytorch#169688, pytorch#188426, oneDNN#4684).
"""

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn import functional

from deltaclip.channels import COLOURS
from deltaclip.model.normalisation import CLIP_MEAN, CLIP_NORMALISATION, CLIP_STD, Normalisation

__all__ = ["PATCH_EMBEDDING", "PatchEmbedding", "normalised_as_clip"]

PATCH_EMBEDDING = "vision_model.embeddings.patch_embedding.weight"
POSITIONS = "vision_model.embeddings.position_embedding.weight"
BIAS = "vision_model.embeddings.patch_embedding.bias"
"""Of families whose patch embedding has one."""


class PatchEmbedding(torch.nn.Conv2d):
    """A patch embedding with a convolution's weight and a product's arithmetic.

    It stays a Conv2d to whoever looks at its weight (W, C, P, P): state dictionaries, optimisers, parametrizations and
    plain transformers know no difference. No convolution runs, on the way back neither.
    """

    def __init__(self, channels: int, width: int, patch_size: int, *, has_bias: bool = False) -> None:
        super().__init__(channels, width, kernel_size=patch_size, stride=patch_size, bias=has_bias)

    def forward(self, input: Tensor) -> Tensor:
        """(N, C, H, W) to (N, width, H // P, W // P); pixels beyond the last whole patch are left out."""
        weight = self.weight  # read once: a parametrized one is put together at every look
        size = weight.shape[-1]
        count, channels, height, width = input.shape
        rows, columns = height // size, width // size
        whole = input[:, :, : rows * size, : columns * size]
        # (N, C, h * P, w * P) -> (N, C, h, P, w, P) -> (N, h, w, C, P, P) -> (N, h, w, C * P * P)
        cut = whole.reshape(count, channels, rows, size, columns, size)
        patches = cut.permute(0, 2, 4, 1, 3, 5).flatten(3)
        # (N, h, w, C * P * P) @ (C * P * P, width) -> (N, h, w, width) -> (N, width, h, w)
        return functional.linear(patches, weight.flatten(1), self.bias).permute(0, 3, 1, 2)


def normalised_as_clip(state: Mapping[str, Tensor], own: Normalisation) -> dict[str, Tensor]:
    """Weights by transformers' names that give for pictures in CLIP's normalisation what `state` gives for its own.

    x_own = x_clip * (std_clip / std) + (mean_clip - mean) / std, channel by channel. The factor goes into the patch
    embedding (W, C, P, P), what it makes of the constant into its bias if it has one, else into the positions of the
    patches; motion channels stay.
    """
    if own.is_same(CLIP_NORMALISATION) or PATCH_EMBEDDING not in state or POSITIONS not in state:
        return dict(state)  # missing weights are listed when the model is assembled
    patches = state[PATCH_EMBEDDING].double()
    clip_mean, clip_std, mean, std = (
        torch.tensor(values, dtype=torch.float64) for values in (CLIP_MEAN, CLIP_STD, own.mean, own.std)
    )
    rgb = patches[:, : len(COLOURS)]
    constant = torch.einsum("wchv,c->w", rgb, (clip_mean - mean) / std)  # (W, 3, P, P), (3,) -> (W,)
    scaled = rgb * (clip_std / std)[:, None, None]
    if BIAS in state:
        moved = {BIAS: (state[BIAS].double() + constant).float()}
    else:
        positions = state[POSITIONS].double()
        moved = {POSITIONS: torch.cat([positions[:1], positions[1:] + constant]).float()}  # row 0 is the class token's
    return {**state, PATCH_EMBEDDING: torch.cat([scaled, patches[:, len(COLOURS) :]], dim=1).float(), **moved}
