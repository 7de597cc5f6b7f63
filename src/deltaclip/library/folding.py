"""Folding hits: copies, links and neighbours of one moment are one hit with others behind it."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from deltaclip.library.results import Hit

__all__ = ["ALIKE", "groups_of_hits"]

ALIKE = 0.98
"""Least cosine of two moments that look the same."""
SLACK_SECONDS = 0.5
"""How far beginnings or ends of one moment in two copies of a film may be apart."""


def groups_of_hits(hits: Sequence[Hit], vectors: NDArray[np.float32]) -> list[list[int]]:
    """The numbers of hits in groups, in the order of their best ones, which are first in each.

    hits: best first. vectors: (N, D), unit rows, their appearance. Two hits are one if they look the same and either
    touch or overlap in one file, or have the same times in two; so a long scene that stays the same becomes one hit.
    """
    groups: list[list[int]] = []
    for number, hit in enumerate(hits):
        alike = vectors[:number] @ vectors[number] >= ALIKE
        same = {other for other in range(number) if alike[other] and _same_moment(hit, hits[other])}
        joined = [group for group in groups if not same.isdisjoint(group)]
        groups = [group for group in groups if group not in joined]
        groups.append(sorted([*(other for group in joined for other in group), number]))
    return sorted(groups)


def _same_moment(one: Hit, other: Hit) -> bool:
    if one.path == other.path:
        return one.start <= other.end and other.start <= one.end
    return abs(one.start - other.start) <= SLACK_SECONDS and abs(one.end - other.end) <= SLACK_SECONDS
