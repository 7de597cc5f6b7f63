"""What the packets of a stream say about time: when each frame is shown, where decoding can begin.

Headers lie about duration, rate and number of frames; the packets are the truth. Ticks are whole numbers of the
stream's time base, kept exact here; seconds leave at the door, and count as a player's clock does: from the start of
the container, which a film that begins after its sound does not share.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

__all__ = ["PacketRow", "Timeline", "build_timeline"]

NOMINAL_RATE = Fraction(25)
"""Frames a second if a file names no usable rate; FFmpeg's own for raw streams and still pictures."""

MAX_RATE = 1000
"""Declared rates of this or more are time bases in disguise (1000 and 90000 are usual)."""

LEAST_LATE = 1.5
"""Frames by which a picture may follow its container's start and still count as its beginning."""

MAX_TICK = 2**62
"""Times beyond are damage; differences of those below fit an int64."""


@dataclass(frozen=True, slots=True)
class PacketRow:
    """One packet of a stream, in time bases."""

    pts: int | None
    """When its frame is shown; None if the container does not say."""
    duration: int
    """How long, 0 if unknown."""
    key: bool
    """Whether decoding can begin here."""
    discard: bool
    """Whether an edit list hides it."""


@dataclass(frozen=True, slots=True)
class Timeline:
    """When the frames of a stream are shown."""

    ticks: NDArray[np.int64]
    """(N,) sorted, distinct: when each frame appears, in time bases."""
    end_tick: int
    """When the last frame stops being shown."""
    time_base: Fraction
    """Seconds per tick."""
    key_ticks: NDArray[np.int64]
    """(K,) sorted: the times of packets at which decoding can begin; empty if seeking is not safe."""
    counted: bool
    """True if the packets' own times are missing or not those of the frames: the k-th decoded is at `ticks[k]`."""
    jumps: bool
    """True if the clock starts again midway: every reader of packets then has to carry it on (`Clock`)."""
    origin_tick: int
    """When a player's clock is at zero: the start of the container, at or before the first frame."""
    notes: tuple[str, ...] = ()
    """What had to be made up because the packets do not say it, a sentence each."""

    @property
    def start_seconds(self) -> float:
        """When the first frame appears on a player's clock."""
        return self.seconds_at(int(self.ticks[0]))

    @property
    def end_seconds(self) -> float:
        """When the last frame disappears on a player's clock."""
        return self.seconds_at(self.end_tick)

    def seconds_at(self, tick: int) -> float:
        """A tick on a player's clock, 0 or later."""
        return float((tick - self.origin_tick) * self.time_base)

    def seconds(self) -> NDArray[np.float64]:
        """(N,) float64, sorted: when each frame appears on a player's clock."""
        # The division rounds once, as float(Fraction) does, while the products stay below 2**53.
        ticks = (self.ticks - self.origin_tick).astype(np.float64)
        return np.asarray(ticks * self.time_base.numerator / self.time_base.denominator, dtype=np.float64)

    def key_seconds(self) -> NDArray[np.float64]:
        """(K,) float64, sorted: which of `seconds` are of key frames; empty if seeking is not safe."""
        return self.seconds()[np.isin(self.ticks, self.key_ticks)]

    def starting_at(self, tick: int) -> "Timeline":
        """The same without the frames before `tick`, which gave no pictures."""
        return replace(self, ticks=self.ticks[self.ticks >= tick])

    def in_order_decoded(self) -> "Timeline":
        """The same times for the frames as they come out of the decoder, whatever their packets say."""
        return replace(self, key_ticks=self.key_ticks[:0], counted=True)


def build_timeline(
    rows: Sequence[PacketRow],
    time_base: Fraction | None,
    rate: Fraction | None,
    *,
    jumps: bool,
    origin_seconds: Fraction | None = None,
    stamps_broken: bool = False,
) -> Timeline | None:
    """The timeline of a stream, or None if no packet is ever shown.

    rows: its packets in decoding order. time_base: seconds per tick. rate: frames a second as declared.
    jumps: as in `Timeline`. origin_seconds: the container's start on the clock of the packets; None takes the first
    frame. stamps_broken: packets that share a time stamp are a frame each; they are spread up to the next stamp.
    Frames before the first key frame, and hidden ones, are not shown.
    """
    rows = rows[next((i for i, row in enumerate(rows) if row.key), 0) :]
    declared = rate is not None and rate < MAX_RATE
    rate = rate if rate is not None and declared else NOMINAL_RATE
    num_shown = sum(not row.discard for row in rows)
    stamped = [(row.pts, row) for row in rows if row.pts is not None and abs(row.pts) < MAX_TICK]
    # Pictures decoded after the first key frame but shown before it lean on pictures that are not there.
    shown = [(pts, row.duration) for pts, row in stamped if not row.discard and pts >= stamped[0][0]]
    if num_shown and (not shown or time_base is None):
        ticks = np.arange(num_shown, dtype=np.int64)
        notes = (
            () if declared or num_shown == 1 else (f"no time stamps and no frame rate: {rate} frames a second assumed",)
        )
        keys = np.empty(0, np.int64)
        return Timeline(ticks, num_shown, 1 / rate, keys, counted=True, jumps=False, origin_tick=0, notes=notes)
    if not shown or time_base is None:
        return None
    stamps = np.array([pts for pts, _ in shown], dtype=np.int64)
    if stamps_broken:
        return _spread(stamps, time_base, rate, origin_seconds)
    ticks = np.unique(stamps)
    keys = np.unique(np.array([] if jumps else [pts for pts, row in stamped if row.key], dtype=np.int64))
    duration = max(shown)[1] or _period(ticks, time_base, rate)
    end_tick = int(ticks[-1]) + max(duration, 1)
    origin_tick = _origin_tick(int(ticks[0]), _period(ticks, time_base, rate), time_base, origin_seconds)
    return Timeline(ticks, end_tick, time_base, keys, counted=False, jumps=jumps, origin_tick=origin_tick)


def _origin_tick(first: int, period: int, time_base: Fraction, origin_seconds: Fraction | None) -> int:
    """The tick nearest to the container's start, and never after the first frame.

    That frame's own if the start is hardly more than one frame before it: sound has a few milliseconds that are not
    heard before it begins, AVI gives pictures the time of their decoding, and FFmpeg rounds the start to microseconds.
    """
    if origin_seconds is None:
        return first
    start = round(origin_seconds / time_base)
    return start if first - start > LEAST_LATE * max(period, 1) else first


def _period(ticks: NDArray[np.int64], time_base: Fraction, rate: Fraction) -> int:
    """How long a last frame of unknown duration stays, in ticks: the median gap, else one frame at `rate`.

    Not the mean: one picture that is held for an hour would make the last one last for minutes.
    """
    if len(ticks) > 1:
        return round(float(np.median(np.diff(ticks))))
    return round(1 / rate / time_base)


def _spread(
    stamps: NDArray[np.int64], time_base: Fraction, rate: Fraction, origin_seconds: Fraction | None
) -> Timeline:
    """A timeline in which each of the (N,) stamps is a frame of its own, however many have the same.

    The frames of one stamp follow each other evenly up to the next stamp, at most as far apart as they are in most of
    the file, so that a hold stays a hold; a single stamp's at `rate`.
    """
    ticks, counts = np.unique(stamps, return_counts=True)
    first, length = int(ticks[0]), int(ticks[-1] - ticks[0])
    finer = min(1000 * int(counts.max()), MAX_TICK // max(length, 1))  # no two frames are rounded to one tick
    ticks -= first
    gaps = np.diff(ticks) * finer
    period = float(1 / rate / time_base * finer)
    usual = float(np.median(gaps / counts[:-1])) if len(gaps) else period
    if usual * time_base > finer:
        usual = period  # frames that are a second apart and more share no stamps: these gaps are holds
    steps = np.minimum(np.append(gaps / counts[:-1], np.inf), usual)
    within = np.concatenate([np.arange(number) for number in counts.tolist()])
    spread = np.repeat(ticks * finer, counts) + np.floor(within * np.repeat(steps, counts)).astype(np.int64)
    shared = int(counts[counts > 1].sum())
    notes = (f"{shared:,} of {len(stamps):,} frames share a time stamp with others: they were spread out evenly",)
    return Timeline(
        ticks=spread,
        end_tick=int(spread[-1]) + max(round(usual), 1),
        time_base=time_base / finer,
        key_ticks=ticks[:0],
        counted=True,
        jumps=False,
        origin_tick=(_origin_tick(first, math.ceil(usual / finer), time_base, origin_seconds) - first) * finer,
        notes=notes,
    )
