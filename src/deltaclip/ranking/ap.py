"""Average precision of queries with several right answers, such as a class and its clips."""

import numpy as np
from numpy.typing import NDArray

from deltaclip.ranking.blocks import Scores

__all__ = ["average_precision"]


def average_precision(similarity: Scores, true: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Average precision of each query, in percent: the precision at the place of each right answer, mean over these.

    similarity: (Q, V). true: (Q, V), at least one right answer a query. Returns (Q,) float64, above 0 to 100; its mean
    is the mAP (Manning, Raghavan and Schütze, Introduction to Information Retrieval, 2008, section 8.4).
    Ties count against the query, as in `ranks`: wrong answers come before right ones of the same score.
    """
    if similarity.shape != true.shape or not true.any(axis=1).all():
        raise ValueError("every query needs a score for each answer, and at least one right answer")
    if np.isnan(similarity).any():
        raise ValueError("a score is NaN, which has no rank")
    found = np.empty(len(similarity))
    for row, (scores, right) in enumerate(zip(similarity, true, strict=True)):
        hits = np.sort(scores[right])[::-1]
        wrong = np.sort(scores[~right])
        # Before the i-th right answer come i - 1 right ones and every wrong one that scores as high or higher.
        place = np.arange(1, len(hits) + 1)
        before = len(wrong) - np.searchsorted(wrong, hits, side="left")
        found[row] = 100 * float(np.mean(place / (place + before)))
    return found
