"""Exact search: every vector against the queries', in blocks; the best rows and all that tie with the last of them."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import numpy as np
from numpy.typing import NDArray

from deltaclip.library.halves import Halves, candidates_of_halves, use_one_thread
from deltaclip.pipeline import usual_workers

__all__ = [
    "HIGHEST",
    "ROUNDING",
    "DamagedRowsError",
    "Hidden",
    "best_first",
    "candidates",
    "exact_products",
    "gathered",
    "nearest",
    "picked",
    "require_unit",
]
__all__ += ["rough_products", "searchable"]

Hidden = Sequence[tuple[int, int]]
"""(first row, number of rows): ranges of rows that are not searched; they do not overlap."""

ROWS_AT_ONCE = 4096
"""Rows scored at once: 8 MB at 512 numbers, which stay in the processor's cache from one query to the next."""
ROWS_OF_A_THREAD = 65_536
"""Rows that a thread scores before it takes the next; so many at most are not worth a second one."""
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
FEW_QUERIES_OF_HALVES = 8
"""Up to so many, FAISS is faster, which reads the rows anew for each query."""


class DamagedRowsError(ValueError):
    """Rows that are no unit vectors. rows: their numbers, (K,), in order; there may be more."""

    def __init__(self, rows: NDArray[np.intp]) -> None:
        super().__init__("some vectors are not of unit length")
        self.rows = rows


def nearest(
    spans: Sequence[NDArray[np.float32]],
    queries: NDArray[np.float32],
    limit: int,
    hidden: Hidden = (),
    wanted: NDArray[np.bool_] | None = None,
    halves: Sequence[Halves] = (),
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """The `limit` rows with the highest score, and every further row that ties with the last of them.

    spans: arrays (N_i, D) float32 of unit rows, which are numbered through: row 0 is the first of the first span.
    queries: (Q, D) float32, unit rows, Q >= 1. A row's score is its highest product with any query.
    hidden: ranges that are not searched. wanted: (N,), the rows that may be given, None for all.
    halves: the first rows once more as float16, without a gap, which makes it faster and changes nothing.
    Returns rows (K,) and scores (K,) float64, best first, ties by row; K is smaller than `limit` only if there are no
    more rows. Raises ValueError for a limit below 1, DamagedRowsError for rows that are no unit vectors; of those in
    `halves`, which were when these were made, only for the ones that are given.

    float32 products choose the rows that can matter, sums in float64 put them in order: a matrix product gives the same
    vector different last digits in a different place of the matrix, and copies of one video would come in any order.
    """
    if limit < 1:
        raise ValueError(f"limit starts at 1, not {limit}")
    there = searchable(sum(map(len, spans)), hidden)
    sought = there if wanted is None else wanted if there is None else there & wanted
    rows = None
    if halves and len(queries) <= FEW_QUERIES_OF_HALVES:
        rows = _candidates_with_halves(spans, queries, limit, there, sought, halves)
    if rows is None:
        rows = _candidates(spans, queries, limit, there, sought)
    exact = exact_products(spans, rows, queries)
    try:
        require_unit(exact)
    except DamagedRowsError as error:
        raise DamagedRowsError(rows[error.rows]) from None
    order = best_first(exact, min(limit, len(rows)))
    return rows[order], exact[order]


def searchable(num_rows: int, hidden: Hidden) -> NDArray[np.bool_] | None:
    """(N,), which rows are not hidden; None if none is."""
    if not hidden:
        return None
    there = np.ones(num_rows, bool)
    for first, size in hidden:
        there[first : first + size] = False
    return there


def rough_products(spans: Sequence[NDArray[np.float32]], queries: NDArray[np.float32]) -> NDArray[np.float32]:
    """The highest product of each row, (N,), as float32 arithmetic has it."""
    rough = np.empty(sum(map(len, spans)), np.float32)
    if len(queries) > FEW_QUERIES:  # which has threads of its own
        _score(spans, queries, rough, ROWS_OF_A_PRODUCT)
    elif len(rough) <= ROWS_OF_A_THREAD:
        _score(spans, queries, rough, ROWS_AT_ONCE)
    else:
        pieces = [_rows_of(spans, first, ROWS_OF_A_THREAD) for first in range(0, len(rough), ROWS_OF_A_THREAD)]
        outs = np.split(rough, range(ROWS_OF_A_THREAD, len(rough), ROWS_OF_A_THREAD))
        list(_threads().map(lambda piece, out: _score(piece, queries, out, ROWS_AT_ONCE), pieces, outs))
    return rough


@cache
def _threads() -> ThreadPoolExecutor:
    """Kept from one search to the next: starting them takes as long as scoring 20,000 rows."""
    return ThreadPoolExecutor(usual_workers(), "deltaclip-exact")


def require_unit(products: NDArray[np.float32] | NDArray[np.float64], there: NDArray[np.bool_] | None = None) -> None:
    """Raises DamagedRowsError if a product, or NaN, cannot be of unit vectors.

    there: (N,), the places that are looked at; None for all.
    """
    checked = products if there is None else products[there]
    if len(checked) and not (checked.min() > -HIGHEST and checked.max() < HIGHEST):  # false for NaN
        damaged = ~(np.abs(products) < HIGHEST)
        raise DamagedRowsError(np.flatnonzero(damaged if there is None else damaged & there))


def candidates(rough: NDArray[np.float32], limit: int, margin: float = ROUNDING) -> NDArray[np.intp]:
    """The rows of which the best `limit` are certainly some, in order; fewer only if there are no more.

    rough: (N,) scores that differ from exact ones by less than half of `margin`; -inf for rows that are not looked for.
    """
    count = min(limit, int(np.count_nonzero(rough > -np.inf)))
    if count == 0:
        return np.empty(0, np.intp)
    least = np.partition(rough, len(rough) - count)[len(rough) - count]
    return np.flatnonzero(rough >= least - margin)


def exact_products(
    spans: Sequence[NDArray[np.float32]], rows: NDArray[np.intp], queries: NDArray[np.float32]
) -> NDArray[np.float64]:
    """The highest product of each of `rows`, which are in order, (K,). The same vector has the same in every place."""
    pieces = [_exact(some, queries) for some in picked(spans, rows)]
    return np.concatenate(pieces) if pieces else np.empty(0)


def picked(spans: Sequence[NDArray[np.float32]], rows: NDArray[np.intp]) -> Iterator[NDArray[np.float32]]:
    """The vectors of `rows`, which are in order, a few at a time."""
    first = 0
    for span in spans:
        inside = rows[np.searchsorted(rows, first) : np.searchsorted(rows, first + len(span))] - first
        for start in range(0, len(inside), ROWS_SUMMED):
            yield span[inside[start : start + ROWS_SUMMED]]
        first += len(span)


def gathered(spans: Sequence[NDArray[np.float32]], rows: NDArray[np.intp], dimension: int) -> NDArray[np.float32]:
    """The vectors of `rows`, in any order, (K, dimension) float32; NaN for a negative row."""
    made = np.full((len(rows), dimension), np.nan, np.float32)
    there = np.flatnonzero(rows >= 0)
    order = there[np.argsort(rows[there], kind="stable")]
    if len(order):
        made[order] = np.concatenate([*picked(spans, rows[order])])
    return made


def best_first(scores: NDArray[np.float64], count: int) -> NDArray[np.intp]:
    """The places of the best `count` scores, and of all that tie with the last of them, best first, ties in order."""
    order = np.argsort(-scores, kind="stable")
    return order[scores[order] >= scores[order[count - 1]]] if count else order[:0]


def _candidates(
    spans: Sequence[NDArray[np.float32]],
    queries: NDArray[np.float32],
    limit: int,
    there: NDArray[np.bool_] | None,
    sought: NDArray[np.bool_] | None,
) -> NDArray[np.intp]:
    """As `candidates`, by float32 products. there: the rows that have to be unit vectors. sought: those to be given."""
    rough = rough_products(spans, queries)
    require_unit(rough, there)
    if sought is not None:
        rough[~sought] = -np.inf
    return candidates(rough, limit)


def _candidates_with_halves(
    spans: Sequence[NDArray[np.float32]],
    queries: NDArray[np.float32],
    limit: int,
    there: NDArray[np.bool_] | None,
    sought: NDArray[np.bool_] | None,
    halves: Sequence[Halves],
) -> NDArray[np.intp] | None:
    """The same by float16 products, and by float32 ones behind them; None if float16 cannot tell rows apart."""
    covered = sum(each.num_rows for each in halves)
    behind = [None if mask is None else mask[covered:] for mask in (there, sought)]
    with ThreadPoolExecutor(usual_workers(), initializer=use_one_thread) as pool:
        last = pool.submit(_candidates, _rows_of(spans, covered), queries, limit, *behind)
        first = candidates_of_halves(pool, halves, queries, limit, sought)
        try:
            return None if first is None else np.concatenate([first, last.result() + covered])
        except DamagedRowsError as error:
            raise DamagedRowsError(error.rows + covered) from None


def _rows_of(spans: Sequence[NDArray[np.float32]], first: int, count: int | None = None) -> list[NDArray[np.float32]]:
    """`count` rows from `first` on; None for all of them."""
    chosen, begin = list[NDArray[np.float32]](), 0
    for span in spans:
        last = len(span) if count is None else first + count - begin
        chosen.append(span[max(first - begin, 0) : max(last, 0)])
        begin += len(span)
    return chosen


def _score(
    spans: Sequence[NDArray[np.float32]], queries: NDArray[np.float32], out: NDArray[np.float32], size: int
) -> None:
    """Writes the highest product of each row into `out`, (N,), for so many rows at once."""
    done = 0
    for span in spans:
        for start in range(0, len(span), size):
            block = span[start : start + size]
            _highest(block, queries, out[done : done + len(block)])
            done += len(block)


def _highest(block: NDArray[np.float32], queries: NDArray[np.float32], out: NDArray[np.float32]) -> None:
    """Writes the highest product of each row with any query into `out`, (N,)."""
    if len(queries) > FEW_QUERIES:
        np.max(block @ queries.T, axis=1, out=out)
        return
    np.vecdot(block, queries[0], out=out)
    for query in queries[1:]:
        np.maximum(out, np.vecdot(block, query), out=out)


def _exact(vectors: NDArray[np.float32], queries: NDArray[np.float32]) -> NDArray[np.float64]:
    """(N, D) and (Q, D) to the highest of each row's products, (N,). Each row is summed alone and in the same order."""
    wide = vectors.astype(np.float64)
    sums = np.stack([(wide * query).sum(axis=1) for query in queries.astype(np.float64)])
    return np.asarray(sums.max(axis=0), np.float64)
