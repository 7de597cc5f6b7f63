"""Colours of a clip: which of them the subject has and the rest has not."""

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["BINS", "colour_bins", "colour_ratio", "grid_lab"]

BINS = (14, 20, 20)
"""Bins of L, a and b. a and b are cut at 68 and 188 of 8 bit: photographs hold little beyond."""
AB_FIRST, AB_WIDTH = 68, 6
UNSEEN = 2e-4
"""Share of the pixels that every colour is granted, so that one never seen is no proof."""


def grid_lab(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(K, h, w, 3) RGB -> the same in 8-bit Lab."""
    return np.stack([np.asarray(cv2.cvtColor(frame, cv2.COLOR_RGB2LAB), np.uint8) for frame in rgb])


def colour_bins(lab: NDArray[np.uint8]) -> NDArray[np.intp]:
    """(K, h, w, 3) 8-bit Lab -> (K, h, w), the number of each cell's bin."""
    light, green, blue = (lab[..., channel].astype(np.intp) for channel in range(3))
    number = light * BINS[0] // 256
    for axis, channel in ((1, green), (2, blue)):
        number = number * BINS[axis] + np.clip((channel - AB_FIRST) // AB_WIDTH, 0, BINS[axis] - 1)
    return number


def colour_ratio(
    bins: NDArray[np.intp], fore: NDArray[np.float32], back: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """log P(colour | subject) / P(colour | rest) at every cell, as the *other* frames tell it, and as its own does.

    bins: (K, h, w). fore, back: (K, h, w) float32, how much each cell is subject and rest. Other frames are kept apart
    so that a frame's mistake does not confirm itself.
    """
    num_frames, num_bins = len(bins), int(np.prod(BINS))
    where = (bins + (np.arange(num_frames) * num_bins)[:, None, None]).ravel()
    size = num_frames * num_bins
    counts = [np.bincount(where, weight.ravel(), size).astype(np.float32) for weight in (fore, back)]
    smooth = _smooth_bins(np.concatenate(counts).reshape(-1, *BINS)).reshape(2, num_frames, num_bins)
    others = smooth.sum(1, keepdims=True) - smooth
    return _ratio(others, where, bins.shape), _ratio(smooth, where, bins.shape)


def _ratio(counts: NDArray[np.float32], where: NDArray[np.intp], shape: tuple[int, ...]) -> NDArray[np.float32]:
    """counts: (2, K, bins), subject and rest -> log ratio at every cell."""
    shares = counts / (counts.sum(2, keepdims=True) + np.float32(1e-3)) + np.float32(UNSEEN)
    return np.asarray(np.log(shares[0] / shares[1]), np.float32).ravel()[where].reshape(shape)


def _smooth_bins(counts: NDArray[np.float32]) -> NDArray[np.float32]:
    """1, 2, 1 over 4 along the three colour axes: (N, *BINS); the ends repeat."""
    for axis in (1, 2, 3):
        walked = counts.swapaxes(0, axis)
        padded = np.concatenate([walked[:1], walked, walked[-1:]])
        walked = np.float32(0.25) * (padded[:-2] + padded[2:]) + np.float32(0.5) * walked
        counts = walked.swapaxes(0, axis)
    return counts
