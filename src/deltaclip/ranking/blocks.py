"""Similarity as blocks of rows: never the whole matrix, and never one video's captions in two blocks."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deltaclip.errors import CaptionError

__all__ = ["BLOCK_ROWS", "Block", "Indices", "Scores", "first_nan", "matrix_blocks", "refuse_nan", "row_blocks"]
__all__ += ["similarity_blocks"]

Indices = NDArray[np.int64]
Scores = NDArray[np.floating[Any]]  # any float width: scores are compared as they are given
Block = tuple[Indices, Scores]
"""rows (n,), which texts these are; scores (n, V), their similarity to every video."""

BLOCK_ROWS = 256
"""Texts at once: 100 MB of scores against 100,000 videos, and wide enough for a fast matrix product."""


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


def refuse_nan(rows: Indices, scores: Scores) -> None:
    """Raises CaptionError if a score is NaN. rows: (n,), which texts these are. scores: (n, V)."""
    found = first_nan(scores)
    if found is not None:
        raise CaptionError(
            "similarity",
            f"NaN in row {rows[found[0]]}, column {found[1]} (counted from 0)",
            "Find the text or video whose vector is NaN and encode it again: NaN has no rank.",
        )
