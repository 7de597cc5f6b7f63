"""The index of the vectors of a large library: built by Lance, and tuned to a recall that is measured."""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deltaclip.library.lance.approximate import MORE, nearest_rows
from deltaclip.library.lance.meta import Probing
from deltaclip.library.lance.places import pyarrow as pa
from deltaclip.library.lance.tables import vectors_in

__all__ = ["build_index", "extend_index", "indexed_columns", "tune"]

KIND = "IVF_RQ"
BITS = 1
"""Of a number in the index. More take more room; the vectors themselves put the candidates in order again."""
QUESTIONS = 100
"""By which recall is measured."""
DEPTH = 10
"""Nearest moments of which recall is the share that is found."""
LADDER = ((10, 5), (20, 5), (50, 10), (100, 10), (200, 20), (400, 20), (800, 50))
"""Lists looked into, and candidates for each hit whose vectors are read, from fast to thorough."""
REFINES = (20, 50, 100, 200)
"""The same candidates for a search that may find some of the moments alone."""
SOME = "video < '1a'"
"""A tenth of the videos, whose ids are random: the moments by which such searches are measured."""
_SEED = 20_261_127


def build_index(moments: Any) -> None:  # a LanceDataset
    """Builds the index of vectors, that of motion vectors if there are enough of them, and that of videos' ids."""
    lists = max(1, round(moments.count_rows() ** 0.5))
    for column in indexed_columns(moments):
        moments.create_index(column, KIND, metric="cosine", num_partitions=lists, num_bits=BITS, replace=True)
    moments.create_scalar_index("video", "BTREE", replace=True)


LEAST_ROWS = 256
"""Lance takes no fewer for an index."""


MOST_PARTS = 8
"""Of an index, which each addition has one more of; a search asks them all."""


def extend_index(moments: Any) -> bool:  # a LanceDataset
    """Adds the moments that are not in the index yet, as one more part with the same lists; False if it has too many.

    Merging parts joins lists as well, in Lance 14 even where there is nothing to add: of 1,000 lists 490 were left, and
    the recall of a search that looks into 10 fell from 0.998 to 0.85.
    """
    present = {fragment.fragment_id for fragment in moments.get_fragments()}
    for index in moments.describe_indices():
        if present <= {number for part in index.segments for number in part.fragment_ids}:
            continue
        if index.index_type == KIND:
            if len(index.segments) == MOST_PARTS:
                return False
            moments.optimize.optimize_indices(index_names=[index.name], num_indices_to_merge=0)
        else:
            moments.optimize.optimize_indices(index_names=[index.name])
    return True


def tune(moments: Any, recall: float, rows: int) -> dict[str, Probing]:  # moments: a LanceDataset
    """For each column the fastest way of searching that finds the share `recall` of the nearest moments of a sample of
    questions; if none does, the most thorough, with the recall that it has. rows: see `Probing`."""
    return {column: _tuned(moments, column, recall, rows) for column in indexed_columns(moments)}


def _tuned(moments: Any, column: str, recall: float, rows: int) -> Probing:
    questions = _questions(moments, column)
    true = _nearest_exactly(moments, column, questions)
    for probes, refine in LADDER:
        probing = Probing(probes, refine, 0.0, rows)
        probing = replace(probing, recall=_recall(moments, probing, column, questions, true))
        if probing.recall >= recall:
            break
    if moments.count_rows(f"{SOME} AND {column} IS NOT NULL") < DEPTH:
        return probing
    true = _nearest_exactly(moments, column, questions, SOME)
    for refine in REFINES:
        probing = replace(probing, some_refine=refine)
        probing = replace(probing, some_recall=_recall(moments, probing.among_some(), column, questions, true, SOME))
        if probing.some_recall is not None and probing.some_recall >= recall:
            break
    return probing


def indexed_columns(moments: Any) -> list[str]:  # a LanceDataset
    """Those with enough vectors for an index."""
    names = [name for name in ("vector", "motion") if name in moments.schema.names]
    return [name for name in names if moments.count_rows(f"{name} IS NOT NULL") > LEAST_ROWS]


def _recall(
    moments: Any,  # a LanceDataset
    probing: Probing,
    column: str,
    questions: NDArray[np.float32],
    true: NDArray[np.int64],
    condition: str | None = None,
) -> float:
    """Mean share of the rows `true` (Q, DEPTH) that a search of DEPTH hits has for questions (Q, D), to four digits."""
    shares = []
    for question, rows in zip(questions, true, strict=True):
        found = nearest_rows(moments, probing, column, question, DEPTH + MORE, ["_rowid"], condition)
        shares.append(len({*found["_rowid"].to_pylist()} & {*rows.tolist()}) / len(rows))
    return round(float(np.mean(shares)), 4)


def _questions(moments: Any, column: str) -> NDArray[np.float32]:
    """(Q, D) unit rows, each about as far from a moment as a text is from what it describes: not a moment itself,
    which any index finds."""
    rng = np.random.default_rng(_SEED)
    there = moments.to_table(columns=["_rowoffset"], filter=f"{column} IS NOT NULL")["_rowoffset"].to_numpy()
    rows = np.sort(rng.choice(there, min(QUESTIONS, len(there)), replace=False))
    vectors = vectors_in(moments.take(rows.tolist(), [column])[column])
    noise = rng.normal(size=vectors.shape).astype(np.float32)
    mixed = vectors + noise / np.linalg.norm(noise, axis=1, keepdims=True)
    return np.asarray(mixed / np.linalg.norm(mixed, axis=1, keepdims=True), np.float32)


def _nearest_exactly(
    moments: Any, column: str, questions: NDArray[np.float32], condition: str = "true"
) -> NDArray[np.int64]:
    """(Q, DEPTH), the row ids of the nearest moments that fit; reads their vectors once, a part at a time."""
    scores = np.empty((len(questions), 0), np.float32)
    rows = np.empty((len(questions), 0), np.int64)
    for batch in moments.to_batches(
        columns=[column], filter=f"{column} IS NOT NULL AND {condition}", with_row_id=True, batch_size=16_384
    ):
        table = pa.Table.from_batches([batch])
        products = questions @ vectors_in(table[column]).T
        scores = np.concatenate([scores, products], axis=1)
        ids = np.broadcast_to(table["_rowid"].to_numpy().astype(np.int64), products.shape)
        rows = np.concatenate([rows, ids], axis=1)
        best = np.argsort(-scores, axis=1, kind="stable")[:, :DEPTH]
        scores, rows = np.take_along_axis(scores, best, 1), np.take_along_axis(rows, best, 1)
    return rows
