"""Pixels as CLIP takes them, and alpha as Alpha-CLIP does."""

import numpy as np
from numpy.typing import NDArray

from deltaclip import pixels

__all__ = ["ALPHA_MEAN", "ALPHA_STD", "CLIP_MEAN", "CLIP_STD", "normalise_alpha", "normalise_pixels"]

CLIP_MEAN = np.array(pixels.CLIP_MEAN, np.float32)
CLIP_STD = np.array(pixels.CLIP_STD, np.float32)
# SunzeY/AlphaCLIP README: mask_transform Normalize(0.5, 0.26). A full mask is 1.923, an empty one -1.923.
ALPHA_MEAN, ALPHA_STD = 0.5, 0.26


def normalise_pixels(rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(T, S, S, 3) uint8 to (T, 3, S, S) float32: divided by 255, less CLIP's mean, over its deviation."""
    # (T, S, S, 3) -> (T, 3, S, S)
    planes = np.moveaxis(rgb, -1, 1).astype(np.float32) / np.float32(255)
    planes -= CLIP_MEAN[:, None, None]
    planes /= CLIP_STD[:, None, None]
    return planes


def normalise_alpha(alpha: NDArray[np.float32]) -> NDArray[np.float32]:
    """(T, S, S) float32 in 0..1 to (T, 1, S, S): (alpha - 0.5) / 0.26, once and only once."""
    # (T, S, S) -> (T, 1, S, S)
    return (alpha[:, None] - np.float32(ALPHA_MEAN)) / np.float32(ALPHA_STD)
