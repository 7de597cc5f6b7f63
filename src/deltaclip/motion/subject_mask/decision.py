"""When a mask is not to be trusted, frame by frame and by a vote of the clip.

The numbers were chosen on the 30 training sequences of DAVIS 2016 and on still pictures made from them (lab/LOG.md).
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from deltaclip.motion.camera import quantile
from deltaclip.motion.subject_mask.neighbours import Residual

__all__ = [
    "CUT",
    "NOTHING_FOUND",
    "NO_NEIGHBOUR",
    "SATURATED",
    "STATIC",
    "UNCERTAIN",
    "Found",
    "drop_small_parts",
    "examine",
    "reasons",
]

CUT, NO_NEIGHBOUR, NOTHING_FOUND = "cut or too fast", "no neighbour", "nothing found"
STATIC, SATURATED, UNCERTAIN = "static", "saturated", "uncertain"

SMALLEST_PART = 0.001
"""Share of the picture below which a part of the mask is dropped."""
DROPPED = 0.05
"""Probability that the cells of a dropped part keep: rather not, but soft."""
SMALLEST_MASK, LARGEST_MASK = 0.002, 0.70
"""Shares of the picture: with less nothing was found, with more the mask says nothing."""
STATIC_TOP = 0.05
"""Cells: if even the liveliest 2 % of the picture move less, nothing moves."""
SLOW = 0.04
"""Cells: if the mask moves less on average, it is a mask of nothing that moves."""
LEAST_GAIN, LEAST_GAIN_WIDE = 1.25, 1.35
"""The camera alone must leave this many times as much difference inside the mask as the flow does, else the flow has
found nothing there: it locks on to the wrong bar of a fence, or follows a flicker. Still pictures that kept a mask: 0.4
to 1.1; real sequences 1.4 and more (median over a clip). With neighbours far away in time flow also takes the letters
of the next slide for those of this one, moved: pages of text have 1.1 to 1.4 then, real sequences 1.2 to 4.4."""
LEAST_RETURNED, CLEAR_GAIN = 0.7, 3.0
"""Share of the mask that flow must bring to one of the neighbours and back if they are far away and the picture is
plain (`Residual.returned`), unless it explains that many times as much as the camera. On a page flow finds letters of
the next page for each of this one, but there and back not the same."""
LEAST_CONFIDENCE = 0.2
VOTE = 0.5
"""Share of the frames with little evidence above which the clip has none."""


@dataclass(frozen=True, slots=True)
class Found:
    """What one frame's mask is worth.

    confidence: 0..1, mean probability inside the mask, from a half as 0 to one as 1; 0 if there is no mask.
    static: nothing in the frame moves, or the mask does not.
    vain: motion inside the mask explains no more of the picture's change than the camera alone.
    lost: there and back it does not lead to the same place, and explains little.
    """

    confidence: float
    static: bool
    vain: bool
    lost: bool


def drop_small_parts(probability: NDArray[np.float32]) -> NDArray[np.float32]:
    """(K, h, w) -> the same with connected parts above a half of less than SMALLEST_PART put to DROPPED."""
    kept = probability.copy()
    for plane in kept:
        inside = (plane > 0.5).astype(np.uint8)
        _, labels, stats, _ = cv2.connectedComponentsWithStats(inside, connectivity=8)
        small = np.asarray(stats)[:, cv2.CC_STAT_AREA] < SMALLEST_PART * plane.size
        small[0] = False  # label 0 is what is outside
        if small.any():
            plane[small[labels]] = DROPPED
    return kept


def examine(probability: NDArray[np.float32], motion: Residual) -> list[Found]:
    """Look at each frame's mask and the motion inside and outside it. probability: (K, h, w)."""
    top = quantile(motion.length.reshape(len(motion.length), -1), 0.98)
    maps = (probability, motion.length, motion.changed, motion.left, motion.returned.swapaxes(0, 1))
    return [_found(*frame, wide=motion.wide) for frame in zip(*maps, top.tolist(), strict=True)]


def _found(
    probability: NDArray[np.float32],
    length: NDArray[np.float32],
    changed: NDArray[np.float32],
    left: NDArray[np.float32],
    returned: NDArray[np.bool_],
    top: float,
    *,
    wide: bool,
) -> Found:
    inside = probability > 0.5
    if not inside.any():
        return Found(confidence=0.0, static=True, vain=False, lost=False)
    camera_alone, with_flow = float(changed[inside].mean()), float(left[inside].mean())
    back = float(returned[:, inside].mean(1).max())
    speed = float(length[inside].mean())
    return Found(
        confidence=min(1.0, max(0.0, 2 * float(probability[inside].mean()) - 1)),
        static=top < STATIC_TOP or speed < SLOW,
        vain=camera_alone < (LEAST_GAIN_WIDE if wide else LEAST_GAIN) * with_flow,
        lost=back < LEAST_RETURNED and camera_alone < CLEAR_GAIN * with_flow,
    )


def reasons(
    found: list[Found], coverage: NDArray[np.float64], exists: NDArray[np.bool_], usable: NDArray[np.bool_]
) -> tuple[str | None, ...]:
    """Why each frame's mask is not used, or None. All (K,).

    If more than VOTE of the frames show little evidence, no frame's mask is used; a subject that pauses in a few
    frames keeps its mask. Deciding each frame alone cost 0.01 IoU.
    """
    alone = [_reason(*frame) for frame in zip(found, coverage.tolist(), exists.tolist(), usable.tolist(), strict=True)]
    weak = [_weakness(*frame) for frame in zip(found, coverage.tolist(), strict=True)]
    named = [reason for reason in weak if reason is not None]
    if len(named) <= VOTE * len(found):
        return tuple(alone)
    most = max(sorted(set(named)), key=named.count)
    return tuple(reason or weakness or most for reason, weakness in zip(alone, weak, strict=True))


def _reason(found: Found, coverage: float, exists: bool, usable: bool) -> str | None:
    """Why this frame's mask is not used whatever the others say."""
    if not usable:
        return CUT if exists else NO_NEIGHBOUR
    if coverage < SMALLEST_MASK:
        return STATIC if found.static else NOTHING_FOUND
    if coverage > LARGEST_MASK:
        return SATURATED
    return UNCERTAIN if found.confidence < LEAST_CONFIDENCE else None


def _weakness(found: Found, coverage: float) -> str | None:
    """What this frame says in the vote of the clip: little evidence, or None."""
    if found.static:
        return STATIC
    if coverage < SMALLEST_MASK:
        return NOTHING_FOUND
    return UNCERTAIN if found.vain or found.lost else None
