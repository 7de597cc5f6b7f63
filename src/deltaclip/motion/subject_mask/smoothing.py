"""Means over windows, and means that stop at edges of the picture."""

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["Passage", "along_edges", "box", "guided", "passage"]

Passage = tuple[NDArray[np.float32], NDArray[np.float32]]
"""How much passes to the next cell, 0..1: (w - 1, K, h) to the right, (h - 1, K, w) down."""

REACH = 10.0
"""Cells over which a mean along edges fades to exp(-sqrt(2)) where the colour is the same."""
COLOUR_REACH = 20.0
"""Sum of the changes of L, a and b (8 bit) that counts as much as REACH cells."""


def box(maps: NDArray[np.float32], radius: int) -> NDArray[np.float32]:
    """Mean over windows of 2 radius + 1 cells square; edges mirror. (K, h, w) -> (K, h, w)."""
    side = (2 * radius + 1, 2 * radius + 1)
    means = np.empty_like(maps)
    for index, plane in enumerate(maps):
        cv2.blur(plane, side, means[index], borderType=cv2.BORDER_REFLECT)
    return means


def passage(lab: NDArray[np.float32]) -> Passage:
    """What an edge lets through between neighbouring cells, from their colours.

    lab: (K, h, w, 3) float32. The recursive filter of Gastal and Oliveira (SIGGRAPH 2011), one pass:
    exp(-sqrt(2) / REACH x (1 + REACH / COLOUR_REACH x change of colour)).
    """
    planes = np.ascontiguousarray(np.moveaxis(lab, -1, 0))  # one at a time: a sum over the last axis is slow
    right, down = (sum(np.abs(np.diff(plane, axis=axis)) for plane in planes) for axis in (2, 1))
    # (K, h, w - 1) -> (w - 1, K, h) and (K, h - 1, w) -> (h - 1, K, w): the axis that is walked comes first
    return _passed(right.transpose(2, 0, 1)), _passed(down.transpose(1, 0, 2))


def _passed(change: NDArray[np.float32]) -> NDArray[np.float32]:
    rate = np.float32(-(2**0.5) / REACH)
    return np.asarray(
        np.exp(rate + np.ascontiguousarray(change) * (rate * np.float32(REACH / COLOUR_REACH))), np.float32
    )


def along_edges(maps: NDArray[np.float32], through: Passage) -> NDArray[np.float32]:
    """Means that follow the picture's edges: along rows, then along columns, there and back.

    maps: (C, K, h, w) float32, C maps of each of K frames; through: `passage` of those frames. Returns a new array.
    """
    # (C, K, h, w) -> (w, C, K, h) -> (h, C, K, w) -> (C, K, h, w)
    walked = _there_and_back(np.ascontiguousarray(maps.transpose(3, 0, 1, 2)), through[0])
    walked = _there_and_back(np.ascontiguousarray(walked.transpose(3, 1, 2, 0)), through[1])
    return walked.transpose(1, 2, 0, 3)


def _there_and_back(lines: NDArray[np.float32], through: NDArray[np.float32]) -> NDArray[np.float32]:
    """Each line takes from the one before, then each from the one after; in place. lines: (n, C, K, m)."""
    for index in range(1, len(lines)):
        lines[index] += through[index - 1] * (lines[index - 1] - lines[index])
    for index in range(len(lines) - 2, -1, -1):
        lines[index] += through[index] * (lines[index + 1] - lines[index])
    return lines


def guided(
    guide: NDArray[np.float32], maps: NDArray[np.float32], radius: int, flatness: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Coefficients a, b with which a x guide + b follows `maps`, window by window (He et al., ECCV 2010).

    guide, maps: (K, h, w) float32. flatness: variance of the guide below which a window counts as flat.
    """
    mean_guide, mean_map = box(guide, radius), box(maps, radius)
    covariance = box(guide * maps, radius) - mean_guide * mean_map
    variance = box(guide * guide, radius) - mean_guide * mean_guide
    slope = np.asarray(covariance / (variance + np.float32(flatness)), np.float32)
    return box(slope, radius), box(mean_map - slope * mean_guide, radius)
