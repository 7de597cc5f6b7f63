"""A moment of a video as an mp4 that browsers play: its packets as they are if that can be, else encoded."""

import heapq
import itertools
import math
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from deltaclip.errors import VideoError
from deltaclip.processes import pulse
from deltaclip.video.container import open_container
from deltaclip.video.copying import HELD_SECONDS, CopyPlan, copied_pictures, plan_copy
from deltaclip.video.sound import COPIED_SOUND, copied_sound, encoded_sound, heard, sound_of, sound_rate
from deltaclip.video.video import Video
from deltaclip.video.write import add_h264, whole_mp4

__all__ = ["Cut", "cut_moment"]

LONGEST_SIDE = 1280
"""Pixels of an encoded moment; larger videos are shrunk."""
QUALITY = {"crf": "23", "preset": "veryfast", "bf": "0"}
"""x264's, of what is looked at once: 15 s of 720p take seconds and some MB."""
TICKS = 90_000
"""A second, of encoded pictures: those of every usual rate fall on one."""
REPEATED = TICKS // 25
"""How long a last frame that is held is shown again before the end, in ticks."""
MOST_RATE = 240
"""Frames a second that an encoder is told of; it is a hint for its rate control, times stay as they are."""

Timed = tuple[float, "Packet[VideoStream] | Packet[AudioStream]"]
"""Second of the moment by which packets are ordered, and the packet."""


@dataclass(frozen=True, slots=True)
class Cut:
    """What was written.

    duration_seconds: of the moment. copied: whether the pictures are the packets of the file. notes: what is missing or
    different, a sentence each.
    """

    duration_seconds: float
    copied: bool
    notes: tuple[str, ...]


def cut_moment(path: str | Path, out: str | Path, start: float, end: float, *, copies: bool = True) -> Cut:
    """Writes the moment start <= second < end as an mp4 that every browser plays: H.264 in 4:2:0, AAC or MP3.

    Second 0 of the result is `start` on a player's clock of the file, and it lasts until `end` or the end of the video.
    Packets are copied if that shows the same frames (`plan_copy`). Otherwise pictures are decoded, turned upright,
    shrunk to LONGEST_SIDE, and encoded with the times that `Video` shows them at, so that a variable rate stays
    variable; pixels that are not square stay so, and players stretch them as they do those of the file.
    copies: False encodes what could be copied too, for a player that stopped at a damaged packet: what the packets hold
    is known only by decoding them.
    `out` appears when it is whole; an error leaves an old file as it was. Raises VideoError if the file cannot be read
    or is damaged within the moment, ValueError for a moment without length.
    """
    if not (math.isfinite(start) and math.isfinite(end) and start < end):
        raise ValueError(f"a moment needs start < end, not {start} and {end}")
    try:
        return _cut(Path(path), Path(out), start, end, copies=copies)
    except (av.FFmpegError, OSError) as err:
        remedy = "Check that there is room and permission to write, and that the file has not changed meanwhile."
        raise VideoError(str(path), f"its moment cannot be written to {out} ({err.strerror})", remedy) from err


def _cut(path: Path, out: Path, start: float, end: float, *, copies: bool) -> Cut:
    """The work of `cut_moment`."""
    with ExitStack() as stack:
        video = stack.enter_context(Video.open(path))
        if end <= video.whole.start or start >= video.whole.end:
            there = f"they are from {video.whole.start:g} to {video.whole.end:g} s"
            found = f"no pictures between {start:g} and {end:g} s ({there})"
            raise VideoError(str(path), found, "Ask for a moment within the video.")
        start, end = max(start, 0.0), min(end, video.whole.end)
        plan = plan_copy(path, video, start, end) if copies else None
        if plan is not None:
            start = float(plan.start)
        target = stack.enter_context(whole_mp4(Path(out), end - start))
        if plan is None:
            pictures = _encoded(path, video, target, start, end)
        else:
            pictures = copied_pictures(stack.enter_context(open_container(path)), plan, target)
        sound, notes = _sound(stack, path, video, target, start, end, plan)
        for _, packet in heapq.merge(pictures, sound, key=lambda timed: timed[0]):
            target.mux(packet)
            pulse()
    return Cut(end - start, plan is not None, (*video.info.notes, *notes))


def _encoded(path: Path, video: Video, target: OutputContainer, start: float, end: float) -> Iterator[Timed]:
    """The pictures of the moment, encoded, each with the time until the next one as its duration."""
    width, height = _even_size(video.info.width, video.info.height)
    rate = Fraction(min(max(video.info.num_frames / max(video.info.duration_seconds, 1e-3), 1), MOST_RATE))
    stream = add_h264(target, width, height, rate.limit_denominator(1001), QUALITY)
    stream.codec_context.time_base = Fraction(1, TICKS)
    ratio = _pixel_shape(path, video)
    if ratio is not None:
        stream.codec_context.sample_aspect_ratio = ratio
    end_tick = round((end - start) * TICKS)
    return _encode(stream, _in_ticks(video.yuv_between(start, end, width, height), start, end_tick), end_tick)


def _encode(stream: VideoStream, pictures: Iterator[tuple[int, av.VideoFrame]], end_tick: int) -> Iterator[Timed]:
    """Each picture from its tick on to the next one's, the last to `end_tick`."""
    durations: dict[int | None, int] = {}
    for (tick, frame), (next_tick, _) in itertools.pairwise(itertools.chain(pictures, [(end_tick, None)])):
        if next_tick <= tick or frame is None:
            continue  # shown for less than a tick
        durations[tick] = next_tick - tick
        frame.pts, frame.time_base = tick, Fraction(1, TICKS)
        yield from _with_durations(stream.encode(frame), durations)
    yield from _with_durations(stream.encode(None), durations)


def _in_ticks(
    pictures: Iterator[tuple[float, av.VideoFrame]], start: float, end_tick: int
) -> Iterator[tuple[int, av.VideoFrame]]:
    """(tick of the moment, picture); the last one again before the end, if it is held.

    The first has been on the screen since before the moment, or appears later than it begins.
    """
    tick, frame = 0, None
    for number, (second, picture) in enumerate(pictures):
        tick, frame = round((second - start) * TICKS) if number else 0, picture
        yield tick, frame
    if frame is not None and end_tick - tick > HELD_SECONDS * TICKS:
        yield end_tick - REPEATED, frame


def _with_durations(packets: list["Packet[VideoStream]"], durations: dict[int | None, int]) -> Iterator[Timed]:
    for packet in packets:
        packet.duration = durations.pop(packet.pts)
        yield (packet.dts or 0) / TICKS, packet


def _even_size(width: int, height: int) -> tuple[int, int]:
    """Sides that 4:2:0 can have, the longer one at most LONGEST_SIDE; an odd one is stretched by a pixel."""
    scale = min(1.0, LONGEST_SIDE / max(width, height))
    return max(math.ceil(width * scale / 2) * 2, 2), max(math.ceil(height * scale / 2) * 2, 2)


def _pixel_shape(path: Path, video: Video) -> Fraction | None:
    """Width to height of an upright pixel; None if the file does not say."""
    if video.stream_index is None:
        return None
    with open_container(path) as container:
        stream = container.streams[video.stream_index]
        ratio = stream.sample_aspect_ratio if isinstance(stream, VideoStream) else None
    if not ratio:
        return None
    return 1 / ratio if video.info.rotation in (90, 270) else ratio


def _sound(
    stack: ExitStack, path: Path, video: Video, target: OutputContainer, start: float, end: float, plan: CopyPlan | None
) -> tuple[Iterator[Timed], tuple[str, ...]]:
    """The packets of the sound, none if there is none, and notes."""
    if video.stream_index is None:
        return iter(()), ()
    container = stack.enter_context(open_container(path))
    if not container.streams.audio:
        return iter(()), ()
    stream = sound_of(container)
    if stream is None:
        return iter(()), ("its sound is of a codec that is not known here, and left out",)
    if video.clock_restarts:
        return iter(()), ("its clock starts again midway: the sound is left out",)
    if plan is not None and stream.codec_context.codec.canonical_name in COPIED_SOUND:
        copy = target.add_stream_from_template(stream)
        return copied_sound(container, stream, copy, video.origin_seconds, start, end), ()
    began = Fraction(container.start_time or 0, av.time_base)
    origin = video.origin_seconds if video.stamps_hold else began
    pieces = heard(container, stream, origin, start, end)
    first = next(pieces, None)
    if first is None:
        return iter(()), ("no sound can be read in this moment",)
    layout = "mono" if len(first) == 1 else "stereo"
    aac = target.add_stream("aac", rate=sound_rate(stream), layout=layout)
    return encoded_sound(itertools.chain([first], pieces), aac), ()
