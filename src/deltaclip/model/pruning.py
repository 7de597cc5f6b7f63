"""Token pruning by motion: only some patches of a frame enter the layers, those that move and an even spread of others.

Attention and the layers' products cost nearly in proportion to the tokens, and a frame's own mask says which patches
matter to a question about what happens. The still world is the same in all frames of a clip, whose vectors are
averaged, so each frame looks at other places of it.
"""

from collections.abc import Sequence
from functools import lru_cache

import torch
from torch import Tensor
from torch.nn import functional

from deltaclip.channels import ALPHA

__all__ = ["kept_or_all", "kept_patches", "number_kept"]

STEPS = (0.7548776662466927, 0.5698402909980532)
"""Multiples of these, modulo 1, are spread evenly over a square: inverse powers of the plastic number (M. Roberts, "The
unreasonable effectiveness of quasirandom sequences", 2018)."""
MOVING_SHARE = 0.5
"""Share of the kept patches that alpha chooses; the others are spread evenly. See lab/LOG.md for others."""


def number_kept(patches: int, keep: float) -> int:
    """K: how many of a frame's patches a share of them is, at least one."""
    return max(1, round(patches * keep))


def kept_patches(frames: Tensor, lengths: Sequence[int], patch_size: int, keep: float) -> Tensor:
    """The patches of each frame that enter the layers: (N, K) int64, row by row from the upper left, ascending.

    frames: uint8 (N, C, S, S), the frames of all clips in a row, channels as in a `reader.Clip`; alpha decides.
    lengths: how many are of each clip, N in all. keep: share of the patches, K of them, the same number in every frame.
    MOVING_SHARE of K are those with the most alpha, the others are spread evenly over what is left, at other places in
    every frame of a clip; if alpha is the same everywhere, all of them are.
    """
    # (N, S, S) -> (N, h, w); pixels beyond the last whole patch are left out, as in the patch embedding
    alpha = functional.avg_pool2d(frames[:, ALPHA].float(), patch_size)
    rows, columns = alpha.shape[1:]
    numbers = [number for length in lengths for number in range(length)]
    orders = torch.stack([_shifted(rows, columns, number) for number in numbers]).to(frames.device)  # (N, h * w)
    kept = number_kept(rows * columns, keep)
    moving = round(kept * MOVING_SHARE)
    # Places in `orders`, so that equal alpha is decided by them.
    ranked = alpha.flatten(1).gather(1, orders).argsort(dim=1, descending=True, stable=True)
    others = ranked[:, moving:].sort(dim=1).values[:, : kept - moving]
    return orders.gather(1, torch.cat([ranked[:, :moving], others], dim=1)).sort(dim=1).values


def kept_or_all(frames: Tensor, lengths: Sequence[int], patch_size: int, keep: float) -> Tensor | None:
    """As `kept_patches`; None for all of them, which is what `image_features` takes, if `keep` is 1."""
    return None if keep == 1 else kept_patches(frames, lengths, patch_size, keep)


@lru_cache(maxsize=512)
def _shifted(rows: int, columns: int, number: int) -> Tensor:
    """`_spread`, moved around the edges for the frame of this number in its clip: (rows * columns,) int64."""
    down, across = (round(number * step % 1 * size) for step, size in zip(STEPS, (rows, columns), strict=True))
    order = _spread(rows, columns)
    return (order // columns + down) % rows * columns + (order % columns + across) % columns


@lru_cache(maxsize=8)
def _spread(rows: int, columns: int) -> Tensor:
    """The patches of a grid in an order whose every beginning is spread evenly: (rows * columns,) int64.

    Each is where those before it are farthest away, by the sum of their inverse fourth powers of distance around the
    edges; the first is in the middle.
    """
    down, across = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
    crowded, order = torch.zeros(rows, columns, dtype=torch.float64), [(rows // 2) * columns + columns // 2]
    while len(order) < rows * columns:
        row, column = divmod(order[-1], columns)
        high, wide = (down - row).abs(), (across - column).abs()
        apart = torch.minimum(high, rows - high) ** 2 + torch.minimum(wide, columns - wide) ** 2
        crowded += apart.double() ** -2  # infinite at the place itself
        order.append(int(crowded.argmin()))
    return torch.tensor(order)
