"""Which of the frames that a cache holds a step takes: arithmetic on numbers, no files."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["random_places", "uniform_places"]


def random_places(num_cached: int, num_frames: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """One random frame within each of `num_frames` equal spans of the `num_cached` frames held: X-Pool's training rule.

    Returns (T,) int64, ascending, 0 <= place < num_cached; without repeats as long as num_frames <= num_cached.
    """
    edges = _edges(num_cached, num_frames)
    first = edges[:-1]
    after = np.maximum(edges[1:], first + 1)
    return np.minimum(rng.integers(first, after), num_cached - 1)


def uniform_places(num_cached: int, num_frames: int) -> NDArray[np.int64]:
    """The frames that lie nearest to the middles of `num_frames` equal spans: the rule for testing.

    Returns (T,) int64, ascending. Frame k of a cache lies at (k + 0.5) / num_cached of the video.
    """
    _edges(num_cached, num_frames)
    middles = (np.arange(num_frames) + 0.5) * num_cached / num_frames
    # The middle between two cached frames goes to the later one: the frame k covers k <= place < k + 1.
    return np.minimum(middles.astype(np.int64), num_cached - 1)


def _edges(num_cached: int, num_frames: int) -> NDArray[np.int64]:
    """(T + 1,) whole borders of T spans that differ by one at most."""
    if num_cached < 1 or num_frames < 1:
        raise ValueError(f"places need at least one frame, not {num_frames} of {num_cached}")
    return np.arange(num_frames + 1, dtype=np.int64) * num_cached // num_frames
