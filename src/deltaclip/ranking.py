"""From similarity to ranks, and from ranks to R@K, MdR and MnR, in bounded memory.

Rules. Similarity is (Q texts, V videos), higher is better; `owner` (Q,) names each text's video. A rank is 1 + the
number of candidates that score higher, and every tie with another candidate counts against the query; the optimistic
rank, all ties for it, stands beside. Infinite scores are ordinary scores: -inf loses to all else and ties with -inf.
NaN has no rank and is an error.

t2v        a text's video among all videos. Videos that own no text are candidates (distractors).
v2t        a video among the videos that own a text, by CLIP4Clip's rule: the score of video v and video u is the
           highest of v with any caption of u. So a wrong video counts once, however many captions it has.
v2t_plain  the best own caption among all captions.

A video without a text asks nothing in v2t and v2t_plain.

The matrix may come in blocks of rows, twice over, and is never held whole: the first pass ranks the texts and notes
their true scores, the second counts for each video what stands above its best caption. The captions of one video must
stand in one block.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deltaclip.errors import CaptionError

__all__ = [
    "Block",
    "Metrics",
    "Ranking",
    "Ranks",
    "compute_metrics",
    "first_nan",
    "matrix_blocks",
    "rank_blocks",
    "rank_matrix",
    "row_blocks",
    "similarity_blocks",
]

Indices = NDArray[np.int64]
Scores = NDArray[np.floating[Any]]  # any float width: scores are compared as they are given
Block = tuple[Indices, Scores]
"""rows (n,), which texts these are; scores (n, V), their similarity to every video."""

BLOCK_ROWS = 256
"""Texts at once: 100 MB of scores against 100,000 videos, and wide enough for a fast matrix product."""


@dataclass(frozen=True, slots=True, eq=False)
class Ranks:
    """One rank per query, 1 is best.

    pessimistic: (N,) int64, ties against the query. The figure to report.
    optimistic: (N,) int64, ties for the query.
    """

    pessimistic: Indices
    optimistic: Indices

    @property
    def tied(self) -> bool:
        """Whether any query ties with another candidate."""
        return bool((self.pessimistic != self.optimistic).any())

    def __repr__(self) -> str:
        return f"Ranks(queries={len(self.pessimistic)}, tied={self.tied})"


@dataclass(frozen=True, slots=True)
class Ranking:
    """Ranks both ways.

    t2v: one per text, in the order of the texts. v2t, v2t_plain: one per video that owns a text, in order of video.
    """

    t2v: Ranks
    v2t: Ranks
    v2t_plain: Ranks


@dataclass(frozen=True, slots=True)
class Metrics:
    """What retrieval papers print.

    R1, R5, R10: percent of queries with rank <= K. MdR: median rank, mean of the middle two. MnR: mean rank.
    queries: how many.
    """

    R1: float
    R5: float
    R10: float
    MdR: float
    MnR: float
    queries: int


def compute_metrics(ranks: Indices) -> Metrics:
    """(N,) ranks from 1, N >= 1 -> Metrics."""
    within = {k: 100 * int(np.count_nonzero(ranks <= k)) / len(ranks) for k in (1, 5, 10)}
    middle, mean = float(np.median(ranks)), float(np.mean(ranks))
    return Metrics(R1=within[1], R5=within[5], R10=within[10], MdR=middle, MnR=mean, queries=len(ranks))


def rank_matrix(similarity: Scores, owner: Indices, block_rows: int = BLOCK_ROWS) -> Ranking:
    """Ranks of a whole matrix: similarity (Q, V) float, may lie on disk; owner (Q,) int, 0..V-1."""
    return rank_blocks(matrix_blocks(similarity, owner, block_rows), owner, similarity.shape[1])


def rank_blocks(blocks: Callable[[], Iterable[Block]], owner: Indices, num_videos: int) -> Ranking:
    """Ranks of a matrix that comes in blocks of rows.

    blocks: called twice; gives each text once, in any order, all captions of a video in one block.
    owner: (Q,) int, 0..num_videos-1. Memory: a few blocks, and a few numbers for each text and video.
    Raises CaptionError where a score is NaN, ValueError where owner or blocks break the rules above.
    """
    if len(owner) == 0 or owner.min() < 0 or owner.max() >= num_videos:
        raise ValueError(f"owner must name a video in 0..{num_videos - 1} for each of at least one text")
    true, t2v = _rank_texts(blocks(), owner, num_videos)
    captioned = np.bincount(owner, minlength=num_videos) > 0
    best = np.full(num_videos, -np.inf, true.dtype)
    np.maximum.at(best, owner, true)
    by_video, by_caption = _Against(best), _Against(best)
    groups = 0
    for rows, scores in blocks():
        videos, highest = _highest_by_video(owner[rows], scores)
        by_video.add(videos, highest)
        by_caption.add(owner[rows], scores)
        groups += len(videos)
    if groups != np.count_nonzero(captioned):
        raise ValueError("the captions of one video must stand in one block: use row_blocks to cut")
    return Ranking(t2v=t2v, v2t=by_video.ranks(captioned), v2t_plain=by_caption.ranks(captioned))


def _rank_texts(blocks: Iterable[Block], owner: Indices, num_videos: int) -> tuple[Scores, Ranks]:
    """First pass: the score of each text with its own video (Q,), and its rank among all videos."""
    true: Scores | None = None
    pessimistic, optimistic = np.zeros((2, len(owner)), np.int64)
    for rows, scores in blocks:
        if scores.shape != (len(rows), num_videos):
            raise ValueError(f"a block of {len(rows)} rows must be ({len(rows)}, {num_videos}), not {scores.shape}")
        _refuse_nan(rows, scores)
        own = scores[np.arange(len(rows)), owner[rows]]
        true = np.zeros(len(owner), own.dtype) if true is None else true
        true[rows] = own
        higher = np.count_nonzero(scores > own[:, None], axis=1)
        equal = np.count_nonzero(scores == own[:, None], axis=1)  # itself among them
        optimistic[rows] = 1 + higher
        pessimistic[rows] = higher + equal
    if true is None or (optimistic == 0).any():
        raise ValueError("the blocks do not hold every text")
    return true, Ranks(pessimistic=pessimistic, optimistic=optimistic)


def _highest_by_video(owner: Indices, scores: Scores) -> tuple[Indices, Scores]:
    """owner (n,), scores (n, V) -> the videos asked about (G,), and for each the highest of its rows (G, V)."""
    order = np.argsort(owner, kind="stable")
    videos, starts = np.unique(owner[order], return_index=True)
    if len(videos) == len(owner):  # one caption each: nothing to merge, and no copy of the block
        return owner, scores
    return videos, np.maximum.reduceat(scores[order], starts, axis=0)


class _Against:
    """Counts, column by column, the rows of other videos that stand above or level with the column's best own score."""

    def __init__(self, best: Scores) -> None:
        self.best = best
        self.higher = np.zeros(len(best), np.int64)
        self.equal = np.zeros(len(best), np.int64)

    def add(self, owner: Indices, scores: Scores) -> None:
        """owner (n,): the video of each row. scores (n, V)."""
        rows = np.arange(len(owner))
        for compare, counts in ((np.greater, self.higher), (np.equal, self.equal)):
            stands = compare(scores, self.best)
            stands[rows, owner] = False  # by place, not by value: a second computation may round a score otherwise
            counts += np.count_nonzero(stands, axis=0)

    def ranks(self, captioned: NDArray[np.bool_]) -> Ranks:
        """Ranks of the videos that own a text."""
        optimistic = 1 + self.higher[captioned]
        return Ranks(pessimistic=optimistic + self.equal[captioned], optimistic=optimistic)


def row_blocks(owner: Indices, block_rows: int) -> Iterator[Indices]:
    """Cut the texts into blocks of about `block_rows` without parting the captions of one video.

    Yields (n,) int64 rows, videos in order, a video's captions in theirs. A video with more captions than `block_rows`
    is a block of its own.
    """
    order = np.argsort(owner, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(owner[order])) + 1, len(order))  # one past each video's last caption
    start = 0
    while start < len(order):
        fitting = np.searchsorted(ends, start + block_rows, side="right")
        first = np.searchsorted(ends, start, side="right")
        end = int(ends[max(fitting - 1, first)])
        yield order[start:end]
        start = end


def matrix_blocks(similarity: Scores, owner: Indices, block_rows: int = BLOCK_ROWS) -> Callable[[], Iterator[Block]]:
    """Blocks of a matrix that exists, in memory or mapped from a file: similarity (Q, V)."""
    return lambda: ((rows, similarity[rows]) for rows in row_blocks(owner, block_rows))


def similarity_blocks(
    texts: NDArray[np.float32], videos: NDArray[np.float32], owner: Indices, block_rows: int = BLOCK_ROWS
) -> Callable[[], Iterator[Block]]:
    """Blocks of cosine similarity, computed when asked for.

    texts: (Q, D) float32 unit rows. videos: (V, D) float32 unit rows. owner: (Q,). Scores are float32, since half
    precision makes ties.
    """
    return lambda: ((rows, texts[rows] @ videos.T) for rows in row_blocks(owner, block_rows))


def first_nan(scores: Scores) -> tuple[int, int] | None:
    """Row and column, from 0, of the first NaN of (n, V) scores, or None."""
    if scores.size == 0 or not np.isnan(scores.min()):  # the minimum is NaN if any is, and needs no second array
        return None
    row, column = np.argwhere(np.isnan(scores))[0].tolist()
    return row, column


def _refuse_nan(rows: Indices, scores: Scores) -> None:
    found = first_nan(scores)
    if found is not None:
        raise CaptionError(
            "similarity",
            f"NaN in row {rows[found[0]]}, column {found[1]} (counted from 0)",
            "Find the text or video whose vector is NaN and encode it again: NaN has no rank.",
        )
