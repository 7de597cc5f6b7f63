"""What the packets of a stream say about time: when each frame is shown, where decoding can begin.

Headers lie about duration, rate and number of frames; the packets are the truth. Ticks are whole numbers of the
stream's time base, kept exact here; seconds leave at the door.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

__all__ = ["PacketRow", "Timeline", "build_timeline"]

NOMINAL_RATE = Fraction(25)
"""Frames a second where a file names no usable rate; FFmpeg's own for raw streams and still pictures."""

MAX_RATE = 1000
"""Declared rates of this or more are time bases in disguise (1000 and 90000 are usual)."""

MAX_TICK = 2**62
"""Times beyond are damage; differences of those below fit an int64."""


@dataclass(frozen=True, slots=True)
class PacketRow:
    """One packet of a stream, in time bases."""

    pts: int | None
    """When its frame is shown; None where the container does not say."""
    duration: int
    """How long, 0 where unknown."""
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
    """(K,) sorted: the times of packets at which decoding can begin; empty where seeking is not safe."""
    counted: bool
    """True when the packets' own times are missing or not those of the frames: the k-th decoded is at `ticks[k]`."""
    jumps: bool
    """True when the clock starts again midway: every reader of packets then has to carry it on (`Clock`)."""

    @property
    def duration_seconds(self) -> float:
        """From the first frame shown to the end of the last."""
        return float((self.end_tick - int(self.ticks[0])) * self.time_base)

    def seconds(self) -> NDArray[np.float64]:
        """(N,) float64, sorted, the first is 0: when each frame appears, counted from the first."""
        # The division rounds once, as float(Fraction) does, while the products stay below 2**53.
        ticks = (self.ticks - self.ticks[0]).astype(np.float64)
        return np.asarray(ticks * self.time_base.numerator / self.time_base.denominator, dtype=np.float64)

    def starting_at(self, tick: int) -> "Timeline":
        """The same without the frames before `tick`, which gave no pictures."""
        return replace(self, ticks=self.ticks[self.ticks >= tick])

    def in_order_decoded(self) -> "Timeline":
        """The same times for the frames as they come out of the decoder, whatever their packets say."""
        return replace(self, key_ticks=self.key_ticks[:0], counted=True)


def build_timeline(
    rows: Sequence[PacketRow], time_base: Fraction | None, rate: Fraction | None, *, jumps: bool
) -> Timeline | None:
    """The timeline of a stream, or None when no packet is ever shown.

    rows: its packets in decoding order. time_base: seconds per tick. rate: frames a second as declared.
    jumps: as in `Timeline`. Frames before the first key frame, and hidden ones, are not shown.
    """
    rows = rows[next((i for i, row in enumerate(rows) if row.key), 0) :]
    rate = rate if rate is not None and rate < MAX_RATE else NOMINAL_RATE
    num_shown = sum(not row.discard for row in rows)
    stamped = [(row.pts, row) for row in rows if row.pts is not None and abs(row.pts) < MAX_TICK]
    # Pictures decoded after the first key frame but shown before it lean on pictures that are not there.
    shown = [(pts, row.duration) for pts, row in stamped if not row.discard and pts >= stamped[0][0]]
    if num_shown and (not shown or time_base is None):
        ticks = np.arange(num_shown, dtype=np.int64)
        return Timeline(ticks, num_shown, 1 / rate, np.empty(0, np.int64), counted=True, jumps=False)
    if not shown or time_base is None:
        return None
    ticks = np.unique(np.array([pts for pts, _ in shown], dtype=np.int64))
    keys = [] if jumps else [pts for pts, row in stamped if row.key]
    duration = max(shown)[1] or _period(ticks, time_base, rate)
    key_ticks = np.unique(np.array(keys, dtype=np.int64))
    return Timeline(ticks, int(ticks[-1]) + max(duration, 1), time_base, key_ticks, counted=False, jumps=jumps)


def _period(ticks: NDArray[np.int64], time_base: Fraction, rate: Fraction) -> int:
    """How long a last frame of unknown duration stays, in ticks: the mean gap, else one frame at `rate`."""
    if len(ticks) > 1:
        return round(int(ticks[-1] - ticks[0]) / (len(ticks) - 1))
    return round(1 / rate / time_base)
