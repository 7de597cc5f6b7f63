"""Frames in, motion out: where each frame of a clip moves, by which rule, and a picture of it."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from deltaclip.motion.controls import centre, full, inverted, random
from deltaclip.motion.difference import DifferenceSpec, difference
from deltaclip.motion.draw import Row, Tile, encode_png, overlay, sheet, strip
from deltaclip.motion.subject import Neighbours, subject
from deltaclip.motion.types import Motion

__all__ = [
    "MOTIONS",
    "NEEDS_NEIGHBOURS",
    "DifferenceSpec",
    "Motion",
    "Neighbours",
    "Row",
    "Tile",
    "centre",
    "difference",
    "encode_png",
    "full",
    "inverted",
    "overlay",
    "random",
    "see",
    "sheet",
    "strip",
    "subject",
]

MOTIONS: dict[str, Callable[..., Motion]] = {
    "difference": difference,
    "subject": subject,
    "full": full,
    "random": random,
    "inverted": inverted,
    "centre": centre,
}
"""By name: (T, H, W, 3) uint8 sampled frames, already scaled -> Motion. Call them through `see`."""
NEEDS_NEIGHBOURS = frozenset({"subject"})
"""Those that also look at the native frames beside each sampled one."""


def see(name: str, rgb: NDArray[np.uint8], before: Neighbours | None = None, after: Neighbours | None = None) -> Motion:
    """What moves in sampled frames, by the rule of that name.

    rgb: (T, H, W, 3) uint8. before, after: T native neighbours, (H, W, 3) uint8 or None each; needed by the rules in
    NEEDS_NEIGHBOURS, which otherwise find none. Raises KeyError for a name that is not in MOTIONS.
    """
    if name not in NEEDS_NEIGHBOURS:
        return MOTIONS[name](rgb)
    none = (None,) * len(rgb)
    return MOTIONS[name](rgb, none if before is None else before, none if after is None else after)
