"""Whether one ranking of the same queries is better than the other, or only luckier."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from deltaclip.ranking.blocks import Indices
from deltaclip.ranking.intervals import (
    CELLS,
    LEVEL,
    SAMPLES,
    Interval,
    Values,
    bootstrap_means,
    cluster_sums,
    percentile_interval,
)
from deltaclip.ranking.metrics import query_values

__all__ = ["PERMUTATIONS", "Comparison", "Difference", "compare_ranks"]

PERMUTATIONS = 10_000


@dataclass(frozen=True, slots=True)
class Difference:
    """One metric of two rankings, in its own unit.

    difference: first minus second; for MnR a negative one is good. interval: its paired bootstrap interval.
    p_value: how often exchanging the two by chance makes a difference as large, two-sided.
    """

    first: float
    second: float
    difference: float
    interval: Interval
    p_value: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two rankings of the same queries.

    metrics: by name, all of `Metrics` that are means over queries (not MdR).
    wins, losses, ties: queries that the first ranks better, worse, alike.
    queries, clusters: how many, and in how many videos or groups of videos.
    level, samples, permutations, seed: how it was computed.
    """

    metrics: Mapping[str, Difference]
    wins: int
    losses: int
    ties: int
    queries: int
    clusters: int
    level: float
    samples: int
    permutations: int
    seed: int

    def to_json(self) -> dict[str, Any]:  # Any: a json document
        """The fields by name; each metric {"first", "second", "difference", "interval": [low, high], "p_value"}."""
        metrics = {name: {**asdict(part), "interval": list(part.interval)} for name, part in self.metrics.items()}
        return {**asdict(self), "metrics": metrics}


def compare_ranks(
    first: Indices,
    second: Indices,
    groups: Indices,
    *,
    samples: int = SAMPLES,
    level: float = LEVEL,
    permutations: int = PERMUTATIONS,
    seed: int = 0,
) -> Comparison:
    """Compare two rankings query by query.

    first, second: (N,) ranks from 1 of the same queries in the same order. groups: (N,) int, the video of each query,
    or the group of its video if videos of one group are not independent, as twins are not.
    Interval: whole groups are drawn with replacement and the difference is taken on each sample, so what both find
    hard cancels. p-value: for each group by itself a coin exchanges first and second (so under the hypothesis that
    the two are alike nothing changes); p = (1 + exchanges with a difference at least as large) / (1 + permutations),
    which is never 0 (Phipson and Smyth, Permutation p-values should never be zero, 2010).
    Raises ValueError if the arguments do not fit.
    """
    if first.shape != second.shape:
        raise ValueError(f"{first.shape} and {second.shape} ranks are not of the same queries")
    if permutations < 1:
        raise ValueError(f"permutations must be at least 1, not {permutations}")
    ours, theirs = query_values(first), query_values(second)
    gains = {name: ours[name] - theirs[name] for name in ours}
    replicates = bootstrap_means(gains, groups, samples=samples, seed=seed)
    names, clusters = np.unique(groups, return_inverse=True)
    p_values = _exchange(cluster_sums(list(gains.values()), clusters, len(names)), permutations, seed)
    metrics = {
        name: Difference(
            first=float(ours[name].mean()),
            second=float(theirs[name].mean()),
            difference=float(gain.mean()),
            interval=percentile_interval(replicates[name], level),
            p_value=p_value,
        )
        for (name, gain), p_value in zip(gains.items(), p_values.tolist(), strict=True)
    }
    return Comparison(
        metrics=metrics,
        wins=int(np.count_nonzero(first < second)),
        losses=int(np.count_nonzero(first > second)),
        ties=int(np.count_nonzero(first == second)),
        queries=len(first),
        clusters=len(names),
        level=level,
        samples=samples,
        permutations=permutations,
        seed=seed,
    )


def _exchange(gains: Values, permutations: int, seed: int) -> Values:
    """gains (C, M): the sum of each cluster's differences -> p-value of each of the M metrics."""
    observed = np.abs(gains.sum(axis=0))
    rounding = 1e-9 * (1 + np.abs(gains).sum(axis=0))  # sums in a different order may differ by this and still be equal
    gains = gains[gains.any(axis=1)]  # a cluster without any difference has no sign to flip
    generator = np.random.default_rng(seed)
    as_large = np.zeros(len(observed))
    at_once = max(1, CELLS // max(len(gains), 1))
    for start in range(0, permutations, at_once):
        rows = min(at_once, permutations - start)
        signs = 2.0 * generator.integers(2, size=(rows, len(gains)), dtype=np.int8) - 1
        as_large += np.count_nonzero(np.abs(signs @ gains) >= observed - rounding, axis=0)
    return (1 + as_large) / (1 + permutations)
