"""The rule of a search by appearance and motion together, against numbers by hand and by brute force."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from deltaclip.library import exact
from deltaclip.library.both import AppearanceRows, MotionRows, Ranked, nearest_by
from tests.library.test_exact import unit_rows


def at(*cosines: float) -> NDArray[np.float32]:
    """(N, 2): unit vectors whose products with (1, 0) are these; NaN for no vector."""
    values = np.array(cosines)
    return np.stack([values, np.sqrt(1 - values**2)], axis=1).astype(np.float32)


QUERY = at(1.0)


def ranked(looks: NDArray[np.float32], moves: NDArray[np.float32], weight: float, limit: int = 9) -> Ranked:
    return nearest_by(AppearanceRows([looks], QUERY), MotionRows([moves], QUERY, weight), limit)


def test_the_score_is_appearance_and_motion_in_standard_deviations_of_each() -> None:
    # appearance: standard deviation 0.1; motion: mean 0.2, standard deviation 0.4, so that c is a quarter
    found = ranked(at(0.5, 0.3, 0.5, 0.3), at(-0.2, 0.6, 0.6, -0.2), weight=0.5)
    assert found.rows.tolist() == [2, 0, 1, 3]
    np.testing.assert_allclose(found.scores, [0.55, 0.45, 0.35, 0.25], atol=1e-6)
    assert found.appearance is not None
    assert found.motion is not None
    np.testing.assert_allclose(found.appearance, [0.5, 0.5, 0.3, 0.3], atol=1e-6)
    np.testing.assert_allclose(found.motion, [0.6, -0.2, 0.6, -0.2], atol=1e-6)


def test_a_moment_without_a_motion_vector_counts_as_if_it_moved_like_the_mean() -> None:
    found = ranked(at(0.5, 0.3, 0.4), at(-0.2, 0.6, np.nan), weight=1.0)
    assert found.scores[found.rows.tolist().index(2)] == pytest.approx(0.4)
    assert found.motion is not None
    assert np.isnan(found.motion[found.rows.tolist().index(2)])


def test_moments_that_all_look_the_same_are_in_the_order_of_their_motion() -> None:
    assert ranked(at(0.5, 0.5, 0.5), at(0.1, 0.9, 0.5), weight=0.1).rows.tolist() == [1, 2, 0]


def test_moments_that_all_move_the_same_are_in_the_order_of_appearance() -> None:
    found = ranked(at(0.2, 0.9, 0.5), at(0.7, 0.7, 0.7), weight=1.0)
    assert found.rows.tolist() == [1, 2, 0]
    np.testing.assert_allclose(found.scores, [0.9, 0.5, 0.2], atol=1e-6)


def test_scales_of_the_two_encoders_do_not_matter() -> None:
    looks, moves = np.array([0.1, 0.5, 0.3, 0.2]), np.array([0.8, 0.1, 0.7, 0.3])
    order = ranked(at(*looks), at(*moves), weight=1.0).rows.tolist()
    for looks_scale, moves_scale, shift in ((0.1, 1.0, 0.0), (1.0, 0.01, 0.0), (0.3, 0.2, -0.5)):
        assert ranked(at(*looks * looks_scale), at(*moves * moves_scale + shift), weight=1.0).rows.tolist() == order


@given(
    seed=st.integers(0, 2**32 - 1),
    count=st.integers(1, 60),
    before=st.integers(0, 20),
    limit=st.integers(1, 70),
    weight=st.sampled_from([0.01, 0.5, 3.0]),
    hidden=st.lists(st.integers(0, 59), max_size=8, unique=True),
    lacking=st.lists(st.integers(0, 59), max_size=8),
    cut=st.integers(0, 60),
)
def test_the_best_rows_by_both_are_those_of_brute_force(
    seed: int, count: int, before: int, limit: int, weight: float, hidden: list[int], lacking: list[int], cut: int
) -> None:
    looks, moves = unit_rows(seed, count), unit_rows(seed + 1, count, 5)
    asked, asked_motion = unit_rows(seed + 2, 2), unit_rows(seed + 3, 3, 5)
    before = min(before, count)
    moves[[row for row in lacking if row < count]] = np.nan
    away = [row for row in hidden if row < count]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exact, "ROWS_AT_ONCE", 7)
        spans = np.split(moves[before:], [min(cut, count - before)])
        motion = MotionRows(spans, asked_motion, weight, before)
        found = nearest_by(AppearanceRows([looks], asked), motion, limit, [(row, 1) for row in away])
        alone = nearest_by(None, motion, limit, [(row, 1) for row in away])
    a = (looks.astype(float) @ asked.astype(float).T).max(axis=1)
    m = (moves.astype(float) @ asked_motion.astype(float).T).max(axis=1)
    m[:before] = np.nan
    there = np.array([row for row in range(count) if row not in away], int)
    moving = there[~np.isnan(m[there])]
    assert alone.rows.tolist() == sorted(moving, key=lambda row: -m[row])[:limit]
    scores = a.copy()
    if len(moving) and m[moving].std() > 1e-5:
        factor = weight * max(a[there].std(), 1e-5) / m[moving].std()
        scores[moving] += factor * (m[moving] - m[moving].mean())
    np.testing.assert_allclose(found.scores, sorted(scores[there], reverse=True)[:limit], atol=1e-4)
    np.testing.assert_allclose(found.scores, scores[found.rows], atol=1e-4)


@given(st.integers(0, 2**32 - 1), st.integers(1, 40), st.integers(1, 40))
def test_all_rows_that_tie_by_both_with_the_last_are_given_in_their_order(seed: int, copies: int, limit: int) -> None:
    looks = np.repeat(unit_rows(seed, 3, 512), copies, axis=0)
    moves = np.repeat(unit_rows(seed + 1, 3, 64), copies, axis=0)
    asked = AppearanceRows([looks], looks[copies : copies + 1])
    found = nearest_by(asked, MotionRows([moves], moves[copies : copies + 1], 1.0), min(limit, copies))
    assert found.rows.tolist() == list(range(copies, 2 * copies))
    assert len(set(found.scores.tolist())) == 1


def test_motion_of_no_weight_is_not_even_looked_at() -> None:
    looks = unit_rows(0, 50)
    alone = nearest_by(AppearanceRows([looks], QUERY8), None, 50)
    weightless = nearest_by(
        AppearanceRows([looks], QUERY8), MotionRows([np.full((50, 3), 9, np.float32)], QUERY8, 0.0), 50
    )
    assert alone.rows.tolist() == weightless.rows.tolist()
    assert alone.scores.tobytes() == weightless.scores.tobytes()


QUERY8 = unit_rows(1, 1)


@pytest.mark.parametrize("value", [-7, 1e30])
def test_a_motion_row_that_is_no_unit_vector_is_an_error(value: float) -> None:
    moves = unit_rows(0, 3)
    moves[1] = QUERY8[0] * np.float32(value)
    for looks in (None, AppearanceRows([unit_rows(2, 3)], QUERY8)):
        with pytest.raises(ValueError, match="not of unit length"):
            nearest_by(looks, MotionRows([moves], QUERY8, 1.0), 1)
