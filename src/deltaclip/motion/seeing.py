"""What moves, by the mask that is asked for."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from deltaclip.motion.difference_spec import DifferenceSpec
from deltaclip.motion.masks import MOTIONS
from deltaclip.motion.spec import MotionSpec, feed
from deltaclip.motion.subject_mask import NEAR_SECONDS, Neighbours, Steps
from deltaclip.motion.types import Motion

__all__ = ["see", "see_each"]


def see(
    motion: MotionSpec,
    rgb: NDArray[np.uint8],
    before: Neighbours | None = None,
    after: Neighbours | None = None,
    step_seconds: Steps = NEAR_SECONDS,
) -> Motion:
    """What moves in sampled frames according to that mask, and the alpha that the model is fed.

    rgb: (T, H, W, 3) uint8. before, after: T native neighbours, (H, W, 3) uint8 or None each. Only masks for which
    `needs_neighbours` holds use them; without neighbours such a mask has nothing to compare a frame with.
    step_seconds: time between a frame and its neighbours, (2, T) before and after or one for all. Raises ValueError if
    `rgb` has a different shape or type.
    """
    [seen] = see_each([motion], rgb, before, after, step_seconds)
    return seen


def see_each(
    motions: Sequence[MotionSpec],
    rgb: NDArray[np.uint8],
    before: Neighbours | None = None,
    after: Neighbours | None = None,
    step_seconds: Steps = NEAR_SECONDS,
) -> list[Motion]:
    """`see` for several masks; those that differ only in how they are fed to the model are measured once."""
    measured: dict[MotionSpec, Motion] = {}
    seen = []
    for spec in motions:
        if spec.unfed not in measured:
            measured[spec.unfed] = _measure(spec, rgb, before, after, step_seconds)
        seen.append(feed(measured[spec.unfed], spec))
    return seen


def _measure(
    spec: MotionSpec,
    rgb: NDArray[np.uint8],
    before: Neighbours | None,
    after: Neighbours | None,
    step_seconds: Steps,
) -> Motion:
    """By the rule and threshold of that spec; how it is fed is left to `feed`."""
    mask = MOTIONS[spec.name]
    if mask.needs_neighbours:
        none = (None,) * len(rgb)
        return mask.measure(rgb, none if before is None else before, none if after is None else after, step_seconds)
    if mask.thresholded:
        return mask.measure(rgb, DifferenceSpec(threshold=spec.threshold))
    return mask.measure(rgb)
