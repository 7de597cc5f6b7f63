"""A video file: what it holds, and its frames at given seconds."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from deltaclip.errors import VideoError
from deltaclip.processes import pulse
from deltaclip.video.container import STILL_PICTURES, film_candidates, open_container, stat_video
from deltaclip.video.decode import Decoder, pictures_share_time, shows_in_order
from deltaclip.video.packets import find_film
from deltaclip.video.picture import orientation_of, scaled_size, to_rgb, to_yuv420p
from deltaclip.video.sampling import (
    NEIGHBOUR_SECONDS,
    SEGMENT_SECONDS,
    Segment,
    native_neighbours,
    neighbour_seconds,
    split_segments,
)
from deltaclip.video.still import (
    StillDecoder,
    check_whole,
    is_heif_picture,
    is_jpeg_in_tiff,
    read_heif,
    read_tiff,
)
from deltaclip.video.timeline import Timeline

__all__ = ["Frames", "Video", "VideoInfo"]


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Frames:
    """Pictures of a video, in the order in which their seconds were asked for."""

    rgb: NDArray[np.uint8]
    """(T, H, W, 3), upright, 0..255."""
    seconds: NDArray[np.float64]
    """(T,) the seconds asked for, on a player's clock."""
    before: tuple[NDArray[np.uint8] | None, ...] | None = None
    """Of each frame the native frame about 1/24 s before it, (H, W, 3), or None if there is none that can be decoded;
    the frame itself in a hold. None for all if they were not asked for."""
    after: tuple[NDArray[np.uint8] | None, ...] | None = None
    """The same after it."""
    step_seconds: NDArray[np.float64] | float = NEIGHBOUR_SECONDS
    """How far away these are, (2, T) before and after, as in `sampling.neighbour_seconds`. One number if they were not
    asked for."""
    notes: tuple[str, ...] = ()
    """Those of the video, as in `VideoInfo`."""

    def __post_init__(self) -> None:
        if self.rgb.ndim != 4 or self.rgb.shape[3] != 3 or self.rgb.dtype != np.uint8:
            raise ValueError(f"frames are (T, H, W, 3) uint8, not {self.rgb.shape} {self.rgb.dtype}")
        if self.seconds.shape != self.rgb.shape[:1]:
            raise ValueError(f"{len(self.rgb)} frames need as many seconds, not {self.seconds.shape}")

    def backwards(self) -> "Frames":
        """The same shown from its end: what was the frame before is the frame after."""
        steps = (
            self.step_seconds if isinstance(self.step_seconds, float | int) else self.step_seconds[::-1, ::-1].copy()
        )
        return replace(
            self,
            rgb=self.rgb[::-1].copy(),
            seconds=self.seconds[0] + self.seconds[-1] - self.seconds[::-1],
            before=None if self.after is None else self.after[::-1],
            after=None if self.before is None else self.before[::-1],
            step_seconds=steps,
        )

    def __repr__(self) -> str:
        return f"Frames(rgb={self.rgb.shape}, seconds={self.seconds.shape})"


@dataclass(frozen=True, slots=True)
class VideoInfo:
    """What the packets and the first picture of a file say; headers are not believed."""

    path: str
    format: str
    """Name of the FFmpeg demuxer, detected from the bytes."""
    codec: str
    width: int
    """Upright pixels as decoded; the sample aspect ratio is not applied, as the paper's loaders do not."""
    height: int
    rotation: int
    """Degrees by which decoded pictures are turned clockwise: 0, 90, 180 or 270."""
    start_seconds: float
    """When the first frame appears on a player's clock: 7 if the sound begins 7 s before the picture, usually 0."""
    duration_seconds: float
    """From the first frame shown to the end of the last."""
    num_frames: int
    """Frames that the packets promise; damaged ones are found only by decoding."""
    notes: tuple[str, ...]
    """What had to be made up because the file does not say it, a sentence each: broken time stamps, an unknown rate."""


class Video:
    """An open file. Use as a context manager.

    Seconds are those of a player's clock: they count from the start of the container, in which the sound may begin
    before the picture. The frame at a second is the one on the screen then: the last that appears at or before it.
    Files whose packets carry no time stamps (raw H.264), wrong ones (H.264 with B-frames in AVI) or the same for many
    frames are read from the beginning and their frames counted; all others are found by time stamp.
    """

    def __init__(self, path: str | Path) -> None:
        """Reads the table of packets and decodes the first picture. VideoError if there is nothing to show."""
        self._path = Path(path)
        self._decoder, timeline, format_name, codec = _open(self._path)
        try:
            tick, first = self._decoder.first()
        except BaseException:
            self._decoder.close()
            raise
        self._timeline = timeline.starting_at(tick)
        self._orientation = orientation_of(first, self._path if format_name in STILL_PICTURES else None)
        sides = (first.width, first.height)
        self.frame_seconds = self._timeline.seconds()
        """(N,) float64, sorted: when each frame appears."""
        self.key_seconds = self._timeline.key_seconds()
        """(K,) float64, sorted: when each key frame appears, K = 0 if the file does not tell."""
        self.info = VideoInfo(
            str(path),
            format_name,
            codec,
            *(sides[::-1] if self._orientation.swaps_sides else sides),
            self._orientation.clockwise,
            self._timeline.start_seconds,
            self._timeline.end_seconds - self._timeline.start_seconds,
            len(self.frame_seconds),
            self._timeline.notes,
        )

    @classmethod
    def open(cls, path: str | Path) -> Self:
        """The same as the constructor, for `with Video.open(path) as video`."""
        return cls(path)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Gives the file back. May be called again."""
        self._decoder.close()

    @property
    def packets_failed(self) -> int:
        """How many packets could not be decoded so far; they were skipped."""
        return self._decoder.packets_failed

    @property
    def stream_index(self) -> int | None:
        """Which stream of the file is shown; None for still pictures that FFmpeg does not read."""
        return self._decoder.stream_index

    @property
    def stamps_hold(self) -> bool:
        """Whether the packets' own time stamps are those of the frames, so that any player shows each in its time."""
        return not (self._timeline.counted or self._timeline.jumps or self._timeline.notes)

    @property
    def clock_restarts(self) -> bool:
        """Whether the time stamps begin again midway, as in recordings that were joined byte by byte."""
        return self._timeline.jumps

    @property
    def origin_seconds(self) -> Fraction:
        """What a time stamp of the file says when a player's clock is at zero; meaningless unless `stamps_hold`."""
        return self._timeline.origin_tick * self._timeline.time_base

    @property
    def whole(self) -> Segment:
        """All of the video, from its first frame to the end of its last."""
        return Segment(self._timeline.start_seconds, self._timeline.end_seconds)

    def segments(self, length_seconds: float = SEGMENT_SECONDS) -> tuple[Segment, ...]:
        """The whole video in holds and pieces of about `length_seconds`; see `split_segments`."""
        return split_segments(self.frame_seconds, self._timeline.end_seconds, length_seconds)

    def frames_at(
        self,
        seconds: Sequence[float] | NDArray[np.float64],
        short_side: int,
        *,
        with_neighbours: bool | Literal["after"] = False,
    ) -> Frames:
        """The frames on the screen at `seconds`, upright, with the shorter side at `short_side` pixels.

        seconds: (T,) in any order, repeats allowed, on a player's clock; those outside of the video get its first or
        last frame. All frames have one size, that of the first picture scaled, even if the resolution changes midway.
        VideoError if a frame is in a damaged part.
        with_neighbours: fetch the native frames before and after each too, in the same pass; see
        `sampling.native_neighbours` for which. "after": only those after, for key frames, before which all frames since
        the last key frame would have to be decoded.
        """
        asked = np.asarray(seconds, dtype=np.float64)
        if asked.ndim != 1 or not np.isfinite(asked).all() or short_side < 1:
            raise ValueError(f"frames_at needs finite seconds (T,) and a positive size, not {asked} and {short_side}")
        indices = np.clip(np.searchsorted(self.frame_seconds, asked, side="right") - 1, 0, None)
        size = scaled_size(self.info.width, self.info.height, short_side)
        if not with_neighbours:
            pictures = self._pictures(indices, size)
            return Frames(_stacked(pictures, indices, size), asked, notes=self.info.notes)
        end = self._timeline.end_seconds
        before, after = (native_neighbours(self.frame_seconds, indices, side, asked, end) for side in (-1, 1))
        if with_neighbours == "after":
            before = np.full_like(before, -1)
        pictures = self._pictures(indices, size, np.concatenate([before, after]))
        return Frames(
            _stacked(pictures, indices, size),
            asked,
            tuple(pictures.get(int(index)) for index in before),
            tuple(pictures.get(int(index)) for index in after),
            np.stack([neighbour_seconds(self.frame_seconds, indices, each) for each in (before, after)]),
            self.info.notes,
        )

    def yuv_between(self, start: float, end: float, width: int, height: int) -> Iterator[tuple[float, VideoFrame]]:
        """(second, picture) of every frame on the screen at start <= second < end: 4:2:0, upright, of that even size.

        The first one may have appeared before `start`. VideoError if a frame is in a damaged part.
        """
        first = int(np.searchsorted(self.frame_seconds, start, side="right")) - 1
        last = int(np.searchsorted(self.frame_seconds, end, side="left"))
        ticks = self._timeline.ticks[max(first, 0) : max(last, 1)]
        self._decoder.want(ticks.tolist())
        for tick in ticks.tolist():
            frame = self._decoder.show(tick)
            yield self._timeline.seconds_at(tick), to_yuv420p(frame, width, height, self._orientation, self.info.path)
            pulse()

    def _pictures(
        self, needed: NDArray[np.int64], size: tuple[int, int], wanted: NDArray[np.int64] | None = None
    ) -> dict[int, NDArray[np.uint8]]:
        """Pictures by frame number: all that are needed, and those of the wanted ones that can be decoded."""
        obligatory = set(needed.tolist())
        numbers = obligatory if wanted is None else obligatory | {number for number in wanted.tolist() if number >= 0}
        self._decoder.want(self._timeline.ticks[sorted(numbers)].tolist())
        pictures = {}
        for number in sorted(numbers):  # ascending: each stretch of the file is decoded once
            try:
                frame = self._decoder.show(int(self._timeline.ticks[number]))
            except VideoError:
                if number in obligatory:
                    raise
                continue
            pictures[number] = to_rgb(frame, *size, self._orientation, self.info.path)
            pulse()
        return pictures


def _open(path: Path) -> tuple[Decoder | StillDecoder, Timeline, str, str]:
    """What decodes a file, when its frames are shown, and the names of its format and codec."""
    stat_video(path)
    if is_heif_picture(path):
        picture, codec = read_heif(path)
        still = StillDecoder(path, picture)
        return still, still.timeline, "heif", codec
    with open_container(path) as container:
        film = find_film(container, film_candidates(container, path))
        format_name = container.format.name
    if format_name == "tiff_pipe" and is_jpeg_in_tiff(path):
        still = StillDecoder(path, read_tiff(path))
        return still, still.timeline, "tiff", "mjpeg"
    if format_name in ("jpeg_pipe", "gif"):
        check_whole(path, "GIF" if format_name == "gif" else "JPEG")
    timeline = film.timeline
    if timeline is None:
        raise VideoError(str(path), "no pictures after the header", "Fetch or export the file again.")
    if film.shared and pictures_share_time(path, film.stream_index, timeline, film.shared.tick):
        timeline = film.shared.spread
    elif film.doubtful and not shows_in_order(path, film.stream_index, timeline):
        timeline = timeline.in_order_decoded()
    return Decoder(path, film.stream_index, timeline), timeline, format_name, film.codec


def _stacked(
    pictures: dict[int, NDArray[np.uint8]], indices: NDArray[np.int64], size: tuple[int, int]
) -> NDArray[np.uint8]:
    """(T, H, W, 3): the pictures of frame numbers (T,), in their order, repeats and all. size: width and height."""
    stacked = np.empty((len(indices), size[1], size[0], 3), np.uint8)
    for row, index in zip(stacked, indices, strict=True):
        row[:] = pictures[int(index)]
    return stacked
