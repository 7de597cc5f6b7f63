"""From similarity to ranks, both directions, in bounded memory.

Rules. Similarity is (Q texts, V videos), higher is better; `owner` (Q,) names each text's video. A rank is 1 + the
number of candidates that score higher, and every tie with a different candidate counts against the query; the
optimistic rank, with all ties in its favour, is given beside it. Infinite scores are ordinary scores: -inf loses to all
others and ties with -inf. NaN has no rank and is an error.

t2v        a text's video among all videos. Videos that own no text are candidates (distractors).
v2t        a video among the videos that own a text, by CLIP4Clip's rule: the score of video v and video u is the
           highest of v with any caption of u. So a wrong video counts once, however many captions it has.
v2t_plain  the best own caption among all captions.

A video without a text asks nothing in v2t and v2t_plain.

The matrix may come in blocks of rows, twice over, and is never held whole: the first pass ranks the texts and notes
their true scores, the second counts for each video what ranks above its best caption. The captions of one video must
be in one block.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deltaclip.ranking.blocks import BLOCK_ROWS, Block, Indices, Scores, matrix_blocks, refuse_nan

__all__ = ["Ranking", "Ranks", "rank_blocks", "rank_matrix"]


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
        """Whether any query has tied candidates."""
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


def rank_matrix(similarity: Scores, owner: Indices, block_rows: int = BLOCK_ROWS) -> Ranking:
    """Ranks of a whole matrix: similarity (Q, V) float, may be on disk; owner (Q,) int, 0..V-1."""
    return rank_blocks(matrix_blocks(similarity, owner, block_rows), owner, similarity.shape[1])


def rank_blocks(
    blocks: Callable[[], Iterable[Block]],
    owner: Indices,
    num_videos: int,
    *,
    v2t_blocks: Callable[[], Iterable[Block]] | None = None,
) -> Ranking:
    """Ranks of a matrix that comes in blocks of rows.

    blocks: called twice; gives each text once, in any order, all captions of a video in one block.
    owner: (Q,) int, 0..num_videos-1. Memory: a few blocks, and a few numbers for each text and video.
    v2t_blocks: other scores for videos as queries, as post-processing makes them; also blocks of texts, and by the
    same rules. `blocks` is then called once, and this twice.
    Raises CaptionError if a score is NaN, ValueError if owner or blocks break the rules above.
    """
    if len(owner) == 0 or owner.min() < 0 or owner.max() >= num_videos:
        raise ValueError(f"owner must name a video in 0..{num_videos - 1} for each of at least one text")
    true, t2v = _rank_texts(blocks(), owner, num_videos)
    if v2t_blocks is None:
        v2t_blocks = blocks
    else:
        true, _ = _rank_texts(v2t_blocks(), owner, num_videos)
    captioned = np.bincount(owner, minlength=num_videos) > 0
    best = np.full(num_videos, -np.inf, true.dtype)
    np.maximum.at(best, owner, true)
    one_each = np.count_nonzero(captioned) == len(owner)  # then a caption is as good as its video, and both rules agree
    by_video, by_caption = _Against(best), _Against(best)
    groups = 0
    for rows, scores in v2t_blocks():
        videos, highest = _highest_by_video(owner[rows], scores)
        by_video.add(videos, highest)
        if not one_each:
            by_caption.add(owner[rows], scores)
        groups += len(videos)
    if groups != np.count_nonzero(captioned):
        raise ValueError("the captions of one video must be in one block: use row_blocks to cut")
    v2t = by_video.ranks(captioned)
    return Ranking(t2v=t2v, v2t=v2t, v2t_plain=v2t if one_each else by_caption.ranks(captioned))


def _rank_texts(blocks: Iterable[Block], owner: Indices, num_videos: int) -> tuple[Scores, Ranks]:
    """First pass: the score of each text with its own video (Q,), and its rank among all videos."""
    true: Scores | None = None
    pessimistic, optimistic = np.zeros((2, len(owner)), np.int64)
    for rows, scores in blocks:
        if scores.shape != (len(rows), num_videos):
            raise ValueError(f"a block of {len(rows)} rows must be ({len(rows)}, {num_videos}), not {scores.shape}")
        refuse_nan(rows, scores)
        own = scores[np.arange(len(rows)), owner[rows]]
        true = np.zeros(len(owner), own.dtype) if true is None else true
        true[rows] = own
        optimistic[rows] = 1 + _count_by_row(np.greater, scores, own)
        pessimistic[rows] = _count_by_row(np.greater_equal, scores, own)  # itself among them
    if true is None or (optimistic == 0).any():
        raise ValueError("the blocks do not hold every text")
    return true, Ranks(pessimistic=pessimistic, optimistic=optimistic)


def _highest_by_video(owner: Indices, scores: Scores) -> tuple[Indices, Scores]:
    """owner (n,), scores (n, V) -> the videos asked about (G,), and for each the highest of its rows (G, V)."""
    order = np.argsort(owner, kind="stable")
    videos, starts = np.unique(owner[order], return_index=True)
    if len(videos) == len(owner):  # one caption each: nothing to merge, and no copy of the block
        return owner, scores
    together = scores if (np.diff(owner) >= 0).all() else scores[order]
    return videos, np.maximum.reduceat(together, starts, axis=0)


class _Against:
    """Counts, column by column, the rows of other videos that rank above or level with the column's best own score."""

    def __init__(self, best: Scores) -> None:
        self.best = best
        self.higher = np.zeros(len(best), np.int64)
        self.at_least = np.zeros(len(best), np.int64)

    def add(self, owner: Indices, scores: Scores) -> None:
        """owner (n,): the video of each row. scores (n, V)."""
        own = scores[np.arange(len(owner)), owner]
        for compare, counts in ((np.greater, self.higher), (np.greater_equal, self.at_least)):
            counts += _count_by_column(compare, scores, self.best)
            # Out again by place, not by value: a second computation may round a score otherwise.
            counts -= np.bincount(owner[compare(own, self.best[owner])], minlength=len(counts))

    def ranks(self, captioned: NDArray[np.bool_]) -> Ranks:
        """Ranks of the videos that own a text."""
        return Ranks(pessimistic=1 + self.at_least[captioned], optimistic=1 + self.higher[captioned])


TILE = 1 << 18
"""Scores compared at once: a tile that stays in the processor's cache while it is compared and counted."""


def _count_by_row(compare: np.ufunc, scores: Scores, bar: Scores) -> Indices:
    """How many of each row pass its bar. scores (n, V), bar (n,) -> (n,)."""
    counts = np.empty(len(scores), np.int64)
    step = max(1, TILE // scores.shape[1])
    for start in range(0, len(scores), step):
        passed = compare(scores[start : start + step], bar[start : start + step, None])
        # row by row, since numpy counts whole arrays many times faster than along an axis
        counts[start : start + step] = [np.count_nonzero(row) for row in passed]
    return counts


def _count_by_column(compare: np.ufunc, scores: Scores, bar: Scores) -> Indices:
    """How many of each column pass its bar. scores (n, V), bar (V,) -> (V,)."""
    counts = np.zeros(scores.shape[1], np.int64)
    rows = 255  # as many as a byte can count
    columns = TILE // rows
    for top in range(0, len(scores), rows):
        for left in range(0, scores.shape[1], columns):
            tile = slice(left, left + columns)
            passed = compare(scores[top : top + rows, tile], bar[tile])
            counts[tile] += passed.view(np.uint8).sum(axis=0, dtype=np.uint8)
    return counts
