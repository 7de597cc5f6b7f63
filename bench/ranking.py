"""Ranks of a large test set: by counting, as deltaclip does, against sorting every row, as CLIP4Clip does.

    python bench/ranking.py --json
    python bench/ranking.py --large --json

The first: one float32 matrix, 10,000 texts by 10,000 videos, one caption a video, the same numbers for both, already in
memory (neither is charged for the product); both directions to R@1, R@5, R@10, MdR, MnR. The second: 100,000 by 100,000
from vectors, the products included, since that matrix would be 40 GB. Each runs in a child process of its own. Seconds
are by the clock, cpu_seconds by the processor (all threads), both the median of the runs; megabytes (10^6 bytes) are
the child's largest resident set (ru_maxrss), input and interpreter included. Beside the first: seconds_intervals, the
bootstrap intervals of a set as large as MSVD's test split (27,763 captions of 670 videos, 2,000 samples).
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deltaclip.ranking import (
    Ranking,
    bootstrap_intervals,
    compute_metrics,
    rank_blocks,
    rank_matrix,
    similarity_blocks,
)

Matrix = NDArray[np.float32]

SMALL, LARGE = 10_000, 100_000


def make_matrix(size: int) -> Matrix:
    """Unit noise, and the right pairs raised by 3.5: R@1 of about a third at 10,000."""
    matrix = np.random.default_rng(0).standard_normal((size, size), np.float32)
    matrix[np.arange(size), np.arange(size)] += np.float32(3.5)
    return matrix


def make_vectors(size: int, dimensions: int) -> tuple[Matrix, Matrix]:
    """Unit vectors; each text lies near its video."""
    random = np.random.default_rng(0)
    videos = random.standard_normal((size, dimensions), np.float32)
    texts = videos + 2 * random.standard_normal((size, dimensions), np.float32)
    for vectors in (texts, videos):
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return texts, videos


def sort_rows(similarity: Matrix) -> NDArray[np.int64]:
    """Places from 1 of the right pairs: each row sorted, and where the right score stands in it."""
    negative = -similarity
    difference = np.sort(negative, axis=1) - np.diag(negative)[:, None]
    return np.where(difference == 0)[1] + 1


def rank_by_sorting(similarity: Matrix) -> list[dict[str, float]]:
    return [figures(sort_rows(similarity)), figures(sort_rows(similarity.T))]


def rank_by_counting(similarity: Matrix) -> list[dict[str, float]]:
    return of_ranking(rank_matrix(similarity, np.arange(len(similarity))))


def of_ranking(ranking: Ranking) -> list[dict[str, float]]:
    return [figures(ranking.t2v.pessimistic), figures(ranking.v2t.pessimistic)]


def figures(ranks: NDArray[np.int64]) -> dict[str, float]:
    metrics = compute_metrics(ranks)
    return {name: getattr(metrics, name) for name in ("R1", "R5", "R10", "MdR", "MnR")}


def measure(rank: Callable[[], list[dict[str, float]]], runs: int) -> dict[str, Any]:
    """Seconds of each run by the clock and by the processor, what came out, and the largest this process has been."""
    seconds, processor = [], []
    for _ in range(runs):
        started, worked = time.perf_counter(), time.process_time()
        found = rank()
        seconds.append(time.perf_counter() - started)
        processor.append(time.process_time() - worked)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    return {
        "seconds": statistics.median(seconds),
        "cpu_seconds": statistics.median(processor),
        "runs": seconds,
        "peak_mb": peak,
        "metrics": found,
    }


def child(way: str, size: int, dimensions: int, runs: int) -> dict[str, Any]:
    if way == "large":
        texts, videos = make_vectors(size, dimensions)
        owner = np.arange(size)
        return measure(lambda: of_ranking(rank_blocks(similarity_blocks(texts, videos, owner), owner, size)), runs)
    matrix = make_matrix(size)
    rank = rank_by_counting if way == "ours" else rank_by_sorting
    return measure(lambda: rank(matrix), runs)


def seconds_intervals() -> float:
    random = np.random.default_rng(0)
    ranks, groups = random.integers(1, 671, 27_763), random.integers(0, 670, 27_763)
    started = time.perf_counter()
    bootstrap_intervals(ranks, groups, samples=2000)
    return time.perf_counter() - started


def in_child(way: str, size: int, dimensions: int, runs: int) -> dict[str, Any]:
    words = ["--child", way, "--size", str(size), "--dimensions", str(dimensions), "--runs", str(runs)]
    answer = subprocess.run([sys.executable, __file__, *words], stdout=subprocess.PIPE, text=True, check=True)
    told: dict[str, Any] = json.loads(answer.stdout)
    return told


def compare(size: int, runs: int) -> dict[str, Any]:
    ours, sort = (in_child(way, size, 0, runs) for way in ("ours", "sort"))
    # A tie is one rank to us and two to the sort, which can move a figure by a query or so among 10,000.
    apart = max(abs(a[name] - b[name]) for a, b in zip(ours["metrics"], sort["metrics"], strict=True) for name in a)
    if apart > 0.1:
        raise SystemExit(f"the two do not agree: {ours['metrics']} and {sort['metrics']}")
    return {
        "seconds_ours": ours["seconds"],
        "seconds_sort": sort["seconds"],
        "ratio": sort["seconds"] / ours["seconds"],
        "cpu_seconds_ours": ours["cpu_seconds"],
        "cpu_seconds_sort": sort["cpu_seconds"],
        "peak_mb_ours": ours["peak_mb"],
        "peak_mb_sort": sort["peak_mb"],
        "input_mb": size * size * 4 / 1e6,
        "texts": size,
        "videos": size,
        "runs_ours": ours["runs"],
        "runs_sort": sort["runs"],
        "metrics": ours["metrics"],
        "seconds_intervals": seconds_intervals(),
    }


def large(size: int, dimensions: int) -> dict[str, Any]:
    told = in_child("large", size, dimensions, 1)
    return {
        "seconds_ours": told["seconds"],
        "cpu_seconds_ours": told["cpu_seconds"],
        "peak_mb_ours": told["peak_mb"],
        "texts": size,
        "videos": size,
        "dimensions": dimensions,
        "metrics": told["metrics"],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="one json object")
    parser.add_argument("--large", action="store_true", help=f"{LARGE:,} by {LARGE:,} from vectors, ours alone")
    parser.add_argument("--size", type=int, help=f"texts, and as many videos (default {SMALL:,}; --large {LARGE:,})")
    parser.add_argument("--dimensions", type=int, default=64, help="of the vectors of --large (default %(default)s)")
    parser.add_argument("--runs", type=int, default=3, help="of each, without --large (default %(default)s)")
    parser.add_argument("--child", choices=("ours", "sort", "large"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    size = options.size or (LARGE if options.large else SMALL)
    if options.child:
        print(json.dumps(child(options.child, size, options.dimensions, options.runs)))
        return
    told = large(size, options.dimensions) if options.large else compare(size, options.runs)
    if options.json:
        print(json.dumps(told))
    else:
        for name, value in told.items():
            print(f"{name:<14}{value if not isinstance(value, float) else round(value, 3)}")


if __name__ == "__main__":
    main()
