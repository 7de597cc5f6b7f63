"""The patch embedding as one matrix product.

A convolution whose step is its kernel multiplies each patch with the same matrix, and as a product it is quicker and
right everywhere: on processors with AMX, oneDNN's bfloat16 convolution of an even number of channels with kernels of 16
and 32 gives wrong numbers without an error (relative error 1; pytorch#169688, pytorch#188426, oneDNN#4684).
"""

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["PatchEmbedding"]


class PatchEmbedding(torch.nn.Conv2d):
    """CLIP's patch embedding with a convolution's weight and a product's arithmetic.

    It stays a Conv2d to whoever looks at its weight (W, C, P, P): state dictionaries, optimisers, parametrizations and
    plain transformers know no difference. No convolution runs, on the way back neither.
    """

    def __init__(self, channels: int, width: int, patch_size: int) -> None:
        super().__init__(channels, width, kernel_size=patch_size, stride=patch_size, bias=False)

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
        return functional.linear(patches, weight.flatten(1)).permute(0, 3, 1, 2)
