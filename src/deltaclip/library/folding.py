"""Folding hits: copies, links and neighbours of one moment are one hit with others behind it."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from deltaclip.library.results import Hit
from deltaclip.library.store import Sides

__all__ = ["groups_of_hits"]

EQUAL = 1 - 1e-6
"""Least cosine of copies, whatever else the library holds."""
ALIKE, COPIED = 0.95, 0.99
"""Least cosine, each without the mean of the library, of two moments that look the same in one file, or in two: what
all moments have in common, which is much with some encoders and in some libraries, says nothing of two of them."""
MOVE_ALIKE = 0.9
"""Least cosine of two moments that move the same: one to the left is not one to the right, however equal they look."""
SLACK_SECONDS = 0.5
"""How far beginnings or ends of one moment in two copies of a film may be apart."""


def groups_of_hits(hits: Sequence[Hit], sides: Sides, mean: NDArray[np.float32]) -> list[list[int]]:
    """The numbers of hits in groups, in the order of their best ones, which are first in each.

    hits: best first. sides: the vectors of their moments. mean: (D,), of the library's vectors of appearance. Two hits
    are one if they look and move the same and either touch or overlap in one file, or have the same times in two; so a
    long scene that stays the same becomes one hit. Without motion vectors of both, only their looks count.
    """
    if sides.looks is None or not hits:
        return [[number] for number in range(len(hits))]
    looks, apart = sides.looks, sides.looks - mean
    apart /= np.maximum(np.linalg.norm(apart, axis=1, keepdims=True), 1e-6)
    groups: list[list[int]] = []
    for number, hit in enumerate(hits):
        least = np.array([ALIKE if hit.path == other.path else COPIED for other in hits[:number]])
        alike = (looks[:number] @ looks[number] >= EQUAL) | (apart[:number] @ apart[number] >= least)
        if sides.moves is not None:
            alike &= ~(sides.moves[:number] @ sides.moves[number] < MOVE_ALIKE)  # NaN is not less
        same = {other for other in range(number) if alike[other] and _same_moment(hit, hits[other])}
        joined = [group for group in groups if not same.isdisjoint(group)]
        groups = [group for group in groups if group not in joined]
        groups.append(sorted([*(other for group in joined for other in group), number]))
    return sorted(groups)


def _same_moment(one: Hit, other: Hit) -> bool:
    if one.path == other.path:
        return one.start <= other.end and other.start <= one.end
    return abs(one.start - other.start) <= SLACK_SECONDS and abs(one.end - other.end) <= SLACK_SECONDS
