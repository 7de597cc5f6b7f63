"""How far a figure would move if other videos had been drawn: a bootstrap over videos.

The captions of one video are not independent (MSVD: 27,763 captions in 670 groups), so whole videos are drawn with
replacement, each with all its queries, and every metric is computed anew on each sample: the cluster bootstrap
(Davison and Hinkley, Bootstrap methods and their application, 1997, section 3.8). The interval is between
percentiles; if no query is right, or all are, it is exact (`percent_interval`).
"""

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from deltaclip.ranking.blocks import Indices
from deltaclip.ranking.metrics import RECALLS, query_values

__all__ = ["LEVEL", "SAMPLES", "Interval", "bootstrap_intervals", "bootstrap_means", "bootstrap_replicates"]
__all__ += ["percent_interval", "percentile_interval", "rank_intervals"]

Interval = tuple[float, float]
"""low, high, in the unit of the metric."""

Values = NDArray[np.float64]

SAMPLES = 2000
LEVEL = 0.95

PERCENTS = (*(f"R{k}" for k in RECALLS), "nDCG10")
"""Metrics that are means of values from 0 to 100."""

CELLS = 4_000_000
"""Numbers held at once, so that 100,000 videos need no more memory than 100."""


def bootstrap_intervals(
    ranks: Indices, groups: Indices, *, samples: int = SAMPLES, level: float = LEVEL, seed: int = 0
) -> dict[str, Interval]:
    """Percentile interval of every metric.

    ranks: (N,) from 1. groups: (N,) int, the video each query belongs to, any numbers; for v2t a query is a video, so
    `numpy.arange(N)`. samples: how many times the videos are drawn. level: share of samples inside, 0..1.
    The same seed gives the same draws for the same number of videos. Returns {"R1": (low, high), ...}, the fields of
    `Metrics` without `queries`. Raises ValueError if the arguments do not fit.
    """
    replicates = bootstrap_replicates(ranks, groups, samples=samples, seed=seed)
    return rank_intervals(ranks, groups, replicates, level)


def rank_intervals(
    ranks: Indices, groups: Indices, replicates: Mapping[str, Values], level: float = LEVEL
) -> dict[str, Interval]:
    """The intervals of `bootstrap_intervals` from the replicates of the same ranks and groups."""
    values = query_values(ranks)
    return {
        name: percent_interval(values[name], groups, drawn, level)
        if name in PERCENTS
        else percentile_interval(drawn, level)
        for name, drawn in replicates.items()
    }


def bootstrap_replicates(
    ranks: Indices, groups: Indices, *, samples: int = SAMPLES, seed: int = 0
) -> dict[str, Values]:
    """Every metric on every sample, (samples,) float64: see `bootstrap_intervals`.

    Two calls with one seed draw the same videos if both know as many, in the order of their numbers: so the sum or the
    difference of two directions or two systems can be formed sample by sample.
    """
    means = bootstrap_means(query_values(ranks), groups, samples=samples, seed=seed)
    clusters, number = _clusters(ranks, groups)
    medians = [_medians(weights, ranks, clusters) for weights in _draws(number, samples, seed)]
    return {**means, "MdR": np.concatenate(medians)}


def bootstrap_means(
    values: Mapping[str, Values], groups: Indices, *, samples: int = SAMPLES, seed: int = 0
) -> dict[str, Values]:
    """Mean over queries of each (N,) of `values` on every sample, (samples,) float64."""
    names = list(values)
    clusters, number = _clusters(values[names[0]], groups)
    totals = cluster_sums([*values.values(), np.ones(len(groups))], clusters, number)
    sums = np.concatenate([weights @ totals for weights in _draws(number, samples, seed)])  # (samples, M + 1)
    return {name: sums[:, place] / sums[:, -1] for place, name in enumerate(names)}


def percentile_interval(replicates: Values, level: float = LEVEL) -> Interval:
    """(samples,) -> the range of the middle `level` of them."""
    if not 0 < level < 1:
        raise ValueError(f"level must be between 0 and 1, not {level}")
    low, high = np.quantile(replicates, [(1 - level) / 2, (1 + level) / 2]).tolist()
    return low, high


def percent_interval(values: Values, groups: Indices, replicates: Values, level: float = LEVEL) -> Interval:
    """Interval of the mean of values 0..100, one for each query: percentiles, but exact if all are 0, or all 100.

    There every sample is the same, and percentiles would say "0.0 [0.0, 0.0]" of 0 right of 59. The exact interval is
    that of Clopper and Pearson (Biometrika 26, 1934), which at its ends is closed: 0 of n may be up to
    1 - (alpha / 2)^(1 / n). n: the number of groups, each taken as one trial. values, groups: (N,).
    replicates: (samples,) means of the same values. Wide rather than narrow for values between 0 and 100.
    """
    trials = len(np.unique(groups))
    farthest = 100 * (1 - ((1 - level) / 2) ** (1 / trials))
    if not values.any():
        return 0.0, farthest
    return (100 - farthest, 100.0) if (values == 100).all() else percentile_interval(replicates, level)


def cluster_sums(columns: list[Values], clusters: Indices, number: int) -> Values:
    """Sum of each column (N,) within each cluster -> (number, columns)."""
    return np.stack([np.bincount(clusters, column, number) for column in columns], axis=1)


def _clusters(queries: NDArray[np.generic], groups: Indices) -> tuple[Indices, int]:
    """groups (N,), any numbers -> clusters (N,) from 0 in the order of those numbers, and how many."""
    if len(queries) == 0 or queries.shape != groups.shape:
        raise ValueError(f"{groups.shape} groups for {queries.shape} queries: one each, at least one")
    names, clusters = np.unique(groups, return_inverse=True)
    return clusters, len(names)


def _draws(number: int, samples: int, seed: int) -> Iterator[Values]:
    """How often each of `number` clusters is in each sample: (n, number) float64, samples in all."""
    if samples < 1:
        raise ValueError(f"samples must be at least 1, not {samples}")
    generator = np.random.default_rng(seed)
    at_once = max(1, CELLS // number)
    for start in range(0, samples, at_once):
        rows = min(at_once, samples - start)
        picked = generator.integers(number, size=(rows, number))
        picked += number * np.arange(rows)[:, None]
        yield np.bincount(picked.ravel(), minlength=rows * number).reshape(rows, number).astype(np.float64)


def _medians(weights: Values, ranks: Indices, clusters: Indices) -> Values:
    """Median rank of each sample, mean of the middle two. weights (n, clusters) -> (n,)."""
    order = np.argsort(ranks, kind="stable")
    ascending, clusters = ranks[order].astype(np.float64), clusters[order]
    at_once = max(1, CELLS // len(ranks))
    medians = np.empty(len(weights))
    for start in range(0, len(weights), at_once):
        # (n, N): how many queries of the sample have come up to each place of the sorted ranks
        passed = np.cumsum(weights[start : start + at_once].astype(np.int32)[:, clusters], axis=1, dtype=np.int32)
        total = passed[:, -1:]
        lower = ascending[np.argmax(passed > (total - 1) // 2, axis=1)]
        upper = ascending[np.argmax(passed > total // 2, axis=1)]
        medians[start : start + at_once] = (lower + upper) / 2
    return medians
