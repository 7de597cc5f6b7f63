"""Where to look in a video: arithmetic on seconds, no files."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "SAMPLINGS",
    "SEGMENT_SECONDS",
    "Segment",
    "clip4clip_frames",
    "farthest_neighbour_seconds",
    "native_neighbours",
    "random_seconds",
    "sample_seconds",
    "split_segments",
    "uniform_seconds",
]

SAMPLINGS = ("uniform", "clip4clip-head", "clip4clip-tail", "clip4clip-uniform")
"""Rules for where to look: `uniform_seconds`, and `clip4clip_frames` with each of its choices."""

SEGMENT_SECONDS = 15.0
"""Length of the pieces into which a long video is cut, one vector each."""

NEIGHBOUR_SECONDS = 1 / 24
"""How far from a sampled frame its native neighbours should lie: far enough to move, near enough to follow."""
FARTHEST_NEIGHBOUR_SECONDS = 0.25
"""Beyond this a frame is no neighbour, unless the whole video has as few frames a second as that."""
FARTHEST_OF_ALL_SECONDS = 1.05
"""Beyond this no frame is a neighbour of any other. On DAVIS 2016 thinned to one frame a second motion still finds half
of what it does at two."""


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


def clip4clip_frames(num_native: int, native_rate: float, num_frames: int, choice: str) -> NDArray[np.int64]:
    """CLIP4Clip's rule: the frame at the start of each second, and `num_frames` of these where there are more.

    num_native: frames of the video. native_rate: its frames a second, cut to a whole number (29.97 counts as 29, so
    that later "seconds" begin early), at least 1. choice: `head`, the first; `tail`, the last; `uniform`, spread over
    all, first and last among them. Returns (T,) int64 frame numbers from 0, ascending, T <= num_frames: fewer stay
    fewer. ArrowLuo/CLIP4Clip, dataloaders: rawvideo_util.py, and `slice_framepos` 0, 1, 2 in the others.
    """
    if num_native < 1 or num_frames < 1 or choice not in ("head", "tail", "uniform"):
        raise ValueError(f"no CLIP4Clip sampling of {num_frames} among {num_native} frames by {choice!r}")
    # A rate worked out from times may come out as 24.9999 where the file says 25.
    starts = np.arange(0, num_native, max(int(native_rate + 1e-3), 1))
    if len(starts) <= num_frames:
        return starts
    if choice == "head":
        return starts[:num_frames]
    if choice == "tail":
        return starts[-num_frames:]
    return starts[np.linspace(0, len(starts) - 1, num_frames, dtype=int)]


def sample_seconds(
    start: float, end: float, num_frames: int, sampling: str, frame_seconds: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Where to look in start <= seconds < end, by a name in SAMPLINGS.

    frame_seconds: (N,) sorted, when each frame of the video appears. Returns (T,) float64, ascending; T is
    `num_frames` for `uniform`, at most that for CLIP4Clip's rules.
    """
    if sampling == "uniform":
        return uniform_seconds(start, end, num_frames)
    first = max(int(np.searchsorted(frame_seconds, start, side="right")) - 1, 0)
    last = max(int(np.searchsorted(frame_seconds, end, side="left")), first + 1)
    choice = sampling.removeprefix("clip4clip-")
    frames = clip4clip_frames(last - first, (last - first) / (end - start), num_frames, choice)
    return frame_seconds[first + frames]


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


def farthest_neighbour_seconds(frame_seconds: NDArray[np.float64]) -> float:
    """How far away a neighbour may be, for a video whose frames appear at `frame_seconds` (N,), sorted.

    One and a half times its usual (median) gap, at least 0.25 s and at most 1.05: a long gap among 25 frames a second
    is time in which nothing was recorded, but in a video compressed to 3 frames a second all gaps are long.
    """
    usual = float(np.median(np.diff(frame_seconds))) if len(frame_seconds) > 1 else 0.0
    return min(max(FARTHEST_NEIGHBOUR_SECONDS, 1.5 * usual), FARTHEST_OF_ALL_SECONDS)


def native_neighbours(frame_seconds: NDArray[np.float64], frames: NDArray[np.int64], side: int) -> NDArray[np.int64]:
    """For each frame the one before (side -1) or after (side 1) it that lies nearest to 1/24 s away.

    frame_seconds: (N,) sorted, when each frame of the video appears. frames: (T,) numbers among them.
    Returns (T,) int64: numbers among the N, or -1 where there is none near enough
    (`farthest_neighbour_seconds`). At 60 fps that is not the next
    frame but the second; at 10 fps it is the next.
    """
    farthest = farthest_neighbour_seconds(frame_seconds)
    found = np.full(len(frames), -1, np.int64)
    for place, frame in enumerate(frames):
        number = int(frame) + side
        nearest = np.inf
        while 0 <= number < len(frame_seconds):
            away = abs(float(frame_seconds[number] - frame_seconds[frame]))
            # Half a millisecond: 1/60 s steps lie at 1/30 and 1/20, equally far from 1/24; the nearer frame wins.
            if away > farthest or abs(away - NEIGHBOUR_SECONDS) > nearest - 5e-4:
                break
            found[place], nearest = number, abs(away - NEIGHBOUR_SECONDS)
            number += side
    return found
