"""Comparison against every exchange written out, and by its laws."""

import itertools
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from deltaclip.ranking import compare_ranks, compute_metrics

Indices = NDArray[np.int64]


def pair(seed: int, queries: int = 40, videos: int = 8) -> tuple[Indices, Indices, Indices]:
    random = np.random.default_rng(seed)
    return random.integers(1, 9, queries), random.integers(1, 12, queries), random.integers(0, videos, queries)


def test_differences_wins_and_losses_by_hand() -> None:
    result = compare_ranks(np.array([1, 1, 3, 9]), np.array([1, 2, 2, 20]), np.arange(4))
    assert (result.wins, result.losses, result.ties) == (2, 1, 1)
    assert (result.metrics["R1"].first, result.metrics["R1"].second, result.metrics["R1"].difference) == (50, 25, 25)
    assert result.metrics["MnR"].difference == pytest.approx(-2.75)
    assert (result.queries, result.clusters) == (4, 4)


def test_each_side_is_what_it_is_alone() -> None:
    first, second, groups = pair(0)
    result = compare_ranks(first, second, groups)
    for name, difference in result.metrics.items():
        alone = getattr(compute_metrics(first), name), getattr(compute_metrics(second), name)
        assert (difference.first, difference.second) == pytest.approx(alone)
        assert difference.difference == pytest.approx(alone[0] - alone[1])


def test_equal_ranks_cannot_be_told_apart() -> None:
    ranks, _, groups = pair(1)
    result = compare_ranks(ranks, ranks, groups)
    assert (result.wins, result.losses, result.ties) == (0, 0, 40)
    for difference in result.metrics.values():
        assert (difference.difference, difference.interval, difference.p_value) == (0, (0, 0), 1)


def test_p_values_are_those_of_every_possible_exchange() -> None:
    first, second, groups = pair(4)
    result = compare_ranks(first, second, groups, permutations=20_000)
    votes = [int((first - second)[groups == video].sum()) for video in np.unique(groups)]
    signs = np.array(list(itertools.product([1, -1], repeat=len(votes))))
    exact = float(np.mean(np.abs(signs @ votes) >= abs(sum(votes))))
    assert 0.02 < exact < 0.9
    assert result.metrics["MnR"].p_value == pytest.approx(exact, abs=4 * np.sqrt(exact * (1 - exact) / 20_000))


def test_the_smallest_p_value_is_one_in_all_permutations_and_one() -> None:
    result = compare_ranks(np.full(100, 1), np.full(100, 2), np.arange(100), permutations=999)
    assert result.metrics["R1"].p_value == 1 / 1000
    assert result.metrics["R5"].p_value == 1


def test_captions_of_one_video_are_one_vote() -> None:
    first, second = np.full(100, 1), np.full(100, 2)
    assert compare_ranks(first, second, np.repeat([0, 1], 50)).metrics["R1"].p_value == pytest.approx(0.5, abs=0.02)


def test_without_a_true_difference_small_p_values_are_rare() -> None:
    random, found, trials = np.random.default_rng(0), 0, 200
    groups = np.repeat(np.arange(30), 4)
    for trial in range(trials):
        level = random.integers(1, 10, 30)[groups]  # hard and easy videos, the same for both
        first, second = (np.maximum(1, level + random.integers(-3, 4, 120)) for _ in range(2))
        result = compare_ranks(first, second, groups, samples=2, permutations=199, seed=trial)
        found += result.metrics["MnR"].p_value <= 0.1
    assert 0.02 <= found / trials <= 0.185  # four standard errors about 0.1


@given(st.integers(0, 1000))
def test_exchanging_the_two_changes_signs_and_nothing_else(seed: int) -> None:
    first, second, groups = pair(seed, queries=10, videos=4)
    there = compare_ranks(first, second, groups, samples=20, permutations=20)
    back = compare_ranks(second, first, groups, samples=20, permutations=20)
    assert (there.wins, there.losses) == (back.losses, back.wins)
    for name, difference in there.metrics.items():
        other = back.metrics[name]
        assert difference.p_value == other.p_value
        assert difference.interval == pytest.approx((-other.interval[1], -other.interval[0]))


@given(st.integers(0, 1000))
def test_the_order_of_queries_does_not_matter(seed: int) -> None:
    first, second, groups = pair(seed, queries=10, videos=4)
    order = np.random.default_rng(seed).permutation(10)
    moved = compare_ranks(first[order], second[order], groups[order], samples=20, permutations=20)
    still = compare_ranks(first, second, groups, samples=20, permutations=20)
    for name in still.metrics:
        assert moved.metrics[name].p_value == still.metrics[name].p_value
        assert moved.metrics[name].interval == pytest.approx(still.metrics[name].interval)


def test_the_document_is_plain_json() -> None:
    document = compare_ranks(*pair(3)).to_json()
    assert json.loads(json.dumps(document)) == document
    assert set(document["metrics"]["R1"]) == {"first", "second", "difference", "interval", "p_value"}


def test_ranks_of_other_queries_are_refused() -> None:
    with pytest.raises(ValueError, match="not of the same queries"):
        compare_ranks(np.array([1, 2]), np.array([1]), np.array([0, 1]))
    with pytest.raises(ValueError, match="permutations"):
        compare_ranks(np.array([1]), np.array([1]), np.array([0]), permutations=0)
