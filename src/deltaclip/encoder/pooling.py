"""From features of frames to vectors of clips: the same for every engine."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from deltaclip.model import DualEncoder, clip_frames, pool_frames

__all__ = ["check_lengths", "clip_parts", "clip_vectors"]


def check_lengths(frames: NDArray[Any], lengths: Sequence[int]) -> None:
    """Raises ValueError unless the clips of these lengths have as many frames in all as there are."""
    if sum(lengths) != len(frames):
        raise ValueError(f"{len(frames)} frames for clips of {sum(lengths)}")


def clip_vectors(model: DualEncoder, features: Tensor, lengths: Sequence[int]) -> NDArray[np.float32]:
    """The frames of each clip through the model's temporal head, if it has one, and their mean: (B, D), unit rows.

    features: (N, D), of the frames of all clips in a row. lengths: B numbers of frames, N in all.
    """
    with torch.inference_mode():
        if len(set(lengths)) == 1:
            # (B * T, D) -> (B, T, D) -> (B, D)
            pooled = pool_frames(model, features.reshape(len(lengths), -1, features.shape[-1]))
        else:
            # Each clip over its own frames: padding would change the mean, and be attended to.
            clips = torch.split(features, list(lengths))
            pooled = torch.cat([pool_frames(model, rows[None]) for rows in clips])
    return np.asarray(pooled.cpu().numpy())


def clip_parts(model: DualEncoder, features: Tensor, lengths: Sequence[int]) -> NDArray[np.float32]:
    """The features of `clip_vectors` before their mean, through the temporal head if there is one: (N, D)."""
    with torch.inference_mode():
        rows = torch.cat([clip_frames(model, clip[None])[0] for clip in torch.split(features, list(lengths))])
    return np.asarray(rows.cpu().numpy())
