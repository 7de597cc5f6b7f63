"""Figures of classes and clips: a class's caption asks for clips, a clip is named by its nearest caption."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from deltaclip.ranking import any_true_ranks, average_precision

__all__ = ["MERGED", "class_figures", "merged_classes"]

MERGED = {
    "swipe_left": "swipe sideways",
    "swipe_right": "swipe sideways",
    "swipe_up": "swipe up or down",
    "swipe_down": "swipe up or down",
}
"""Classes that differ in the order of their frames alone: mean pooling of unsigned masks cannot tell them apart."""


def merged_classes(labels: Sequence[str]) -> NDArray[np.int64]:
    """(C,) int64: number of each label's class after merging; 0, 1, 2 and so on where nothing is merged."""
    names = [MERGED.get(label, label) for label in labels]
    order = list(dict.fromkeys(names))
    return np.array([order.index(name) for name in names], np.int64)


def class_figures(
    similarity: NDArray[np.float32], truth: NDArray[np.int64], classes: NDArray[np.int64]
) -> dict[str, float]:
    """{"T2V mAP", "T2V R@1", "V2T R@1"} in percent; ties count against the query.

    similarity: (C, V) of captions and clips. truth: (V,) caption of each clip. classes: (C,) class of each caption,
    from 0; a class scores a clip as the best of its captions does.
    T2V: a class that has a clip here asks for its clips: mAP, and R@1, the share of classes whose first clip is
    right. V2T R@1: the share of clips whose own class scores higher than every other.
    """
    number = int(classes.max()) + 1
    # (C, V) -> (classes, V)
    scores = np.stack([similarity[classes == each].max(axis=0) for each in range(number)])
    right = np.arange(number)[:, None] == classes[truth][None, :]
    asking = right.any(axis=1)
    first, named = any_true_ranks(scores[asking], right[asking]), any_true_ranks(scores.T, right.T)
    return {
        "T2V mAP": float(average_precision(scores[asking], right[asking]).mean()),
        "T2V R@1": 100 * float(np.mean(first == 1)),
        "V2T R@1": 100 * float(np.mean(named == 1)),
    }
