"""How relevant hits are, in four bands: a cosine alone does not tell.

Every encoder has its own range of cosines, some moments score high with any sentence, and the best of many moments
scores high with a sentence that has nothing to do with them. So a hit is compared with background sentences, such as "a
chef flips a pancake in a pan": its share is how many of them do as well as the text, and its band follows from that.

By appearance a sentence does as well if its own best hit in the library stands as high above what all sentences score
on that moment. By motion it does as well if it scores as high on the same moment: there are few kinds of motion, and a
library has nearly all of them. By both, the share is the geometric mean of the two, weighted as motion is in the score.
"""

from dataclasses import dataclass
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from deltaclip.checks import check_choice
from deltaclip.library.results import Relevance

__all__ = ["BANDS", "SAMPLED", "Scale", "bands", "check_relevance", "joined_shares", "reaches", "shares_of_motion"]

BANDS: dict[Relevance, float] = {"high": 0.05, "medium": 0.15, "low": 0.3, "none": 1.0}
"""The largest share of background sentences that do as well."""
SAMPLED = 20_000
"""Moments of a large library in which the best hits of background sentences are looked for."""
EPSILON = 1e-6

Rows = NDArray[np.float32]
Shares = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Scale:
    """What hits by appearance are measured by in one library.

    background: (M, D), vectors of sentences, unit rows. best: (M,), ascending, how far each of them stands out on the
    moment where it does most.
    """

    background: Rows
    best: Rows

    @classmethod
    def of(cls, moments: Rows, background: Rows) -> "Scale":
        """moments: (N, D), unit rows, some or all of a library, N >= 1."""
        return cls(background, np.sort(_standings(moments @ background.T).max(axis=0)))

    def shares(self, moments: Rows, scores: Rows) -> Shares:
        """Of each of K moments, (K, D), with the scores of a text on them, (K,): above 0, at most 1; 1 for NaN."""
        others = moments @ self.background.T
        standings = (scores - others.mean(axis=1)) / (others.std(axis=1) + EPSILON)
        as_good = len(self.best) - np.searchsorted(self.best, np.nan_to_num(standings, nan=-np.inf), side="left")
        return np.asarray((as_good + 1) / (len(self.best) + 1))


def shares_of_motion(moments: Rows, scores: Rows, background: Rows) -> Shares:
    """Of each of K moments, (K, Dm), NaN for one without a motion vector, whose share is 1.

    scores: (K,), of a text by motion. background: (M, Dm), vectors of sentences on motion, unit rows.
    """
    others = np.nan_to_num(moments) @ background.T
    as_good = (others >= scores[:, None]).sum(axis=1)
    shares = (as_good + 1) / (len(background) + 1)
    return np.asarray(np.where(np.isnan(scores), 1.0, shares))


def joined_shares(looks: Shares, moves: Shares, weight: float) -> Shares:
    """Shares by both, (K,). weight: of motion beside appearance."""
    return np.asarray(np.exp((np.log(looks) + weight * np.log(moves)) / (1 + weight)))


def bands(shares: Shares) -> list[Relevance]:
    """The band of each share."""
    return [next(band for band, most in BANDS.items() if share <= most) for share in shares]


def reaches(relevance: Relevance | None, least: Relevance) -> bool:
    """Whether a hit's relevance is that or better; one that was not measured is."""
    order = get_args(Relevance)
    return relevance is None or order.index(relevance) <= order.index(least)


def check_relevance(relevance: Any) -> None:  # Any: whatever somebody passed
    """Raises TypeError, ValueError for anything but a band or None."""
    if relevance is not None:
        check_choice(relevance, "min_relevance", BANDS)


def _standings(scores: Rows) -> Rows:
    """(N, M): how far each sentence is above the mean of all of them on each moment, in deviations."""
    made: Rows = (scores - scores.mean(axis=1, keepdims=True)) / (scores.std(axis=1, keepdims=True) + EPSILON)
    return made
