"""Copying the packets of a moment: whether that shows the same frames, and which ones."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer, OutputContainer
from av.video.stream import VideoStream

from deltaclip.processes import pulse
from deltaclip.video.container import open_container
from deltaclip.video.packets import VideoPacket
from deltaclip.video.playing import H264_FORMATS
from deltaclip.video.video import Video

__all__ = ["HELD_SECONDS", "CopyPlan", "copied_pictures", "plan_copy"]

LEAD_SECONDS = 0.5
"""From a key frame to the beginning of a moment: what an edit list hides, and a player decodes before it begins."""
ROUNDED_SECONDS = 1e-3
"""A moment that begins so little before a key frame begins at it: its second was rounded."""
HELD_SECONDS = 0.5
"""A last frame that stays longer has to be repeated before the end: Chromium ends a film once its last packet is on the
screen, however long that is to stay there, unless sound goes on."""
COPIED_CONTAINERS = ("mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm", "flv")
"""FFmpeg demuxers that give H.264 as an mp4 holds it, with its header apart."""


@dataclass(frozen=True, slots=True)
class CopyPlan:
    """Which packets make a moment, in time bases of the stream.

    key: when the key frame is shown at which decoding begins. last: when the last packet is decoded. zero: when the
    moment begins. first: when the frame appears that is on the screen then. end: when the moment ends. start: the same
    as zero, in seconds on a player's clock.
    """

    stream_index: int
    time_base: Fraction
    key: int
    last: int
    zero: int
    first: int
    end: int
    start: Fraction


def plan_copy(path: Path, video: Video, start: float, end: float) -> CopyPlan | None:
    """How to copy the packets of start <= second < end; None if they have to be encoded.

    That is so unless the pictures are H.264 in 8 bits and 4:2:0 with time stamps of their own, and the moment begins at
    a key frame or up to LEAD_SECONDS after it, and its last frame is not held.
    """
    index = video.stream_index
    keys = video.key_seconds
    place = int(np.searchsorted(keys, start + ROUNDED_SECONDS, "right")) - 1
    if index is None or not video.stamps_hold or video.info.format not in COPIED_CONTAINERS or place < 0:
        return None
    if start - keys[place] > LEAD_SECONDS or video.info.codec != "h264":
        return None
    begin = max(start, float(keys[place]))
    with open_container(path) as container:
        stream = container.streams[index]
        if not isinstance(stream, VideoStream) or stream.codec_context.pix_fmt not in H264_FORMATS:
            return None
        base = stream.time_base
        if base is None:
            return None
        shown = video.frame_seconds[(video.frame_seconds >= keys[place]) & (video.frame_seconds < end)]
        if end - shown[-1] > HELD_SECONDS:
            return None
        first = float(shown[shown <= begin][-1])
        key, zero, first_tick, end_tick = (
            round((video.origin_seconds + Fraction(second)) / base)
            for second in (float(keys[place]), begin, first, end)
        )
        last = _last_decoded(container, stream, key, end_tick, len(shown))
    if last is None:
        return None
    return CopyPlan(index, base, key, last, zero, first_tick, end_tick, Fraction(begin))


def _last_decoded(container: InputContainer, stream: VideoStream, key: int, end: int, num_shown: int) -> int | None:
    """When the last packet is decoded that is shown before `end`; None if the packets cannot be copied.

    num_shown: frames that are shown from `key` on before `end`.
    """
    last, before = None, None
    found = 0
    try:
        for packet in _packets_from(container, stream, key):
            if (
                packet.dts is None
                or packet.pts is None
                or packet.is_corrupt
                or packet.has_sidedata("new_extradata")  # of an mp4 track with several headers: one is kept
                or (before is not None and packet.dts <= before)
            ):
                return None
            if packet.dts >= end:
                break
            before = packet.dts
            if packet.pts < end:
                if packet.is_discard and packet.pts >= key:
                    return None
                found += packet.pts >= key
                last = packet.dts
    except av.FFmpegError:
        return None
    return last if found == num_shown else None


def _packets_from(container: InputContainer, stream: VideoStream, key: int) -> Iterator[VideoPacket]:
    """In the order of decoding, from the key frame shown at `key`; none if the file cannot seek there.

    Matroska does not say when packets are decoded, and FFmpeg knows it of later ones only: the first get times before.
    """
    container.seek(key, stream=stream, backward=True)
    begun = False
    waiting: list[VideoPacket] = []
    for packet in container.demux(stream):
        pulse()
        if not packet.size:
            continue
        begun = begun or (packet.is_keyframe and packet.pts == key)
        decoded = packet.dts
        if begun and decoded is None:
            waiting.append(packet)
        elif begun and decoded is not None:
            for early in reversed(waiting):
                decoded -= early.duration or 1
                early.dts = decoded
            yield from waiting
            waiting.clear()
            yield packet
        elif packet.pts is not None and packet.is_keyframe and packet.pts > key:
            return
    yield from waiting


def copied_pictures(
    container: InputContainer, plan: CopyPlan, target: OutputContainer
) -> Iterator[tuple[float, VideoPacket]]:
    """(second of the moment, packet) in the order of decoding. What comes before the moment has times below zero."""
    stream = container.streams[plan.stream_index]
    assert isinstance(stream, VideoStream)
    return _copied(container, stream, target.add_stream_from_template(stream), plan)


def _copied(
    container: InputContainer, stream: VideoStream, copy: VideoStream, plan: CopyPlan
) -> Iterator[tuple[float, VideoPacket]]:
    began: int | None = None
    for packet in _packets_from(container, stream, plan.key):
        assert packet.pts is not None
        assert packet.dts is not None
        if packet.dts > plan.last:
            return
        began = packet.dts if began is None else began
        if packet.dts == plan.last:
            # An mp4 lasts as long as its packets in the order of decoding do, of which this is the last.
            packet.duration = max(plan.end - plan.key - (packet.dts - began), packet.duration or 0)
        # The frame that is on the screen when the moment begins appears with it.
        shown = max(packet.pts, plan.zero) if packet.pts == plan.first else packet.pts
        packet.pts, packet.dts, packet.stream = shown - plan.zero, packet.dts - plan.zero, copy
        yield float(packet.dts * plan.time_base), packet
