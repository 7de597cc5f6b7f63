"""Masks that a claim about motion must be compared with: everything, somewhere else, the rest, the middle."""

import zlib

import numpy as np
from numpy.typing import NDArray

from deltaclip.motion.difference_spec import PAPER, DifferenceSpec
from deltaclip.motion.frame_difference import difference
from deltaclip.motion.types import Motion, check_rgb, motion_from_mask

__all__ = ["RANDOM_SEED", "centre", "full", "inverted", "random"]

RANDOM_SEED = 20251021
"""First half of the seed of `random`; the other half is the CRC-32 of the clip's own masks."""

EVERYTHING_MOVES = "everything moves"


def full(rgb: NDArray[np.uint8]) -> Motion:
    """Alpha all ones: the same weights without any motion. (T, H, W, 3) uint8 -> Motion."""
    check_rgb(rgb)
    return motion_from_mask(np.ones(rgb.shape[:3], np.bool_), (None,) * len(rgb))


def random(rgb: NDArray[np.uint8], spec: DifferenceSpec = PAPER) -> Motion:
    """The difference mask of each frame in a random place: equal in coverage and shape, wrong in position.

    Each frame's mask is rolled around both edges by an offset of its own. Deterministic: the offsets come from
    RANDOM_SEED and the masks themselves, so that a clip gets the same masks whenever and wherever it is read.
    Falls back if `difference` does.
    """
    measured = difference(rgb, spec)
    _, height, width = measured.mask.shape
    generator = np.random.default_rng([RANDOM_SEED, zlib.crc32(measured.mask.tobytes())])
    offsets = generator.integers((height, width), size=(len(rgb), 2))
    rolled = [np.roll(mask, (down, right), (0, 1)) for mask, (down, right) in zip(measured.mask, offsets, strict=True)]
    return motion_from_mask(np.stack(rolled), measured.fallback)


def inverted(rgb: NDArray[np.uint8], spec: DifferenceSpec = PAPER) -> Motion:
    """The complement of the difference mask: what does not move.

    Falls back if `difference` does, and if everything moves, so that the complement is empty.
    """
    measured = difference(rgb, spec)
    rest = ~measured.mask
    reasons = [
        reason or (None if frame.any() else EVERYTHING_MOVES)
        for reason, frame in zip(measured.fallback, rest, strict=True)
    ]
    return motion_from_mask(rest, tuple(reasons))


def centre(rgb: NDArray[np.uint8]) -> Motion:
    """A box of half the width and half the height (rounded up) in the middle, whatever moves.

    People film what matters in the middle: a mask must do better than that.
    """
    check_rgb(rgb)
    num_frames, height, width, _ = rgb.shape
    box_height, box_width = (height + 1) // 2, (width + 1) // 2
    top, left = (height - box_height) // 2, (width - box_width) // 2
    mask = np.zeros((num_frames, height, width), np.bool_)
    mask[:, top : top + box_height, left : left + box_width] = True
    return motion_from_mask(mask, (None,) * num_frames)
