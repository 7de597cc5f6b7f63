"""Intervals against a bootstrap written out, against theory, and by their laws."""

from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from deltaclip.ranking import bootstrap_intervals, bootstrap_replicates, compute_metrics, percentile_interval
from deltaclip.ranking.intervals import _draws

Indices = NDArray[np.int64]


def query(seed: int, queries: int = 60, videos: int = 9) -> tuple[Indices, Indices]:
    random = np.random.default_rng(seed)
    return random.integers(1, 80, queries), random.integers(0, videos, queries) * 10 + 3


def test_each_sample_is_the_metrics_of_the_videos_that_were_drawn() -> None:
    ranks, groups = query(0)
    replicates = bootstrap_replicates(ranks, groups, samples=40, seed=7)
    videos = np.unique(groups)
    for place, weights in enumerate(next(_draws(len(videos), 40, 7)).astype(int)):
        drawn = [ranks[groups == video] for video, times in zip(videos, weights, strict=True) for _ in range(times)]
        expected = asdict(compute_metrics(np.concatenate(drawn)))
        assert {name: values[place] for name, values in replicates.items()} == pytest.approx(
            {name: expected[name] for name in replicates}
        )


def test_every_metric_but_the_count_has_an_interval_around_it() -> None:
    ranks, groups = query(1)
    metrics, intervals = asdict(compute_metrics(ranks)), bootstrap_intervals(ranks, groups)
    assert set(intervals) == set(metrics) - {"queries"}
    assert all(low <= metrics[name] <= high for name, (low, high) in intervals.items())


def test_memory_in_parts_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    ranks, groups = query(2)
    whole = bootstrap_replicates(ranks, groups, samples=50)
    monkeypatch.setattr("deltaclip.ranking.intervals.CELLS", 100)
    parts = bootstrap_replicates(ranks, groups, samples=50)
    assert all(parts[name] == pytest.approx(values) for name, values in whole.items())


def test_one_seed_one_answer() -> None:
    ranks, groups = query(3)
    first, again, other = (bootstrap_intervals(ranks, groups, samples=99, seed=seed) for seed in (5, 5, 6))
    assert first == again
    assert first != other


@given(st.integers(0, 1000))
def test_the_order_of_queries_does_not_matter(seed: int) -> None:
    ranks, groups = query(seed, queries=12, videos=4)
    order = np.random.default_rng(seed).permutation(12)
    moved = bootstrap_intervals(ranks[order], groups[order], samples=20)
    still = bootstrap_intervals(ranks, groups, samples=20)
    assert all(moved[name] == pytest.approx(still[name]) for name in still)


def test_single_queries_agree_with_the_binomial() -> None:
    ranks = np.where(np.arange(1000) < 450, 1, 30)
    low, high = bootstrap_intervals(ranks, np.arange(1000))["R1"]
    error = 1.96 * np.sqrt(0.45 * 0.55 / 1000) * 100  # 3.08 points
    assert (45 - low, high - 45) == pytest.approx((error, error), abs=0.35)


def test_captions_that_stand_and_fall_with_their_video_widen_the_interval() -> None:
    ranks, groups = np.repeat(np.where(np.arange(100) < 45, 1, 30), 40), np.repeat(np.arange(100), 40)
    by_video, by_caption = bootstrap_intervals(ranks, groups)["R1"], bootstrap_intervals(ranks, np.arange(4000))["R1"]
    assert (by_video[1] - by_video[0]) / (by_caption[1] - by_caption[0]) == pytest.approx(np.sqrt(40), rel=0.1)


def test_an_interval_of_90_percent_holds_the_truth_about_as_often() -> None:
    random, held, trials = np.random.default_rng(0), 0, 200
    groups = np.repeat(np.arange(60), 5)
    for trial in range(trials):
        chance = random.beta(2, 2, 60)  # of each video; 0.5 on average
        ranks = np.where(random.random(300) < chance[groups], 1, 20)
        low, high = bootstrap_intervals(ranks, groups, samples=200, level=0.9, seed=trial)["R1"]
        held += low <= 50 <= high
    assert 0.82 <= held / trials <= 0.96  # four standard errors of 200 trials are 8.5 points


def test_a_single_video_has_no_spread() -> None:
    assert bootstrap_intervals(np.array([1, 7]), np.array([4, 4]))["R1"] == (50, 50)


@pytest.mark.parametrize(("ranks", "groups"), [([], []), ([1, 2], [0])])
def test_queries_without_a_group_each_are_refused(ranks: list[int], groups: list[int]) -> None:
    with pytest.raises(ValueError, match="groups for"):
        bootstrap_intervals(np.array(ranks, np.int64), np.array(groups, np.int64))


def test_no_samples_and_no_level_are_refused() -> None:
    with pytest.raises(ValueError, match="samples"):
        bootstrap_intervals(np.array([1]), np.array([0]), samples=0)
    with pytest.raises(ValueError, match="level"):
        percentile_interval(np.ones(3), 1.0)


def test_none_right_of_59_may_be_up_to_six_percent_and_all_right_down_to_ninety_four() -> None:
    # the table of Clopper and Pearson: 0 of 59 is 0 to 6.06 percent; the two are mirror images
    none = bootstrap_intervals(np.full(59, 60), np.arange(59), samples=20)
    every = bootstrap_intervals(np.ones(59, int), np.arange(59), samples=20)
    assert none["R1"] == none["R50"] == none["nDCG10"] == pytest.approx((0, 6.06), abs=0.005)
    assert every["R1"] == every["nDCG10"] == pytest.approx((93.94, 100), abs=0.005)
    assert every["MnR"] == (1, 1)


def test_at_the_ends_each_group_is_one_trial() -> None:
    # 1 - 0.025^(1/3) by hand
    assert bootstrap_intervals(np.full(30, 99), np.repeat(np.arange(3), 10))["R1"] == pytest.approx(
        (0, 70.76), abs=0.005
    )
