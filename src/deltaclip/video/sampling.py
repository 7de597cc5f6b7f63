"""Where to look in a video: arithmetic on seconds, no files."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["SEGMENT_SECONDS", "Segment", "random_seconds", "split_segments", "uniform_seconds"]

SEGMENT_SECONDS = 15.0
"""Length of the pieces into which a long video is cut, one vector each."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of a video: start <= seconds < end, counted from the first frame shown."""

    start: float
    end: float

    def __post_init__(self) -> None:
        if not 0 <= self.start < self.end < np.inf:
            raise ValueError(f"a segment needs 0 <= start < end, not {self.start} and {self.end}")


def uniform_seconds(start: float, end: float, num_frames: int) -> NDArray[np.float64]:
    """The middles of `num_frames` equal spans of start <= seconds < end: X-Pool's rule for testing.

    Returns (T,) float64, ascending. The middle, not the first frame of a span: openings are often black.
    """
    edges = _edges(start, end, num_frames)
    return (edges[:-1] + edges[1:]) / 2


def random_seconds(start: float, end: float, num_frames: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """One random second inside each of `num_frames` equal spans of start <= seconds < end: X-Pool's rule for training.

    Returns (T,) float64, ascending; the same generator state gives the same seconds.
    """
    edges = _edges(start, end, num_frames)
    seconds = edges[:-1] + rng.random(num_frames) * np.diff(edges)
    # Rounding may reach the end of a span, which belongs to the next one.
    return np.minimum(seconds, np.nextafter(edges[1:], edges[:-1]))


def split_segments(
    duration_seconds: float, frame_seconds: NDArray[np.float64], length_seconds: float = SEGMENT_SECONDS
) -> tuple[Segment, ...]:
    """Cuts 0 <= seconds < duration_seconds into pieces of `length_seconds`, each with at least one frame of its own.

    frame_seconds: (N,) float64, sorted, N >= 1, the first is 0: when each frame appears.
    A last piece shorter than a third of the length joins the one before, and so does a piece in which no new
    frame appears. The work depends on the number of frames only: headers that claim years cost nothing.
    """
    if not 0 < duration_seconds < np.inf or not 0 < length_seconds < np.inf:
        raise ValueError(f"duration {duration_seconds} and length {length_seconds} must be positive")
    if len(frame_seconds) == 0:
        raise ValueError("a video without frames has no segments")
    whole = np.floor(duration_seconds / length_seconds)
    last = whole if duration_seconds - whole * length_seconds >= length_seconds / 3 else whole - 1
    span = np.clip(_span_of(frame_seconds, length_seconds), 0, max(last, 0))
    span = np.unique(span[frame_seconds < duration_seconds])
    starts = [0.0, *(float(start) for start in span[1:] * length_seconds)]
    ends = [*starts[1:], float(duration_seconds)]
    return tuple(Segment(start, end) for start, end in zip(starts, ends, strict=True))


def _edges(start: float, end: float, num_frames: int) -> NDArray[np.float64]:
    """The (T + 1,) borders of equal spans."""
    if not 0 <= start < end < np.inf:
        raise ValueError(f"sampling needs 0 <= start < end, not {start} and {end}")
    if num_frames < 1:
        raise ValueError(f"sampling needs at least one frame, not {num_frames}")
    return np.linspace(start, end, num_frames + 1, dtype=np.float64)


def _span_of(seconds: NDArray[np.float64], length_seconds: float) -> NDArray[np.float64]:
    """(N,) whole numbers k with k * length <= seconds < (k + 1) * length, as rounded products compare."""
    k = np.floor(seconds / length_seconds)
    k -= k * length_seconds > seconds
    k += (k + 1) * length_seconds <= seconds
    return k
