"""From ranks to the figures that retrieval papers print."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deltaclip.ranking.blocks import Indices

__all__ = ["RECALLS", "Metrics", "compute_metrics", "query_values", "sum_of_recalls"]

RECALLS = (1, 5, 10, 50)
"""The K of R@K."""

NDCG_DEPTH = 10


@dataclass(frozen=True, slots=True)
class Metrics:
    """What retrieval papers print.

    R1, R5, R10, R50: percent of queries with rank <= K.
    nDCG10: normalised discounted cumulative gain of the first ten, in percent: 1 / log2(1 + rank) for a rank up to
    ten, else 0, mean over queries. A query has one right answer, so its ideal gain is 1 (Järvelin and Kekäläinen,
    Cumulated gain-based evaluation of IR techniques, 2002; the discount log2(1 + rank) is that of Burges et al. 2005
    and of trec_eval). If a video has several captions, its rank is that of the best.
    MdR: median rank, mean of the middle two. MnR: mean rank. queries: how many.
    """

    R1: float
    R5: float
    R10: float
    R50: float
    nDCG10: float
    MdR: float
    MnR: float
    queries: int


def compute_metrics(ranks: Indices) -> Metrics:
    """(N,) ranks from 1, N >= 1 -> Metrics."""
    # fsum: the exact sum, which does not depend on the order of the queries
    means = {name: math.fsum(values.tolist()) / len(ranks) for name, values in query_values(ranks).items()}
    return Metrics(**means, MdR=float(np.median(ranks)), queries=len(ranks))


def query_values(ranks: Indices) -> dict[str, NDArray[np.float64]]:
    """What each query adds to each metric that is a mean over queries, (N,) float64: all of `Metrics` but MdR."""
    values = {f"R{k}": np.where(ranks <= k, 100.0, 0.0) for k in RECALLS}
    values["nDCG10"] = np.where(ranks <= NDCG_DEPTH, 100.0, 0.0) / np.log2(1.0 + ranks)
    values["MnR"] = ranks.astype(np.float64)
    return values


def sum_of_recalls(t2v: Metrics, v2t: Metrics) -> float:
    """R@1 + R@5 + R@10 of both directions, 0..600: "RSum" in papers."""
    return sum(way.R1 + way.R5 + way.R10 for way in (t2v, v2t))
