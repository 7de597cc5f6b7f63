"""Average precision against sums by hand, and against walking down the list."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deltaclip.ranking import average_precision


def test_average_precision_of_four_clips_by_hand() -> None:
    scores = np.array([[0.9, 0.8, 0.7, 0.1], [0.9, 0.8, 0.7, 0.1], [0.1, 0.2, 0.3, 0.4]], np.float32)
    right = np.array([[1, 0, 1, 0], [0, 1, 0, 1], [1, 1, 1, 1]], bool)
    by_hand = [100 * (1 / 1 + 2 / 3) / 2, 100 * (1 / 2 + 2 / 4) / 2, 100.0]
    assert average_precision(scores, right) == pytest.approx(by_hand)


def test_ties_count_against_the_query() -> None:
    right = np.array([[0, 1, 1, 0]], bool)
    alike = np.zeros((1, 4), np.float32)
    assert average_precision(alike, right) == pytest.approx([100 * (1 / 3 + 2 / 4) / 2])


def test_a_query_without_a_right_answer_is_refused() -> None:
    right = np.array([[1, 0], [0, 0]], bool)
    with pytest.raises(ValueError, match="at least one right answer"):
        average_precision(np.zeros((2, 2), np.float32), right)


def test_a_score_that_is_nan_is_refused() -> None:
    with pytest.raises(ValueError, match="NaN"):
        average_precision(np.array([[np.nan, 0.0]]), np.array([[True, False]]))


@given(
    st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=1, max_size=30).filter(
        lambda r: any(x for _, x in r)
    )
)
def test_it_is_what_walking_down_the_list_gives(rows: list[tuple[int, bool]]) -> None:
    # Wrong before right where scores are level.
    hits, precisions = 0, []
    for place, (_, right) in enumerate(sorted(rows, key=lambda row: (-row[0], row[1])), 1):
        hits += right
        precisions += [hits / place] if right else []
    scores = np.array([[score for score, _ in rows]], np.float64)
    found = average_precision(scores, np.array([[right for _, right in rows]]))
    assert found == pytest.approx([100 * float(np.mean(precisions))])
