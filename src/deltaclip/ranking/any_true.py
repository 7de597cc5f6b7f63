"""Ranks of queries that several candidates answer, by what is true of them."""

import numpy as np
from numpy.typing import NDArray

from deltaclip.ranking.blocks import Indices, Scores

__all__ = ["any_true_ranks"]


def any_true_ranks(similarity: Scores, true: NDArray[np.bool_]) -> Indices:
    """Rank of the best of several right answers: 1 + the wrong ones that score as high or higher.

    similarity: (Q, V). true: (Q, V), which videos a text is true of; at least one for each text. Returns (Q,) int64.
    """
    if not true.any(axis=1).all():
        raise ValueError("every text must be true of at least one video")
    best = np.where(true, similarity, -np.inf).max(axis=1, keepdims=True)
    return np.asarray(1 + np.count_nonzero(~true & (similarity >= best), axis=1), np.int64)
