"""From features of frames to vectors of clips: the same for every engine."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from deltaclip.model import mean_pool

__all__ = ["check_lengths", "clip_vectors"]


def check_lengths(frames: NDArray[Any], lengths: Sequence[int]) -> None:
    """Raises ValueError unless the clips of these lengths have as many frames in all as there are."""
    if sum(lengths) != len(frames):
        raise ValueError(f"{len(frames)} frames for clips of {sum(lengths)}")


def clip_vectors(features: Tensor, lengths: Sequence[int]) -> NDArray[np.float32]:
    """The mean over the frames of each clip: float32 (B, D), unit rows.

    features: (N, D), of the frames of all clips in a row. lengths: B numbers of frames, N in all.
    """
    if len(set(lengths)) == 1:
        # (B * T, D) -> (B, T, D) -> (B, D)
        pooled = mean_pool(features.reshape(len(lengths), -1, features.shape[-1]))
    else:
        # Each clip over its own frames: padding with zeros would change the mean.
        pooled = torch.cat([mean_pool(rows[None]) for rows in torch.split(features, list(lengths))])
    return np.asarray(pooled.cpu().numpy())
