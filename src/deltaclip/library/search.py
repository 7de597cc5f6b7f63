"""Exact search: every vector of a library against the query's, best moments first."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deltaclip.library.protocols import ReadMoments, VectorEncoder
from deltaclip.library.results import Hit
from deltaclip.reader import Clip

__all__ = ["VectorTable", "encode_query_file", "top_rows"]

ROWS_AT_ONCE = 65_536
"""Moments scored in one matrix product, so that a long query against a large library stays in memory."""
ROWS_SUMMED = 4096
"""Moments whose exact scores are summed at once: 16 MB of float64 at 512 numbers."""
CLIPS_AT_ONCE = 8
ROUNDING = 1e-5
"""More than two float32 products of unit vectors can differ by, whatever the order of their sums (D up to 1024)."""


@dataclass(frozen=True, slots=True, eq=False)
class VectorTable:
    """All moments that can be found, by path and start.

    paths: N names, as the file system has them. ids: of the moments. starts, ends: (N,) float64, seconds.
    coverage: N shares or None. vectors: (N, D) float32, unit rows.
    """

    paths: list[bytes] = field(repr=False)
    ids: list[str] = field(repr=False)
    starts: NDArray[np.float64] = field(repr=False)
    ends: NDArray[np.float64] = field(repr=False)
    coverage: list[float | None] = field(repr=False)
    vectors: NDArray[np.float32] = field(repr=False)

    def hits(self, queries: NDArray[np.float32], limit: int) -> list[Hit]:
        """The best `limit` moments for queries (Q, D), each moment by its best query; ties by path, then start."""
        rows, scores = top_rows(self.vectors, queries, limit)
        return [
            Hit(
                Path(os.fsdecode(self.paths[row])),
                float(self.starts[row]),
                float(self.ends[row]),
                min(float(score), 1.0),  # rounding lifts a clip against itself beyond a cosine's bound
                self.coverage[row],
                self.ids[row],
            )
            for row, score in zip(rows, scores, strict=True)
        ]


def top_rows(
    vectors: NDArray[np.float32], queries: NDArray[np.float32], limit: int
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """The `limit` rows with the highest score, best first, ties by row; and their scores.

    vectors: (N, D) float32, unit rows. queries: (Q, D) float32, unit rows, Q >= 1. A row's score is its highest
    product with any query. Returns rows (K,) and scores (K,) float64, K = min(limit, N).
    float32 products choose the rows that can matter, sums in float64 put them in order: a matrix product gives the same
    vector different last digits in a different place of the matrix, and copies of one video would come in any order.
    """
    if limit < 1:
        raise ValueError(f"limit starts at 1, not {limit}")
    blocks = [vectors[start : start + ROWS_AT_ONCE] for start in range(0, len(vectors), ROWS_AT_ONCE)]
    rough = np.concatenate([np.empty(0, np.float32), *((block @ queries.T).max(axis=1) for block in blocks)])
    rows = np.arange(len(rough))
    if limit < len(rough):
        least = np.partition(rough, len(rough) - limit)[len(rough) - limit]
        rows = np.flatnonzero(rough >= least - ROUNDING)
    exact = np.concatenate([np.empty(0), *(_exact(vectors[some], queries) for some in _in_pieces(rows))])
    order = np.argsort(-exact, kind="stable")[:limit]
    return rows[order], exact[order]


def _in_pieces(rows: NDArray[np.intp]) -> Iterator[NDArray[np.intp]]:
    return (rows[start : start + ROWS_SUMMED] for start in range(0, len(rows), ROWS_SUMMED))


def _exact(vectors: NDArray[np.float32], queries: NDArray[np.float32]) -> NDArray[np.float64]:
    """(N, D) and (Q, D) to the highest of each row's products, (N,). Each row is summed alone and in the same order."""
    wide = vectors.astype(np.float64)
    sums = np.stack([(wide * query).sum(axis=1) for query in queries.astype(np.float64)])
    return np.asarray(sums.max(axis=0), np.float64)


def encode_query_file(
    path: Path, encoder: VectorEncoder, read: ReadMoments, on_note: Callable[[str], None]
) -> NDArray[np.float32]:
    """One vector for every segment of a query video, cut as `index` cuts: (Q, D) float32, Q >= 1.

    on_note: told what is worth knowing of the file. Raises VideoError if it cannot be read to its end: half a question
    has no answer.
    """
    notes: dict[str, None] = {}

    def clips() -> Iterator[Clip]:
        for clip in read(path, encoder.reader_spec):
            notes.update(dict.fromkeys(clip.notes))
            yield clip

    vectors = np.concatenate(list(_encoded(clips(), encoder)))
    for text in notes:
        on_note(text)
    return vectors


def _encoded(clips: Iterator[Clip], encoder: VectorEncoder) -> Iterator[NDArray[np.float32]]:
    while batch := list(islice(clips, CLIPS_AT_ONCE)):
        yield encoder.encode_clips(batch)
