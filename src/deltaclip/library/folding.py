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
    numbers = {path: number for number, path in enumerate({hit.path for hit in hits})}
    file = np.array([numbers[hit.path] for hit in hits])
    start, end = np.array([hit.start for hit in hits]), np.array([hit.end for hit in hits])
    groups: list[list[int]] = []
    for number in range(len(hits)):
        one_file = file[:number] == file[number]
        touch = (start[:number] <= end[number]) & (start[number] <= end[:number])
        level = (abs(start[:number] - start[number]) <= SLACK_SECONDS) & (
            abs(end[:number] - end[number]) <= SLACK_SECONDS
        )
        others = np.flatnonzero(np.where(one_file, touch, level))
        least = np.where(one_file[others], ALIKE, COPIED)
        alike = (looks[others] @ looks[number] >= EQUAL) | (apart[others] @ apart[number] >= least)
        if sides.moves is not None:
            alike &= ~(sides.moves[others] @ sides.moves[number] < MOVE_ALIKE)  # NaN is not less
        same = set(others[alike].tolist())
        joined = [group for group in groups if not same.isdisjoint(group)]
        groups = [group for group in groups if group not in joined]
        groups.append(sorted([*(other for group in joined for other in group), number]))
    return sorted(groups)
