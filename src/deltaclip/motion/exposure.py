"""Brightness that changes as a whole from frame to frame: lamps that flicker, a camera that adapts, old film.

Flow and difference both take a brighter picture for a changed one, so a neighbour is brought to the light of its frame
first. Only one factor a picture: shadows and lamps inside the picture stay what they are.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["relit", "relit_in_place"]

STEP = 5
"""Every fifth pixel, both ways, is plenty for a median of factors."""
LEAST_CHANGE, LEAST_CHANGE_IN_PLACE = 0.02, 0.01
"""Smaller changes of light are left alone: the medians of different pictures say no more than that."""
LARGEST_CHANGE = 2.0
"""Light that more than doubles or halves between neighbouring frames is another shot's, and has to show as one."""
DARK, BRIGHT = 16, 240
"""Grey levels, beyond which a pixel says little about the factor: noise, and what is cut off."""
LEAST_PIXELS = 50


def relit(now: NDArray[np.uint8], other: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """`other` with its median grey level brought to that of `now`; their contents need not be in the same places.

    now, other: (H, W) uint8.
    """
    return _scaled(other, _middle(now) / max(_middle(other), 1), LEAST_CHANGE)


def relit_in_place(now: NDArray[np.uint8], other: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The same if most of `other` is where it is in `now`: by the median of the pixels' own factors."""
    mine, its = now[::STEP, ::STEP].ravel(), other[::STEP, ::STEP].ravel()
    telling = (its > DARK) & (its < BRIGHT) & (mine < BRIGHT)
    if np.count_nonzero(telling) < LEAST_PIXELS:
        return other
    factors = mine[telling] / its[telling].astype(np.float32)
    middle = len(factors) // 2  # the upper of two middles: numpy's median costs three times as much for their mean
    return _scaled(other, float(np.partition(factors, middle)[middle]), LEAST_CHANGE_IN_PLACE)


def _middle(picture: NDArray[np.uint8]) -> int:
    """The median grey level."""
    counts = np.asarray(cv2.calcHist([picture], [0], None, [256], [0, 256]), np.float32)
    return int(np.searchsorted(counts.ravel().cumsum(), picture.size / 2))


def _scaled(picture: NDArray[np.uint8], factor: float, least: float) -> NDArray[np.uint8]:
    if abs(factor - 1) < least or not 1 / LARGEST_CHANGE <= factor <= LARGEST_CHANGE:
        return picture
    return np.asarray(cv2.convertScaleAbs(picture, alpha=factor), np.uint8)
