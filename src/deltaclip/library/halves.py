"""Rows rounded to float16, which FAISS scores three times as fast as float32 ones are scored, in half the memory.

They only choose which rows can be among the best; exact products put those in order. float16 rounds a number to the
nearest of 11 bits, so that no product of unit vectors changes by more than `most_error` says: every row whose rough
score is lower by twice that than the score wanted is out for certain, and no other is left out.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["Halves", "are_of", "candidates_of_halves", "half_bytes", "most_error", "opened_halves", "use_one_thread"]

HALF_TYPE = np.dtype("<f2")
FEWEST_FOUND = 64
"""Rows that each file is asked for at first, or twice the limit."""
MOST_FOUND = 4096
"""Rows that each file is asked for at last: where so many lie within the error, float32 products are as fast."""
GROWTH = 8
SAMPLED_ROWS = 8
"""Rows of each file that are compared with the store's own when it is opened."""
LENGTH_TOLERANCE = 1e-3
"""How far the length of a row may be from 1."""


@dataclass(frozen=True, slots=True, eq=False)
class Halves:
    """Rows `first` <= row < `first + num_rows` as float16, in a FAISS index over memory that is not its own.

    memory: what the index looks at; it keeps that alive.
    """

    first: int
    num_rows: int
    index: Any  # Any: FAISS ships no types
    memory: NDArray[np.uint8]


class _Found(NamedTuple):
    """The best rows of one file for each query, best first: rows (Q, K), -1 where there are no more; scores (Q, K)."""

    rows: NDArray[np.int64]
    scores: NDArray[np.float32]


def most_error(dimension: int) -> float:
    """More than a rough score can differ from the exact one, for unit vectors of `dimension` numbers.

    Rounding moves a number x by at most 2^-11 |x|, or 2^-25 below 2^-14; a float32 sum of D products, in any order, is
    wrong by at most D 2^-24 / (1 - D 2^-24) of the sum of their sizes (Higham, Accuracy and Stability of Numerical
    Algorithms, section 3.1). Both sums are bounded by Cauchy and Schwarz.
    """
    rounding = 2**-11 + 2**-25 * float(np.sqrt(dimension))
    summing = dimension * 2**-24 / (1 - dimension * 2**-24) * (1 + 2**-10)
    return (rounding + summing) * (1 + LENGTH_TOLERANCE) ** 2


def half_bytes(rows: NDArray[np.float32]) -> bytes:
    """An index of rows (N, D) as a file, which FAISS itself can open.

    numpy rounds the numbers, to the nearest float16: FAISS's own `add` does not on every processor. Raises ValueError
    for rows that are no unit vectors.
    """
    import faiss

    lengths = np.linalg.norm(rows, axis=1)
    if not (np.abs(lengths - 1) < LENGTH_TOLERANCE).all():  # false for NaN
        raise ValueError("some vectors are not of unit length")
    index = faiss.IndexScalarQuantizer(rows.shape[1], faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT)
    index.add_sa_codes(_rounded(rows).view(np.uint8))
    written: bytes = faiss.serialize_index(index).tobytes()
    return written


def opened_halves(
    memory: NDArray[np.uint8],
    first: int,
    shape: tuple[int, int],
    rows_at: Callable[[NDArray[np.intp]], NDArray[np.float32]],
) -> Halves | None:
    """An index over the bytes of a file that `half_bytes` made of rows (N, D) = shape; None if it is of different rows.

    first: number of the first row. rows_at: gives the rows (K, D) at some places 0 <= place < N, which are in order. A
    few are compared, the last among them: a file of a different state of the same vectors differs from some row on.
    """
    import faiss

    try:
        index = faiss.read_index(faiss.ZeroCopyIOReader(faiss.swig_ptr(memory), memory.size))
    except (RuntimeError, MemoryError):  # anything but an index: FAISS's own errors
        return None
    if not isinstance(index, faiss.IndexScalarQuantizer) or (index.ntotal, index.d) != shape:
        return None
    if index.sq.qtype != faiss.ScalarQuantizer.QT_fp16 or index.metric_type != faiss.METRIC_INNER_PRODUCT:
        return None
    some = np.unique(np.linspace(0, shape[0] - 1, SAMPLED_ROWS).astype(np.intp))
    if not np.array_equal(_codes(memory, shape)[some], _rounded(rows_at(some)).view(np.uint16)):
        return None
    index.referenced_objects = [memory]  # as FAISS's wrapper does: who holds the index alone must not lose its rows
    return Halves(first, shape[0], index, memory)


def are_of(halves: Halves, rows: NDArray[np.float32]) -> bool:
    """Whether they are these rows (N, D), all of them."""
    return np.array_equal(_codes(halves.memory, rows.shape), _rounded(rows).view(np.uint16))


def candidates_of_halves(
    pool: Executor,
    halves: Sequence[Halves],
    queries: NDArray[np.float32],
    limit: int,
    wanted: NDArray[np.bool_] | None = None,
) -> NDArray[np.intp] | None:
    """Rows, in order, among which are the best `limit` and all that tie with the last of them.

    queries: (Q, D) float32, unit rows; a row's score is its highest product with any. wanted: (N,), which rows are
    looked for, None for all. None if more than a few thousand rows of one file are too close to each other to tell.
    """
    margin, count = 2 * most_error(queries.shape[1]), max(FEWEST_FOUND, 2 * limit)
    while count <= MOST_FOUND:
        found = list(pool.map(lambda each: _best(each, queries, count, wanted), halves))  # noqa: B023 - used at once
        rows, scores = _highest_of_each(found)
        if not len(rows):
            return rows
        enough = min(limit, len(rows))
        least = float(np.partition(scores, len(rows) - enough)[len(rows) - enough]) - margin
        if all(((each.rows[:, -1] < 0) | (each.scores[:, -1] < least)).all() for each in found if each.rows.size):
            return rows[scores >= least]
        count *= GROWTH
    return None


def use_one_thread() -> None:
    """For the threads of a pool: there each file is scored by one of them, and FAISS itself starts no more."""
    import faiss

    faiss.omp_set_num_threads(1)  # of the calling thread


def _best(halves: Halves, queries: NDArray[np.float32], count: int, wanted: NDArray[np.bool_] | None) -> _Found:
    import faiss

    count, chosen, options = min(count, halves.num_rows), None, None
    if wanted is not None:
        chosen = wanted[halves.first : halves.first + halves.num_rows]
        if not chosen.any():
            return _Found(np.empty((len(queries), 0), np.int64), np.empty((len(queries), 0), np.float32))
        if not chosen.all():
            bits = np.packbits(chosen, bitorder="little")
            options = faiss.SearchParameters(sel=faiss.IDSelectorBitmap(bits))
    scores, rows = halves.index.search(queries, count, params=options)
    if count == halves.num_rows:  # there are no more: nothing else tells it if all are found
        rows = np.pad(rows, ((0, 0), (0, 1)), constant_values=-1)
        scores = np.pad(scores, ((0, 0), (0, 1)))
    return _Found(np.where(rows < 0, rows, rows + halves.first), scores)


def _highest_of_each(found: Sequence[_Found]) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """Every row that was found, once and in order, and its highest score."""
    rows = np.concatenate([each.rows.ravel() for each in found])
    scores = np.concatenate([each.scores.ravel() for each in found])[rows >= 0]
    distinct, places = np.unique(rows[rows >= 0], return_inverse=True)
    highest = np.full(len(distinct), -np.inf, np.float32)
    np.maximum.at(highest, places, scores)
    return distinct.astype(np.intp), highest


def _rounded(rows: NDArray[np.float32]) -> NDArray[np.float16]:
    return np.ascontiguousarray(rows.astype(HALF_TYPE))


def _codes(memory: NDArray[np.uint8], shape: tuple[int, ...]) -> NDArray[np.uint16]:
    """The rows of a file as bits, (N, D): FAISS puts them at its end."""
    size = int(np.prod(shape)) * HALF_TYPE.itemsize
    return np.frombuffer(memory, np.uint16, offset=memory.size - size).reshape(shape)
