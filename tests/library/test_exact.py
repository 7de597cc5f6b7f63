"""The best rows of arrays, against brute force."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from deltaclip.library import exact as module
from deltaclip.library.exact import nearest


def unit_rows(seed: int, count: int, dimension: int = 8) -> NDArray[np.float32]:
    rows = np.random.default_rng(seed).normal(size=(count, dimension))
    unit: NDArray[np.float32] = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return unit


@given(
    seed=st.integers(0, 2**32 - 1),
    count=st.integers(0, 60),
    queries=st.integers(1, 20),
    limit=st.integers(1, 70),
    block=st.integers(1, 9),
    cuts=st.lists(st.integers(0, 60), max_size=3),
    hidden=st.lists(st.integers(0, 59), max_size=8, unique=True),
)
def test_the_best_rows_are_those_of_brute_force(
    seed: int, count: int, queries: int, limit: int, block: int, cuts: list[int], hidden: list[int]
) -> None:
    vectors, asked = unit_rows(seed, count), unit_rows(seed + 1, queries)
    away = [row for row in hidden if row < count]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "ROWS_AT_ONCE", block)
        patch.setattr(module, "ROWS_OF_A_PRODUCT", block)
        patch.setattr(module, "ROWS_OF_A_THREAD", 2 * block + 1)
        patch.setattr(module, "ROWS_SUMMED", block)
        spans = np.split(vectors, sorted(min(cut, count) for cut in cuts))
        rows, scores = nearest(spans, asked, limit, [(row, 1) for row in away])
    exact = (vectors.astype(float) @ asked.astype(float).T).max(axis=1) if count else np.empty(0)
    there = [row for row in range(count) if row not in away]
    assert rows.tolist() == sorted(there, key=lambda row: -exact[row])[:limit]
    np.testing.assert_allclose(scores, exact[rows], atol=1e-9)


@example(17415, 6, 1)  # by a matrix product in float64 one of the copies had a different twelfth digit
@given(st.integers(0, 2**32 - 1), st.integers(1, 40), st.integers(1, 40))
def test_all_rows_that_tie_with_the_last_are_given_in_their_order(seed: int, copies: int, limit: int) -> None:
    vectors = np.repeat(unit_rows(seed, 3, 512), copies, axis=0)
    rows, scores = nearest([vectors], vectors[copies : copies + 1], min(limit, copies))
    assert rows.tolist() == list(range(copies, 2 * copies))
    assert len(set(scores.tolist())) == 1


def test_a_range_of_hidden_rows_is_left_out_whatever_it_holds() -> None:
    vectors = unit_rows(0, 5)
    vectors[1:3] = np.nan
    rows, _ = nearest([vectors], vectors[4:], 9, [(1, 2)])
    assert sorted(rows.tolist()) == [0, 3, 4]
    assert nearest([vectors], vectors[4:], 9, [(0, 5)])[0].tolist() == []


@pytest.mark.parametrize("value", [np.nan, np.inf, 7])
def test_a_row_that_is_no_unit_vector_is_an_error(value: float) -> None:
    vectors = unit_rows(0, 3)
    vectors[1, 0] = value
    with pytest.raises(ValueError, match="not of unit length"):
        nearest([vectors], np.eye(8, dtype=np.float32)[:1], 1)


def test_a_limit_below_one_is_refused() -> None:
    with pytest.raises(ValueError, match="limit starts at 1"):
        nearest([unit_rows(0, 3)], unit_rows(1, 1), 0)
