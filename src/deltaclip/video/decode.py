"""Walking through the pictures of one stream in the order shown."""

import itertools
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal, cast

import av
import numpy as np
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

from deltaclip.errors import VideoError
from deltaclip.processes import pulse
from deltaclip.video.container import MAX_PIXELS, open_container
from deltaclip.video.packets import Clock, VideoPacket
from deltaclip.video.timeline import Timeline

__all__ = ["Decoder", "pictures_share_time", "shows_in_order"]

MAX_MISSING = 1
"""A picture may stand in for at most this many following ones that give none, as it does on a player's screen.

One, because that happens in sound files: a last frame that is cut short, a packet that only prepares later ones
(VP8's hidden frames), the second field of an interlaced picture. More is damage and an error.
"""

MIN_SKIPPED = 4
"""A seek that saves fewer frames costs more than decoding them, above all in transport streams without an index."""

SKIPPING_CODECS = frozenset({"h264", "mpeg1video", "mpeg2video", "mpeg4"})
"""Codecs whose decoders can leave out a frame that no other refers to, as its own header says. Not HEVC: there such
a frame may still be referred to from a higher temporal layer."""

ORDER_SAMPLE = 50
"""Pictures decoded to see whether a doubtful stream's times can be believed."""

SHARED_SAMPLE = 50
"""Pictures decoded to see whether a second one has the time that packets share."""


def shows_in_order(path: Path, stream_index: int, timeline: Timeline) -> bool:
    """Whether the first pictures come out of the decoder with rising times, as they must if the times are true."""
    decoder = Decoder(path, stream_index, timeline)
    try:
        ticks = [tick for tick, _ in itertools.islice(decoder.pictures, ORDER_SAMPLE)]
    finally:
        decoder.close()
    return ticks == sorted(ticks)


def pictures_share_time(path: Path, stream_index: int, timeline: Timeline, tick: int) -> bool:
    """Whether two pictures come out of the decoder at `tick`, so that the stamps are broken.

    Otherwise the packets that share it are no pictures of their own: hidden frames, the fields of one picture.
    """
    decoder = Decoder(path, stream_index, timeline)
    try:
        first = decoder.show(tick)
        return first.pts == tick and any(
            other == tick for other, _ in itertools.islice(decoder.pictures, SHARED_SAMPLE)
        )
    except VideoError:
        return False
    finally:
        decoder.close()


class Decoder:
    """Decodes forwards, and seeks only when that leads to a wanted frame with less decoding."""

    def __init__(self, path: Path, stream_index: int, timeline: Timeline) -> None:
        self._path = path
        self.stream_index = stream_index
        self._timeline = timeline
        self._container: InputContainer | None = None
        self._failed: set[tuple[int | None, int | None]] = set()
        self._start_tick = int(timeline.ticks[0])
        self._shown: tuple[int, VideoFrame] | None = None
        self._ahead: tuple[int, VideoFrame] | None = None
        self._last_key: float = -np.inf
        self._wanted: frozenset[int] | None = None
        self._skips: Literal["NONREF", "NONKEY"] = "NONREF"
        self._skipped: set[int] = set()
        self._is_fresh = False
        self.pictures: Iterator[tuple[int, VideoFrame]] = iter(())
        """(tick, picture) in the order shown, from where decoding last began; seeking replaces it."""
        self._restart()

    @property
    def packets_failed(self) -> int:
        """How many different packets could not be decoded so far."""
        return len(self._failed)

    def close(self) -> None:
        """Gives the file back. May be called again."""
        # First the generator that reads from the container: PyAV crashes if one continues after close().
        self.pictures = iter(())
        self._shown = self._ahead = None
        if self._container is not None:
            self._container.close()
            self._container = None

    def first(self) -> tuple[int, VideoFrame]:
        """(tick, picture) of the first frame that can be decoded; VideoError when none can."""
        if not self._is_fresh:
            self._restart()
        self._ahead = next(self.pictures, None)
        if self._ahead is None:
            raise VideoError(
                str(self._path),
                f"no picture can be decoded ({self.packets_failed} of {len(self._timeline.ticks)} packets failed)",
                "If a program shows it, convert it with that one; otherwise fetch it again.",
            )
        self._start_tick = self._ahead[0]
        return self._ahead

    def want(self, ticks: Iterable[int]) -> None:
        """From now on only the frames at these ticks are asked for: what they do not need is not decoded.

        That is everything else if all of them are key frames, and what no frame refers to otherwise.
        """
        _, stream = self._opened()
        wanted, timeline = frozenset(ticks), self._timeline
        only_keys = wanted.issubset(timeline.key_ticks.tolist())
        can_skip = only_keys or stream.codec_context.name in SKIPPING_CODECS
        self._wanted = wanted if can_skip and not timeline.counted and not timeline.jumps else None
        self._skips = "NONKEY" if only_keys else "NONREF"

    def show(self, tick: int) -> VideoFrame:
        """The picture on the screen at `tick`, one of the timeline's: decoded, not converted.

        VideoError when neither that frame nor the one before it can be decoded.
        """
        self._go_to(tick)
        if self._wanted is not None and (self._shown is None or self._shown[0] != tick):
            # It gives no picture. The one that stands in for it may have been skipped, so nothing is skipped now.
            self._wanted = None
            self._restart()
            self._go_to(tick)
        return self._checked(tick)

    def _go_to(self, tick: int) -> None:
        """Decodes to the last picture at or before `tick`, if there is one."""
        self._opened()
        keys = self._timeline.key_ticks[: np.searchsorted(self._timeline.key_ticks, tick, side="right")]
        self._approach(tick, keys)
        self._walk_to(tick)
        step = 1
        while self._shown is None and step < len(keys):
            # A seek may land behind its target: containers index by decoding time, and not every packet called a
            # key frame gives a picture at once. Then ever earlier ones are tried, at last the beginning.
            self._seek(int(keys[-1 - step]), tick)
            self._walk_to(tick)
            step *= 2
        if self._shown is None:
            self._restart()
            self._walk_to(tick)

    def _checked(self, tick: int) -> VideoFrame:
        """The picture found for `tick`, unless too many between the two are missing."""
        ticks = self._timeline.ticks
        shown, frame = self._shown if self._shown is not None else (None, None)
        missing = len(ticks) if shown is None else np.count_nonzero((ticks > shown) & (ticks <= tick))
        if frame is None or missing > MAX_MISSING:
            last = self._timeline.seconds_at(self._start_tick if shown is None else shown)
            remedy = "Fetch or export the file again; what comes before can be read."
            raise VideoError(str(self._path), f"damaged after {last:.2f} s", remedy, decoded_seconds=last)
        return frame

    def _approach(self, tick: int, keys: NDArray[np.int64]) -> None:
        """Seeks if `tick` is behind, or if decoding can restart between here and there."""
        behind = tick in self._skipped or (self._shown is not None and self._shown[0] > tick)
        if behind and not len(keys):
            self._restart()
        elif behind or (len(keys) and keys[-1] > self._last_key and self._gap_to(int(keys[-1])) > MIN_SKIPPED):
            self._seek(int(keys[-1]), tick)

    def _gap_to(self, key: int) -> int:
        """How many frames a seek to `key` would save."""
        here = self._shown[0] if self._shown is not None else self._start_tick
        return int(np.count_nonzero((self._timeline.ticks > here) & (self._timeline.ticks < key)))

    def _walk_to(self, tick: int) -> None:
        """Decodes until the next picture would be later than `tick`; nothing on the way is converted."""
        while self._shown is None or self._shown[0] < tick:
            self._ahead = self._ahead or next(self.pictures, None)
            if self._ahead is None or self._ahead[0] > tick:
                return
            self._shown, self._ahead = self._ahead, None

    def _seek(self, key: int, tick: int) -> None:
        """Sends the container to the key frame shown at `key`; to the beginning if a file cannot seek.

        It may land elsewhere; all is well as long as it meets a key frame at or before `tick`.
        """
        container, stream = self._opened()
        try:
            container.seek(key, stream=stream, backward=True)
        except av.FFmpegError:
            self._restart()
        else:
            self._begin(latest_key=tick)

    def _restart(self) -> None:
        """Opens the file again: exact for every format, where seeking to the beginning is not."""
        self.close()
        self._container = open_container(self._path)
        _, stream = self._opened()
        # One thread: two gained nothing here (12 frames of 720p in 1.1 s either way) and decode ahead for nothing at
        # each seek. Several files at once keep more cores busy than several threads on one.
        stream.thread_type = "NONE"
        stream.codec_context.thread_count = 1
        stream.codec_context.options = {"max_pixels": str(MAX_PIXELS)}  # also of pictures that grow midway
        self._begin()

    def _begin(self, latest_key: int | None = None) -> None:
        """Forgets what was decoded. latest_key: as for `_decode`."""
        self._shown = self._ahead = None
        self._last_key = -np.inf
        self._skipped = set()
        self._is_fresh = latest_key is None
        self.pictures = self._decode(latest_key)

    def _opened(self) -> tuple[InputContainer, VideoStream]:
        if self._container is None:
            raise ValueError(f"{self._path} is closed")
        stream = self._container.streams[self.stream_index]
        assert isinstance(stream, VideoStream)
        return self._container, stream

    def _packets(self) -> Iterator[VideoPacket]:
        """From where the container is to its end; the last, empty one makes the decoder give up what it holds."""
        container, stream = self._opened()
        clock = Clock(self._timeline.time_base)
        try:
            for packet in container.demux(stream):
                if self._timeline.jumps:
                    clock.correct(packet)
                yield packet
        except av.FFmpegError:
            # The file breaks off here. Frames asked for behind this point are reported as damaged.
            end = cast("VideoPacket", Packet())
            end.stream = stream
            yield end

    def _decode(self, latest_key: int | None) -> Iterator[tuple[int, VideoFrame]]:
        """(tick, picture) in the order shown. Packets that cannot be decoded are skipped and remembered.

        latest_key: None at the beginning of a file. After a seek decoding begins at the first key frame met, and
        nothing comes when that one is later than `latest_key`.
        """
        ticks = self._timeline.ticks
        earliest: int | None = None
        count = 0
        self._is_fresh = False
        context = self._opened()[1].codec_context
        for packet in self._packets():
            if latest_key is not None and packet.size:
                if not packet.is_keyframe:
                    continue
                if packet.pts is not None and packet.pts > latest_key:
                    return
                latest_key = None
            if packet.pts is not None:
                # Pictures shown before the key frame at which decoding began lean on pictures that are not there.
                earliest = packet.pts if earliest is None else earliest
                if packet.is_keyframe:
                    self._last_key = max(self._last_key, packet.pts)
            pulse()
            is_skipped = self._wanted is not None and packet.pts is not None and packet.pts not in self._wanted
            context.skip_frame = self._skips if is_skipped else "DEFAULT"
            if is_skipped and packet.pts is not None:
                self._skipped.add(packet.pts)
            try:
                pictures = packet.decode()
            except av.FFmpegError:
                self._failed.add((packet.pts, packet.dts))
                count += 1
                continue
            for picture in pictures:
                if self._timeline.counted:
                    tick = int(ticks[min(count, len(ticks) - 1)])
                    count += 1
                    yield tick, picture
                elif picture.pts is not None and picture.pts >= max(int(ticks[0]), earliest or int(ticks[0])):
                    yield picture.pts, picture
