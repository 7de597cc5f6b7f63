"""Frames in, motion out: where each frame of a clip moves, by which rule, and a picture of it."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from deltaclip.motion.controls import centre, full, inverted, random
from deltaclip.motion.difference import DifferenceSpec, difference
from deltaclip.motion.draw import Row, Tile, encode_png, overlay, sheet, strip
from deltaclip.motion.types import Motion

__all__ = [
    "MOTIONS",
    "DifferenceSpec",
    "Motion",
    "Row",
    "Tile",
    "centre",
    "difference",
    "encode_png",
    "full",
    "inverted",
    "overlay",
    "random",
    "sheet",
    "strip",
]

MOTIONS: dict[str, Callable[[NDArray[np.uint8]], Motion]] = {
    "difference": difference,
    "full": full,
    "random": random,
    "inverted": inverted,
    "centre": centre,
}
"""By name: (T, H, W, 3) uint8 sampled frames, already scaled -> Motion."""
