"""Metrics equal those of CLIP4Clip's own code, and each case where they do not is explained."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from deltaclip.errors import CaptionError
from deltaclip.ranking import Metrics, Ranks, compute_metrics, rank_matrix

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def folder(real_data: Path) -> Path:
    return real_data / "golden" / "ranking"


@pytest.fixture(scope="module")
def expected(folder: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((folder / "expected.json").read_text())
    return document


@pytest.fixture(scope="module")
def single(folder: Path) -> NDArray[np.float32]:
    with np.load(folder / "single_200.npz") as arrays:
        return np.array(arrays["sim"], np.float32)


def assert_same(ours: Metrics, theirs: dict[str, float]) -> None:
    """Part of the original's arithmetic is float32, hence the tolerance."""
    made = (ours.R1, ours.R5, ours.R10, ours.MdR, ours.MnR)
    assert made == pytest.approx([theirs[key] for key in ("R1", "R5", "R10", "MR", "MeanR")], abs=1e-4)


def every_tied_place(ranks: Ranks) -> NDArray[np.int64]:
    """How the original counts a tie: once for each place the query could have, all in one list."""
    pairs = zip(ranks.optimistic, ranks.pessimistic, strict=True)
    return np.concatenate([np.arange(best, worst + 1) for best, worst in pairs])


def test_one_caption_a_video(folder: Path, expected: dict[str, Any], single: NDArray[np.float32]) -> None:
    ranking = rank_matrix(single, np.arange(200), block_rows=37)
    with np.load(folder / "single_200.npz") as arrays:
        assert (ranking.t2v.pessimistic == arrays["t2v_rank0"] + 1).all()
        assert (ranking.v2t.pessimistic == arrays["v2t_rank0"] + 1).all()
    assert not ranking.t2v.tied
    assert_same(compute_metrics(ranking.t2v.pessimistic), expected["single_200"]["t2v"])
    assert_same(compute_metrics(ranking.v2t.pessimistic), expected["single_200"]["v2t"])


def test_many_captions_a_video(folder: Path, expected: dict[str, Any]) -> None:
    with np.load(folder / "multi_60.npz") as arrays:
        ranking = rank_matrix(arrays["sim"], arrays["owner"].astype(np.int64), block_rows=37)
        assert (ranking.t2v.pessimistic == arrays["t2v_rank0"] + 1).all()
        assert (ranking.v2t.pessimistic == arrays["v2t_rank0_clip4clip"] + 1).all()
        assert (ranking.v2t_plain.pessimistic == arrays["v2t_rank0_all_captions"] + 1).all()
    told = expected["multi_60"]
    assert_same(compute_metrics(ranking.t2v.pessimistic), told["t2v"])
    assert_same(compute_metrics(ranking.v2t.pessimistic), told["v2t"])
    assert_same(compute_metrics(ranking.v2t_plain.pessimistic), told["v2t_all_captions_rule_not_from_clip4clip"])


def test_differs_four_tied_queries_are_eleven_ranks_to_the_original_and_four_to_us(expected: dict[str, Any]) -> None:
    told = expected["ties_4"]
    ranking = rank_matrix(np.array(told["sim"], np.float32), np.arange(4))
    counted = every_tied_place(ranking.t2v)
    assert (counted - 1).tolist() == told["t2v_cols"]
    assert_same(compute_metrics(counted), told["t2v"])
    assert ranking.t2v.pessimistic.tolist() == [2, 3, 2, 4]


def test_where_nothing_ties_the_same_matrix_gives_the_same_metrics(expected: dict[str, Any]) -> None:
    told = expected["ties_4"]
    ranking = rank_matrix(np.array(told["sim"], np.float32), np.arange(4))
    assert (ranking.v2t.pessimistic - 1).tolist() == told["v2t_cols"]
    assert_same(compute_metrics(ranking.v2t.pessimistic), told["v2t"])


def test_differs_scores_rounded_to_quarters_fall_to_seven_percent_in_the_original_outside_the_honest_bounds(
    expected: dict[str, Any], single: NDArray[np.float32]
) -> None:
    told = expected["single_200_rounded_to_quarters"]
    ranking = rank_matrix(np.round(single * 4) / 4, np.arange(200))
    assert_same(compute_metrics(ranking.t2v.optimistic), told["t2v_ties_best"])
    assert_same(compute_metrics(ranking.t2v.pessimistic), told["t2v_ties_worst"])
    for name, ranks in (("t2v", ranking.t2v), ("v2t", ranking.v2t)):
        counted = every_tied_place(ranks)
        assert len(counted) == told[f"{name}_n_cols"]
        assert_same(compute_metrics(counted), told[name])


def test_differs_a_collapsed_model_looks_like_chance_in_the_original_and_finds_nothing_here(
    expected: dict[str, Any],
) -> None:
    told = expected["all_equal_50"]
    ranks = rank_matrix(np.zeros((50, 50), np.float32), np.arange(50)).t2v
    assert_same(compute_metrics(every_tied_place(ranks)), told["compute_metrics"])
    assert len(every_tied_place(ranks)) == told["n_cols"]
    # Its rule for many captions sorts 150 equal rows of 50 and takes whatever place the sort left the truth in.
    assert told["tensor_text_to_video_metrics_50x3x50"]["R1"] == 2.0
    assert compute_metrics(ranks.pessimistic).R1 == 0.0


def test_differs_a_query_of_nan_vanishes_in_the_original_and_is_an_error_here(
    expected: dict[str, Any], single: NDArray[np.float32]
) -> None:
    broken = single[:20, :20].copy()
    broken[3] = broken[7, 2] = np.nan
    assert expected["nan_20"]["n_cols"] == 19
    with pytest.raises(CaptionError, match="row 3, column 0"):
        rank_matrix(broken, np.arange(20))
    whole = rank_matrix(single[:20, :20], np.arange(20))
    assert_same(compute_metrics(whole.t2v.pessimistic), expected["nan_20"]["without_nan"])


def test_differs_a_video_of_nan_sorts_last_in_the_original_and_is_an_error_here(
    expected: dict[str, Any], single: NDArray[np.float32]
) -> None:
    broken = single[:20, :20].copy()
    broken[:, 5] = np.nan
    assert expected["nan_column_20"]["n_cols"] == 19
    with pytest.raises(CaptionError, match="row 0, column 5"):
        rank_matrix(broken, np.arange(20))


def test_differs_the_median_is_the_lower_middle_in_one_of_its_functions_and_the_mean_of_both_in_the_other_and_here(
    expected: dict[str, Any],
) -> None:
    told = expected["median_even_4"]
    ours = compute_metrics(rank_matrix(np.array(told["sim"], np.float32), np.arange(4)).t2v.pessimistic)
    assert_same(ours, told["compute_metrics"])
    assert (ours.MdR, told["tensor_text_to_video_metrics"]["MR"]) == (2.5, 2.0)
