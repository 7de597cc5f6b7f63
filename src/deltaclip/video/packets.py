"""Reading the packets of a file once, without decoding: which stream is the film, and its timeline."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from typing import TYPE_CHECKING

import av
from av.container import InputContainer
from av.packet import Packet
from av.stream import Disposition
from av.video.stream import VideoStream

from deltaclip.processes import pulse
from deltaclip.video.container import STILL_PICTURES
from deltaclip.video.timeline import MAX_TICK, PacketRow, Timeline, build_timeline

__all__ = ["Clock", "FilmStream", "VideoPacket", "find_film"]

if TYPE_CHECKING:
    VideoPacket = Packet[VideoStream]
else:
    VideoPacket = Packet  # generic in PyAV's stubs only

JUMP_SECONDS = Fraction(1, 2)
"""A decoding time this far behind the one before begins a new recording; less is jitter."""

MAX_SHARED, MAX_RUN = 0.02, 2
"""Share of the packets whose time stamp may already be that of a different packet, and how many may share one: above
these the stamps may be broken. Hidden frames and rounding give a few pairs."""


@dataclass(frozen=True, slots=True)
class SharedStamp:
    """tick: the time stamp that most packets share. spread: the timeline in which each packet is a frame of its own,
    all spread out evenly. Packets that show nothing may share the next one's stamp."""

    tick: int
    spread: Timeline


@dataclass(frozen=True, slots=True)
class FilmStream:
    """The stream of a file that is its film."""

    stream_index: int
    codec: str
    timeline: Timeline | None
    """None when the stream promises no picture."""
    doubtful: bool
    """True if the times follow the order of decoding although the codec may show pictures in a different one, as in
    files whose times were damaged. Decoding tells (`shows_in_order`)."""
    shared: SharedStamp | None
    """If packets share time stamps. Decoding tells whether each of them is a frame (`pictures_share_time`)."""


class Clock:
    """Carries the times of packets on when they fall back: recordings joined byte by byte start again midway."""

    def __init__(self, time_base: Fraction) -> None:
        self._time_base = time_base
        self._last: int | None = None
        self._latest_shown = -MAX_TICK
        self._step = 1
        self.offset = 0
        """What has to be added now; 0 until the first fall back."""

    def correct(self, packet: VideoPacket) -> None:
        """Changes pts and dts in place. To be called for every packet of the stream, in order.

        Only times of decoding are compared with each other: how long a picture is shown says nothing of them. Where an
        edit list begins a new piece, packets that it hides go back to a key frame; they are no new recording.
        """
        if packet.dts is not None and not packet.is_discard:
            now = packet.dts + self.offset
            if self._last is not None:
                if (self._last - now) * self._time_base > JUMP_SECONDS:
                    # Decoding ran ahead of showing: the first picture follows the last one that was shown as well.
                    shown = now if packet.pts is None else packet.pts + self.offset
                    self.offset += self._step + max(self._last - now, self._latest_shown - shown)
                elif 0 < (now - self._last) * self._time_base < JUMP_SECONDS:
                    self._step = now - self._last
            self._last = packet.dts + self.offset
        if self.offset:
            packet.dts = None if packet.dts is None else packet.dts + self.offset
            packet.pts = None if packet.pts is None else packet.pts + self.offset
        if packet.pts is not None and not packet.is_discard and packet.pts < MAX_TICK:
            self._latest_shown = max(self._latest_shown, packet.pts)


def find_film(container: InputContainer, candidates: Sequence[VideoStream]) -> FilmStream:
    """The candidate that a player shows: of several that move the default one, among these the largest picture.

    A single picture is shown only if nothing moves; a film may have thumbnails or a smaller copy before it.
    Reads the container to its end.
    """
    rows: dict[int, list[PacketRow]] = {stream.index: [] for stream in candidates}
    clocks = {stream.index: Clock(_fraction(stream.time_base) or Fraction(1)) for stream in candidates}
    kind = container.format.name
    # AVI has a place for the time of decoding only; for that of showing FFmpeg takes the next packet's.
    guessed = False
    try:
        for packet in container.demux(tuple(candidates)):
            pulse()
            clocks[packet.stream.index].correct(packet)
            if packet.size:
                guessed |= kind == "avi" and packet.pts != packet.dts
                pts = packet.dts if kind == "avi" else packet.pts
                row = PacketRow(pts, packet.duration or 0, packet.is_keyframe, packet.is_discard)
                rows[packet.stream.index].append(row)
    except av.FFmpegError:
        pass  # The file breaks off: what could be read counts, and frames after it are not promised.
    # max() takes the first of equals.
    film = max(candidates, key=lambda stream: _rank(stream, len(rows[stream.index])))
    # Phones put further pictures behind a photo (depth, brightness), which FFmpeg takes for frames.
    packets = rows[film.index][:1] if kind in STILL_PICTURES else rows[film.index]
    build = partial(
        build_timeline,
        packets + _cut_off(container, film, packets),
        _fraction(film.time_base),
        _fraction(film.average_rate) or _fraction(film.guessed_rate),
        jumps=clocks[film.index].offset != 0,
        origin_seconds=None if container.start_time is None else Fraction(container.start_time, av.time_base),
    )
    timeline = build()
    times = [row.pts for row in packets if row.pts is not None]
    if timeline is not None and guessed:
        timeline = timeline.in_order_decoded()
    tick = _shared(times)
    spread = None if tick is None else build(stamps_broken=True)
    return FilmStream(
        film.index,
        film.codec_context.name,
        timeline,
        doubtful=bool(film.codec_context.has_b_frames) and not guessed and times == sorted(times),
        shared=None if tick is None or spread is None else SharedStamp(tick, spread),
    )


def _shared(times: Sequence[int]) -> int | None:
    """The time stamp that most packets share, if so many do that the stamps may be broken."""
    counts = Counter(times)
    if not counts:
        return None
    tick, most = counts.most_common(1)[0]
    return tick if most > MAX_RUN or len(times) - len(counts) > MAX_SHARED * len(times) else None


def _rank(stream: VideoStream, num_packets: int) -> tuple[bool, bool, bool, int]:
    """What a player compares: the highest is the film."""
    is_picture = bool(stream.disposition & (Disposition.still_image | Disposition.timed_thumbnails))
    is_default = bool(stream.disposition & Disposition.default)
    return not is_picture, num_packets > 1, is_default, stream.width * stream.height


def _cut_off(container: InputContainer, stream: VideoStream, rows: Sequence[PacketRow]) -> list[PacketRow]:
    """The packets that the sample table of an mp4 promises behind the end of a file that was cut off.

    They count as frames, so that a film of which half is missing is damaged and not half as long. The table holds
    times of decoding; shifted by the delay of the first frame they are, as a set, close to those of showing.
    """
    entries = stream.index_entries
    if "mp4" not in container.format.name or not 0 < len(rows) < len(entries):
        return []
    shift = (stream.start_time or 0) - entries[0].timestamp
    promised = {entry.timestamp + shift for entry in entries if not entry.is_discard}
    missing = sorted(promised - {row.pts for row in rows})[-(len(entries) - len(rows)) :]
    return [PacketRow(pts, 0, key=False, discard=False) for pts in missing]


def _fraction(value: object) -> Fraction | None:
    """A rate or time base of PyAV (Fraction, or AVRational in newer ones) as a positive Fraction, else None."""
    numerator, denominator = getattr(value, "numerator", 0), getattr(value, "denominator", 0)
    return Fraction(int(numerator), int(denominator)) if numerator > 0 and denominator > 0 else None
