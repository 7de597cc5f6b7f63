"""How relevant hits are, in four bands: a cosine alone does not tell.

Every encoder has its own range of cosines, some moments score high with any sentence, and the best of many moments
scores high with a sentence that has nothing to do with them. So a hit is measured twice. Its standing is how far its
score is above what background sentences, such as "a chef flips a pancake in a pan", score on the same moment. Its band
is the share of these sentences whose own best hit in this library stands as high.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

__all__ = ["BANDS", "SAMPLED", "Asked", "Relevance", "Scale", "Sides", "check_relevance", "reaches"]

Relevance = Literal["high", "medium", "low", "none"]
"""How well a moment fits a text, best first."""
BANDS: dict[Relevance, float] = {"high": 0.05, "medium": 0.15, "low": 0.3, "none": 1.0}
"""The largest share of background sentences that fit their best moment as well."""
SAMPLED = 20_000
"""Moments of a large library in which the best hits of background sentences are looked for."""
EPSILON = 1e-6

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Sides:
    """Vectors of appearance (N, D) and of motion (N, Dm), float32; motion NaN for a moment that has none.

    One is None if it does not count. Of moments, or of background sentences, whose numbers of both may differ.
    """

    looks: Floats | None
    moves: Floats | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """A text's scores on moments by appearance and by motion, (K,) each, NaN for a moment without a motion vector.

    One is None if the text does not ask for it. weight: how much motion counts beside appearance.
    """

    looks: Floats | None
    moves: Floats | None = None
    weight: float = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class Scale:
    """What hits in one library are measured by.

    background: vectors of sentences, unit rows. best: (M,), ascending, the best standing of each of them there.
    weight: of motion beside appearance, if both count.
    """

    background: Sides
    best: NDArray[np.float32]
    weight: float = 1.0

    @classmethod
    def of(cls, moments: Sides, background: Sides, weight: float = 1.0) -> "Scale":
        """moments: some or all of a library, at least one. A side of None in either does not count."""
        looks = _standings_of_background(moments.looks, background.looks)
        moves = _standings_of_background(moments.moves, background.moves)
        if looks is not None and moves is not None:  # each sentence on appearance with one on motion
            moves = moves[:, np.arange(looks.shape[1]) % moves.shape[1]]
        best = np.sort(_joined(looks, moves, weight).max(axis=0))
        return cls(background, best, weight)

    def relevance(self, moments: Sides, asked: Asked) -> list[Relevance]:
        """The band of each of K moments, whose vectors and scores are given."""
        looks = _standings(moments.looks, asked.looks, self.background.looks)
        moves = _standings(moments.moves, asked.moves, self.background.moves)
        standings = _joined(looks, moves, self.weight)
        shares = 1 - np.searchsorted(self.best, standings, side="left") / len(self.best)
        return [next(band for band, most in BANDS.items() if share <= most) for share in shares]


def reaches(relevance: Relevance | None, least: Relevance) -> bool:
    """Whether a hit's relevance is that or better; one that was not measured is."""
    order = get_args(Relevance)
    return relevance is None or order.index(relevance) <= order.index(least)


def check_relevance(relevance: Any) -> None:  # Any: whatever somebody passed
    """Raises ValueError for anything but a band or None."""
    if relevance not in (None, *BANDS):
        raise ValueError(f"min_relevance is {relevance!r}: choose one of {', '.join(BANDS)}")


def _standings_of_background(moments: Floats | None, background: Floats | None) -> Floats | None:
    """(N, M): how far each background sentence is above the mean of all of them on each moment, in deviations."""
    if moments is None or background is None:
        return None
    scores = moments @ background.T
    made: Floats = (scores - scores.mean(axis=1, keepdims=True)) / (scores.std(axis=1, keepdims=True) + EPSILON)
    return made


def _standings(moments: Floats | None, scores: Floats | None, background: Floats | None) -> Floats | None:
    """(K,): the same of scores on K moments."""
    if moments is None or scores is None or background is None:
        return None
    others = moments @ background.T
    made: Floats = (scores - others.mean(axis=1)) / (others.std(axis=1) + EPSILON)
    return made


def _joined(looks: Floats | None, moves: Floats | None, weight: float) -> Floats:
    """Standings by both, again with deviation 1; a moment without a motion vector moves like the mean."""
    sides: Sequence[Floats] = [each for each in (looks, moves) if each is not None]
    if len(sides) == 1:
        return np.nan_to_num(sides[0], nan=-np.inf) if moves is not None else sides[0]
    made: Floats = (sides[0] + weight * np.nan_to_num(sides[1])) / np.float32(np.hypot(1, weight))
    return made
