"""Where to look in a video: arithmetic on seconds, no files."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "KEYFRAMES",
    "SAMPLINGS",
    "SEGMENT_SECONDS",
    "Segment",
    "clip4clip_frames",
    "farthest_neighbour_seconds",
    "keyframe_seconds",
    "native_neighbours",
    "neighbour_seconds",
    "sample_seconds",
    "split_segments",
    "uniform_seconds",
]

KEYFRAMES = "keyframes"
SAMPLINGS = ("uniform", "clip4clip-head", "clip4clip-tail", "clip4clip-uniform", KEYFRAMES)
"""Rules for where to look: `uniform_seconds`, `clip4clip_frames` with each of its choices, and `keyframe_seconds`."""

SEGMENT_SECONDS = 15.0
"""Length of the pieces into which a long video is cut, one vector each."""

HOLD_SHARE = 1 / 3
"""A picture that stays for this share of a piece's length, 5 s of 15, is a hold: a piece of its own."""
REGULAR_GAP = 1.5
"""A frame that stays for this many times the median or longer represents others that were not written."""
STILL_GAP = 4.0
"""A frame that stays for more than this many times the median is still; less is a rate that varies."""

NEIGHBOUR_SECONDS = 1 / 24
"""How far from a sampled frame its native neighbours should be: far enough to move, near enough to follow."""
FARTHEST_NEIGHBOUR_SECONDS = 0.25
"""Beyond this a frame is no neighbour, unless the whole video has as few frames a second as that."""
FARTHEST_OF_ALL_SECONDS = 1.05
"""Beyond this no frame is a neighbour of any other. On DAVIS 2016 thinned to one frame a second motion still finds half
of what it does at two."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of a video: start <= seconds < end on a player's clock.

    held: one picture is on the screen for all of it, so that one frame says everything.
    """

    start: float
    end: float
    held: bool = False

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
    """CLIP4Clip's rule: the frame at the start of each second, and `num_frames` of these if there are more.

    num_native: frames of the video. native_rate: its frames a second, cut to a whole number (29.97 counts as 29, so
    that later "seconds" begin early), at least 1. choice: `head`, the first; `tail`, the last; `uniform`, spread over
    all, first and last among them. Returns (T,) int64 frame numbers from 0, ascending, T <= num_frames: fewer stay
    fewer. ArrowLuo/CLIP4Clip, dataloaders: rawvideo_util.py, and `slice_framepos` 0, 1, 2 in the others.
    """
    if num_native < 1 or num_frames < 1 or choice not in ("head", "tail", "uniform"):
        raise ValueError(f"no CLIP4Clip sampling of {num_frames} among {num_native} frames by {choice!r}")
    # A rate worked out from times may come out as 24.9999 although the file says 25.
    starts = np.arange(0, num_native, max(int(native_rate + 1e-3), 1))
    if len(starts) <= num_frames:
        return starts
    if choice == "head":
        return starts[:num_frames]
    if choice == "tail":
        return starts[-num_frames:]
    return starts[np.linspace(0, len(starts) - 1, num_frames, dtype=int)]


def keyframe_seconds(seconds: NDArray[np.float64], key_seconds: NDArray[np.float64]) -> NDArray[np.float64]:
    """The key frames nearest to where one would look: (T,) and (K,) ascending, K >= 1 -> at most T, each once."""
    after = np.minimum(np.searchsorted(key_seconds, seconds), len(key_seconds) - 1)
    before = np.maximum(after - 1, 0)
    is_nearer = abs(key_seconds[before] - seconds) <= abs(key_seconds[after] - seconds)
    return np.asarray(np.unique(key_seconds[np.where(is_nearer, before, after)]), np.float64)


def sample_seconds(
    segment: Segment,
    num_frames: int,
    sampling: str,
    frame_seconds: NDArray[np.float64],
    key_seconds: NDArray[np.float64] | None = None,
) -> NDArray[np.float64]:
    """Where to look in a segment, by a name in SAMPLINGS: by the clock, however many frames are there.

    frame_seconds: (N,) sorted, when each frame of the video appears. key_seconds: (K,) the same of its key frames, if
    any are known. Returns (T,) float64, ascending; T is 1 in a hold, else `num_frames` for `uniform` and at most that
    for the other rules. A segment without a key frame is sampled by `uniform`.
    """
    start, end = segment.start, segment.end
    if segment.held:
        return np.array([(start + end) / 2])
    if sampling in ("uniform", KEYFRAMES):
        seconds = uniform_seconds(start, end, num_frames)
        keys = np.empty(0) if key_seconds is None or sampling == "uniform" else key_seconds
        keys = keys[(keys >= start) & (keys < end)]
        return keyframe_seconds(seconds, keys) if len(keys) else seconds
    choice = sampling.removeprefix("clip4clip-")
    first = max(int(np.searchsorted(frame_seconds, start, side="right")) - 1, 0)
    last = max(int(np.searchsorted(frame_seconds, end, side="left")), first + 1)
    gaps = np.diff(np.append(frame_seconds[first:last], end))
    regular = gaps < REGULAR_GAP * np.median(gaps)
    if regular.all():
        frames = clip4clip_frames(last - first, (last - first) / (end - start), num_frames, choice)
        return frame_seconds[first + frames]
    # As if the frames that are missing were there: a screen recording writes none while nothing changes.
    period = float(gaps[regular].mean())
    frames = clip4clip_frames(max(round((end - start) / period), 1), 1 / period, num_frames, choice)
    return np.asarray(np.minimum(start + frames * period, np.nextafter(end, start)))


def split_segments(
    frame_seconds: NDArray[np.float64], end_seconds: float, length_seconds: float = SEGMENT_SECONDS
) -> tuple[Segment, ...]:
    """Cuts a video into holds and pieces of `length_seconds` that move, each with at least one frame of its own.

    frame_seconds: (N,) float64, sorted, N >= 1: when each frame appears. end_seconds: when the last one disappears.
    A picture that stays for a third of the length or more is a segment of its own, so that no piece that moves is
    stretched over it; a single frame between two of them does not move either. What is between holds is cut from its
    beginning; a last piece shorter than a third of the length joins the one before. The work depends on the number of
    frames only: headers that claim years cost nothing.
    """
    if len(frame_seconds) == 0:
        raise ValueError("a video without frames has no segments")
    if not frame_seconds[-1] < end_seconds < np.inf or not 0 < length_seconds < np.inf:
        raise ValueError(f"a video that ends at {end_seconds} s cannot be cut into pieces of {length_seconds} s")
    edges = np.append(frame_seconds, end_seconds)
    holds = np.flatnonzero(np.diff(edges) >= length_seconds * HOLD_SHARE)
    segments: list[Segment] = []
    moving_from = 0
    for hold in [*holds.tolist(), len(frame_seconds)]:
        if hold == moving_from + 1:
            segments.append(Segment(float(edges[moving_from]), float(edges[hold]), held=True))
        elif hold > moving_from:
            segments += _pieces(float(edges[moving_from]), float(edges[hold]), length_seconds)
        if hold < len(frame_seconds):
            segments.append(Segment(float(edges[hold]), float(edges[hold + 1]), held=True))
        moving_from = hold + 1
    return tuple(segments)


def _pieces(start: float, end: float, length_seconds: float) -> list[Segment]:
    """start <= seconds < end in pieces of one length; a rest shorter than a third of it joins the one before."""
    whole, rest = divmod(end - start, length_seconds)
    num_pieces = max(int(whole) + (rest >= length_seconds / 3), 1)
    starts = [start + number * length_seconds for number in range(num_pieces)]
    return [Segment(*edges) for edges in zip(starts, [*starts[1:], end], strict=True)]


def _edges(start: float, end: float, num_frames: int) -> NDArray[np.float64]:
    """The (T + 1,) borders of equal spans."""
    if not 0 <= start < end < np.inf:
        raise ValueError(f"sampling needs 0 <= start < end, not {start} and {end}")
    if num_frames < 1:
        raise ValueError(f"sampling needs at least one frame, not {num_frames}")
    return np.linspace(start, end, num_frames + 1, dtype=np.float64)


def farthest_neighbour_seconds(frame_seconds: NDArray[np.float64]) -> float:
    """How far away a neighbour may be, for a video whose frames appear at `frame_seconds` (N,), sorted.

    One and a half times its usual (median) gap, at least 0.25 s and at most 1.05: a long gap among 25 frames a second
    is time in which nothing was recorded, but in a video compressed to 3 frames a second all gaps are long.
    """
    usual = float(np.median(np.diff(frame_seconds))) if len(frame_seconds) > 1 else 0.0
    return min(max(FARTHEST_NEIGHBOUR_SECONDS, 1.5 * usual), FARTHEST_OF_ALL_SECONDS)


def native_neighbours(
    frame_seconds: NDArray[np.float64],
    frames: NDArray[np.int64],
    side: int,
    seconds: NDArray[np.float64],
    end_seconds: float,
) -> NDArray[np.int64]:
    """For each frame the one before (side -1) or after (side 1) it that is nearest to 1/24 s away.

    frame_seconds: (N,) sorted, when each frame of the video appears. frames: (T,) numbers among them, on the screen at
    `seconds` (T,). end_seconds: when the last frame disappears.
    Returns (T,) int64: numbers among the N, or -1 if there is none near enough (`farthest_neighbour_seconds`). At 60
    fps that is not the next frame but the second; at 10 fps it is the next. A picture that is still is its own
    neighbour, as if its frame had been written again and again: what moved before, or will, does not move then.
    """
    farthest = farthest_neighbour_seconds(frame_seconds)
    edges = np.append(frame_seconds, end_seconds)
    still = np.diff(edges)[frames] > STILL_GAP * np.median(np.diff(edges))
    away = seconds - edges[frames] if side < 0 else edges[frames + 1] - seconds
    found = np.where(still & (away > NEIGHBOUR_SECONDS), frames, np.int64(-1))
    if side > 0:
        # The last moment of a hold: the next frame is near, although it is far from where the hold began.
        ends = still & (found < 0) & (frames + 1 < len(frame_seconds))
        found[ends] = frames[ends] + 1
    for place, frame in enumerate(frames):
        if found[place] >= 0:
            continue
        number = int(frame) + side
        nearest = np.inf
        while 0 <= number < len(frame_seconds):
            distance = abs(float(frame_seconds[number] - frame_seconds[frame]))
            # Half a millisecond: 1/60 s steps are at 1/30 and 1/20, equally far from 1/24; the nearer frame wins.
            if distance > farthest or abs(distance - NEIGHBOUR_SECONDS) > nearest - 5e-4:
                break
            found[place], nearest = number, abs(distance - NEIGHBOUR_SECONDS)
            number += side
    return found


def neighbour_seconds(
    frame_seconds: NDArray[np.float64], frames: NDArray[np.int64], neighbours: NDArray[np.int64]
) -> NDArray[np.float64]:
    """How far away in time each of `native_neighbours` (T,) is from its frame: (T,) float64, positive.

    A picture that is still counts as written again and again, so that what follows it is NEIGHBOUR_SECONDS away at
    most. A frame without a neighbour, or that is its own, gets the median of the others, NEIGHBOUR_SECONDS if there are
    none.
    """
    apart = abs(frame_seconds[frames] - frame_seconds[neighbours])
    usual = np.median(np.diff(frame_seconds)) if len(frame_seconds) > 1 else NEIGHBOUR_SECONDS
    still = (abs(frames - neighbours) == 1) & (apart > STILL_GAP * usual)
    apart[still] = np.minimum(apart[still], NEIGHBOUR_SECONDS)
    known = (neighbours >= 0) & (apart > 0)
    return np.where(known, apart, np.median(apart[known]) if known.any() else NEIGHBOUR_SECONDS)
