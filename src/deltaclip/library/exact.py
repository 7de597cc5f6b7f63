"""Exact search: every vector against the queries', in blocks; the best rows and all that tie with the last of them."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["ROUNDING", "best_first", "candidates", "exact_products", "nearest", "require_unit", "rough_products"]

ROWS_AT_ONCE = 4096
"""Rows scored at once: 8 MB at 512 numbers, which stay in the processor's cache from one query to the next."""
ROWS_OF_A_PRODUCT = 16_384
"""Rows of a matrix product: of fewer it is slower, and 240 queries take 16 MB for the products."""
FEW_QUERIES = 16
"""Up to so many, products of single rows are faster than a matrix product, by a factor of two for one query; and
threads that search at once do not wait for one another, as they do for the threads of the BLAS."""
ROWS_SUMMED = 4096
"""Rows whose exact scores are summed at once: 16 MB of float64 at 512 numbers."""
ROUNDING = 1e-5
"""More than two float32 products of unit vectors can differ by, whatever the order of their sums (D up to 1024)."""
HIGHEST = 1.01
"""More than any product of unit vectors."""


def nearest(
    spans: Sequence[NDArray[np.float32]],
    queries: NDArray[np.float32],
    limit: int,
    hidden: Sequence[tuple[int, int]] = (),
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """The `limit` rows with the highest score, and every further row that ties with the last of them.

    spans: arrays (N_i, D) float32 of unit rows, which are numbered through: row 0 is the first of the first span.
    queries: (Q, D) float32, unit rows, Q >= 1. A row's score is its highest product with any query.
    hidden: (first row, number of rows), ranges that are not looked for; they do not overlap.
    Returns rows (K,) and scores (K,) float64, best first, ties by row; K is smaller than `limit` only if there are no
    more rows. Raises ValueError for a limit below 1, and for rows that are no unit vectors.

    float32 products choose the rows that can matter, sums in float64 put them in order: a matrix product gives the same
    vector different last digits in a different place of the matrix, and copies of one video would come in any order.
    """
    rough = rough_products(spans, queries)
    for first, size in hidden:
        rough[first : first + size] = 0
    require_unit(rough)
    for first, size in hidden:
        rough[first : first + size] = -np.inf
    rows, count = candidates(rough, limit)
    exact = exact_products(spans, rows, queries)
    order = best_first(exact, count)
    return rows[order], exact[order]


def rough_products(spans: Sequence[NDArray[np.float32]], queries: NDArray[np.float32]) -> NDArray[np.float32]:
    """The highest product of each row, (N,), as float32 arithmetic has it."""
    rough = np.empty(sum(map(len, spans)), np.float32)
    size = ROWS_AT_ONCE if len(queries) <= FEW_QUERIES else ROWS_OF_A_PRODUCT
    done = 0
    for span in spans:
        for start in range(0, len(span), size):
            block = span[start : start + size]
            _highest(block, queries, rough[done : done + len(block)])
            done += len(block)
    return rough


def require_unit(rough: NDArray[np.float32]) -> None:
    """Raises ValueError if a product, or NaN, cannot be of unit vectors."""
    if len(rough) and not (rough.min() > -HIGHEST and rough.max() < HIGHEST):  # false for NaN
        raise ValueError("some vectors are not of unit length")


def candidates(rough: NDArray[np.float32], limit: int, margin: float = ROUNDING) -> tuple[NDArray[np.intp], int]:
    """The rows of which the best `limit` are certainly some, in order, and how many of them are wanted.

    rough: (N,) scores that differ from exact ones by less than half of `margin`; -inf for rows that are not looked for.
    Raises ValueError for a limit below 1.
    """
    if limit < 1:
        raise ValueError(f"limit starts at 1, not {limit}")
    count = min(limit, int(np.count_nonzero(rough > -np.inf)))
    if count == 0:
        return np.empty(0, np.intp), 0
    least = np.partition(rough, len(rough) - count)[len(rough) - count]
    return np.flatnonzero(rough >= least - margin), count


def exact_products(
    spans: Sequence[NDArray[np.float32]], rows: NDArray[np.intp], queries: NDArray[np.float32]
) -> NDArray[np.float64]:
    """The highest product of each of `rows`, which are in order, (K,). The same vector has the same in every place."""
    pieces = [_exact(some, queries) for some in _pieces(spans, rows)]
    return np.concatenate(pieces) if pieces else np.empty(0)


def best_first(scores: NDArray[np.float64], count: int) -> NDArray[np.intp]:
    """The places of the best `count` scores, and of all that tie with the last of them, best first, ties in order."""
    order = np.argsort(-scores, kind="stable")
    return order[scores[order] >= scores[order[count - 1]]] if count else order[:0]


def _highest(block: NDArray[np.float32], queries: NDArray[np.float32], out: NDArray[np.float32]) -> None:
    """Writes the highest product of each row with any query into `out`, (N,)."""
    if len(queries) > FEW_QUERIES:
        np.max(block @ queries.T, axis=1, out=out)
        return
    np.vecdot(block, queries[0], out=out)
    for query in queries[1:]:
        np.maximum(out, np.vecdot(block, query), out=out)


def _pieces(spans: Sequence[NDArray[np.float32]], rows: NDArray[np.intp]) -> Iterator[NDArray[np.float32]]:
    """The vectors of `rows`, which are in order, a few at a time."""
    first = 0
    for span in spans:
        inside = rows[np.searchsorted(rows, first) : np.searchsorted(rows, first + len(span))] - first
        for start in range(0, len(inside), ROWS_SUMMED):
            yield span[inside[start : start + ROWS_SUMMED]]
        first += len(span)


def _exact(vectors: NDArray[np.float32], queries: NDArray[np.float32]) -> NDArray[np.float64]:
    """(N, D) and (Q, D) to the highest of each row's products, (N,). Each row is summed alone and in the same order."""
    wide = vectors.astype(np.float64)
    sums = np.stack([(wide * query).sum(axis=1) for query in queries.astype(np.float64)])
    return np.asarray(sums.max(axis=0), np.float64)
