"""Queries that several candidates answer."""

import numpy as np
import pytest

from deltaclip.ranking import any_true_ranks


def test_the_best_of_several_right_answers_counts_and_ties_count_against_it() -> None:
    similarity = np.array([[0.9, 0.5, 0.7], [0.9, 0.9, 0.1], [0.1, 0.2, 0.3]], np.float32)
    true = np.array([[False, True, True], [True, False, False], [True, True, True]])
    assert any_true_ranks(similarity, true).tolist() == [2, 2, 1]
    with pytest.raises(ValueError, match="at least one"):
        any_true_ranks(similarity, np.zeros((3, 3), np.bool_))
