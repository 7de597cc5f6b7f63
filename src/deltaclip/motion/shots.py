"""Where one shot ends and the next begins, from the pictures alone.

Two neighbouring frames belong to different shots if they differ much after the camera's motion is taken out, and
their grey levels are spread differently as well. Either alone is not enough: a fast pan under a bad fit differs, a
flash changes the levels.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from deltaclip.motion.camera import warp
from deltaclip.motion.exposure import relit_in_place

__all__ = [
    "CUT_DIFFERENCE",
    "CUT_OVERLAP",
    "grey_levels",
    "is_another_shot",
    "levels_overlap",
    "unexplained",
]

CUT_DIFFERENCE = 18.0
"""Grey levels, mean over the picture after compensation. Set on the 30 training sequences of DAVIS 2016."""
CUT_OVERLAP = 0.9
"""Shared part of two grey histograms. There: true neighbours 0.915 and more, other clips 0.907 and less."""
LEVELS_WIDTH = 9
"""Grey levels that a histogram is smoothed over, so that a small change of exposure is no other picture."""


def grey_levels(picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    """How often each grey level occurs, smoothed: (H, W) uint8 -> (256,) float32 that sums to about 1."""
    counts = np.asarray(cv2.calcHist([picture], [0], None, [256], [0, 256]), np.float32) / np.float32(picture.size)
    # One column, whether OpenCV gives it as (256, 1), as version 4 does, or as (256,), as version 5 does.
    return np.asarray(cv2.blur(counts.reshape(-1, 1), (1, LEVELS_WIDTH)), np.float32).ravel()


def levels_overlap(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """The part that two histograms of `grey_levels` share: 0 nothing, 1 everything."""
    return float(np.minimum(one, other).sum())


def unexplained(now: NDArray[np.uint8], other: NDArray[np.uint8], places: NDArray[np.float32]) -> NDArray[np.uint8]:
    """What still differs when `other` is moved as the camera moved and lit alike: (H, W) uint8 grey levels.

    places: (2, H, W) float32, of `look_up`. It has sharp borders where flow bleeds; it is blind in flat areas where
    flow is not.
    """
    return np.asarray(cv2.absdiff(relit_in_place(now, warp(other, places)), now), np.uint8)


def is_another_shot(now: NDArray[np.uint8], other: NDArray[np.uint8], left: NDArray[np.uint8]) -> bool:
    """The cut rule: the mean of `left`, which is `unexplained`, is large and few grey levels are shared.

    All (H, W) uint8.
    """
    # Grey levels are counted only if they decide, which they hardly ever do.
    return cv2.mean(left)[0] > CUT_DIFFERENCE and levels_overlap(grey_levels(now), grey_levels(other)) < CUT_OVERLAP
