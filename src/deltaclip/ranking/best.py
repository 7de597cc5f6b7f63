"""The best few candidates of each query, for people to look at and for run files."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from deltaclip.ranking.blocks import Block, Indices, Scores, refuse_nan

__all__ = ["TopCandidates", "top_candidates"]


@dataclass(frozen=True, slots=True, eq=False)
class TopCandidates:
    """The best k candidates of n queries, best first; of equal scores the candidate with the smaller number first.

    rows: (n,) int64, which queries. places: (n, k) int64, which candidates. scores: (n, k) float, theirs.
    """

    rows: Indices
    places: Indices
    scores: Scores

    def __repr__(self) -> str:
        return f"TopCandidates(queries={len(self.rows)}, k={self.places.shape[1]})"


def top_candidates(blocks: Iterable[Block], k: int) -> Iterator[TopCandidates]:
    """The best k of each row of each block, block by block; fewer if there are fewer candidates.

    For v2t give blocks whose rows are videos: `similarity_blocks(videos, texts, numpy.arange(len(videos)))`.
    Raises CaptionError if a score is NaN, ValueError if k < 1.
    """
    if k < 1:
        raise ValueError(f"k must be at least 1, not {k}")
    for rows, scores in blocks:
        refuse_nan(rows, scores)
        places = _best_places(scores, min(k, scores.shape[1]))
        yield TopCandidates(rows=rows, places=places, scores=np.take_along_axis(scores, places, axis=1))


def _best_places(scores: Scores, k: int) -> Indices:
    """(n, V) -> (n, k) columns by descending score, then by number."""
    if k == scores.shape[1]:
        return np.argsort(-scores, axis=1, kind="stable")
    # argpartition takes any of the candidates that tie at its edge: those rows are sorted whole
    places = np.sort(np.argpartition(-scores, k, axis=1)[:, :k], axis=1)
    best = np.take_along_axis(scores, places, axis=1)
    places = np.take_along_axis(places, np.argsort(-best, axis=1, kind="stable"), axis=1)
    edge = best.min(axis=1, keepdims=True)
    for row in np.flatnonzero(np.count_nonzero(scores >= edge, axis=1) > k):
        places[row] = np.argsort(-scores[row], kind="stable")[:k]
    return places
