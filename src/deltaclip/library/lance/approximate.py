"""Search through the index of a large library: its candidates, put in order by exact sums."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from deltaclip.library.both import HitScores
from deltaclip.library.exact import HIGHEST, ROUNDING, exact_products
from deltaclip.library.filters import Filter
from deltaclip.library.lance.meta import Probing
from deltaclip.library.lance.places import pyarrow as pa
from deltaclip.library.lance.state import LanceState
from deltaclip.library.lance.tables import ids_among, vectors_in
from deltaclip.library.store import MotionQuery

__all__ = ["IndexHit", "ScoreSpread", "condition_of", "has_index", "nearest_rows", "search_index", "spread_of"]

MORE = 40
"""Candidates beyond those that are asked for: moments that tie with the last of them are among them."""
WIDER = 10
"""How many times more candidates a search by appearance and motion takes from each: it ranks by the sum of both."""
_PLACE = ("video", "number", "start", "end", "coverage")


@dataclass(frozen=True, slots=True)
class IndexHit:
    """A moment of a search. scores: as in `results.Hit`."""

    video: str
    number: int
    start: float
    end: float
    coverage: float | None
    scores: HitScores


@dataclass(frozen=True, slots=True)
class ScoreSpread:
    """Of the products of a question with a sample of all moments: standard deviations and the mean of motion's."""

    looks: float
    moves: float
    mean: float


def has_index(probing: Mapping[str, Probing], queries: NDArray[np.float32] | None, motion: MotionQuery | None) -> bool:
    """Whether there is an index of all that is asked of."""
    asked = ([] if queries is None else ["vector"]) + ([] if motion is None else ["motion"])
    return all(column in probing for column in asked)


def search_index(
    state: LanceState,
    probing: Mapping[str, Probing],
    queries: NDArray[np.float32] | None,
    motion: MotionQuery | None,
    limit: int,
    condition: str | None,
    spread: ScoreSpread | None,
) -> tuple[list[IndexHit], int]:
    """The best `limit` moments that the index finds, and more, in no order; and how many damaged ones were left out.

    The scores are those of an exact search; a moment that the index misses is not among them. probing: of each
    column; one that is not in it is searched without its index. condition: which moments may be found, None for all.
    spread: for a search by appearance and motion, which takes it for that of all.
    """
    moves = None if motion is None or (queries is not None and motion.weight == 0) else motion
    count = (limit if queries is None or moves is None else WIDER * limit) + MORE
    asked = list[tuple[str, NDArray[np.float32]]]()
    if queries is not None:
        asked += [("vector", query) for query in queries]
    if moves is not None:
        asked += [("motion", query) for query in moves.vectors]
    columns = [*_PLACE, *(["vector"] if queries is not None else []), *(["motion"] if moves is not None else [])]
    tables = [
        nearest_rows(state.moments, probing.get(column), column, q, count, columns, condition) for column, q in asked
    ]
    rows = _once(pa.concat_tables(tables))
    looks = None if queries is None else _products(rows["vector"], queries)
    moving = None if moves is None else _products(rows["motion"], moves.vectors)
    if looks is None:
        assert moving is not None
        scores = moving
    elif moving is None or moves is None or spread is None:
        scores = looks
    else:
        factor = moves.weight * max(spread.looks, ROUNDING) / spread.moves if spread.moves > ROUNDING else 0.0
        scores = np.where(np.isnan(moving), looks, looks + factor * (np.nan_to_num(moving) - spread.mean))
    return _found(rows, scores, looks, moving)


def nearest_rows(
    moments: Any,  # a LanceDataset
    probing: Probing | None,
    column: str,
    query: NDArray[np.float32],
    count: int,
    columns: Sequence[str],
    condition: str | None = None,
) -> pa.Table:
    """The `count` rows nearest to a query by the index, and by all vectors that are not in it yet.

    probing: None for the nearest of all rows that fit the condition, without the index.
    """
    nearest = {"column": column, "q": query, "k": count, "metric": "cosine"}
    if probing is None:
        nearest["use_index"] = False
    else:
        nearest |= {"minimum_nprobes": probing.probes, "refine_factor": probing.refine}
    scanner = moments.scanner(
        columns=[*columns], nearest=nearest, filter=condition, prefilter=True, disable_scoring_autoprojection=True
    )
    return scanner.to_table()


def condition_of(state: LanceState, where: Filter | None, ids: Sequence[str] | None) -> str | None:
    """Which moments a search may find: of videos that are there, and of those of `ids` if a filter chose them."""
    conditions = []
    if ids is not None:
        conditions.append(ids_among("video", ids))
    elif state.missing:
        conditions.append(f"NOT {ids_among('video', state.missing)}")
    if where is not None and where.min_coverage is not None:
        conditions.append(f"coverage >= {where.min_coverage!r}")
    return " AND ".join(f"({each})" for each in conditions) or None


def spread_of(
    looks: NDArray[np.float32], moves: NDArray[np.float32], queries: NDArray[np.float32], motion: MotionQuery
) -> ScoreSpread:
    """Of the vectors (N, D) and motion vectors (N, Dm), NaN where there is none, of a sample of all moments."""
    a = (looks @ queries.T).max(axis=1)
    m = (moves[~np.isnan(moves).any(axis=1)] @ motion.vectors.T).max(axis=1, initial=-1.0)
    spread = float(m.std(dtype=np.float64)) if len(m) else 0.0
    return ScoreSpread(float(a.std(dtype=np.float64)), spread, float(m.mean(dtype=np.float64)) if len(m) else 0.0)


def _products(column: pa.ChunkedArray, queries: NDArray[np.float32]) -> NDArray[np.float64]:
    """The highest product of each row, (N,); NaN where there is no vector."""
    vectors = vectors_in(column)
    return exact_products([vectors], np.arange(len(vectors)), queries)


def _once(rows: pa.Table) -> pa.Table:
    """Each moment once: several queries find the same."""
    keys = pc.binary_join_element_wise(rows["video"], pc.cast(rows["number"], pa.string()), ".")
    first = {key: place for place, key in reversed([*enumerate(keys.to_pylist())])}
    return rows.take(pa.array(sorted(first.values()), pa.int64()))


def _found(
    rows: pa.Table,
    scores: NDArray[np.float64],
    looks: NDArray[np.float64] | None,
    moving: NDArray[np.float64] | None,
) -> tuple[list[IndexHit], int]:
    found, damaged = list[IndexHit](), 0
    is_cosine = looks is None or moving is None
    columns = (rows[name].to_pylist() for name in _PLACE)
    for place, (video, number, start, end, coverage) in enumerate(zip(*columns, strict=True)):
        products = [None if each is None else float(each[place]) for each in (looks, moving)]
        if not all(product is None or product != product or abs(product) < HIGHEST for product in products):
            damaged += 1
            continue
        look, move = (None if each is None or each != each else min(each, 1.0) for each in products)
        score = float(scores[place])
        if score == score:  # else it has no motion vector in a search by motion
            told = HitScores(min(score, 1.0) if is_cosine else score, look, move)
            found.append(IndexHit(video, number, start, end, coverage, told))
    return found, damaged
