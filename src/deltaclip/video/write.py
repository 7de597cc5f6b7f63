"""Writing a video file that every player shows."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.container import OutputContainer
from av.video.frame import VideoFrame
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc
from av.video.stream import VideoStream
from numpy.typing import NDArray

from deltaclip.durable import PARTIAL, replace_durably
from deltaclip.video.edits import end_tracks
from deltaclip.video.picture import UPRIGHT, to_yuv420p

__all__ = ["add_h264", "whole_mp4", "write_mp4"]

_MP4 = {
    "movflags": "+faststart",  # the table of frames first: players on a network can begin at once
    "write_btrt": "0",  # FFmpeg fills this box with a different bit rate now and then
}


def write_mp4(path: str | Path, rgb: NDArray[np.uint8], frames_per_second: Fraction | int, crf: int = 18) -> None:
    """Writes frames as H.264 in mp4, 4:2:0, colours tagged bt709 and limited range.

    rgb: (T, H, W, 3) uint8, T >= 1. crf: x264's quality, 0 (exact but for colour sampling) to 51.
    4:2:0 needs even sides and is the only sampling that all players know: an odd last row or column is repeated
    once, so a picture of 33x47 comes back as 34x48. The file appears under its name only when it is whole; a failed
    write leaves the old file as it was.
    """
    if rgb.ndim != 4 or rgb.shape[3] != 3 or rgb.dtype != np.uint8 or 0 in rgb.shape:
        raise ValueError(f"a video needs (T, H, W, 3) uint8 with T, H, W >= 1, not {rgb.shape} {rgb.dtype}")
    num_frames, height, width, _ = rgb.shape
    rgb = np.pad(rgb, ((0, 0), (0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    rate = Fraction(frames_per_second)
    with whole_mp4(Path(path)) as container:
        stream = add_h264(container, rgb.shape[2], rgb.shape[1], rate, {"crf": str(crf)})
        for index in range(num_frames):
            frame = to_yuv420p(VideoFrame.from_ndarray(rgb[index]), rgb.shape[2], rgb.shape[1], UPRIGHT, str(path))
            frame.pts, frame.time_base = index, 1 / rate
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


@contextmanager
def whole_mp4(path: Path, seconds: float | None = None) -> Iterator[OutputContainer]:
    """An mp4 to mux into, which gets its name when it is whole; an error leaves the old file as it was.

    seconds: when it ends for a player, whatever its packets say; None leaves that to them.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}{PARTIAL}")
    try:
        # Not into an open file: FFmpeg opens it a second time, by its name, to move the table of frames to the front.
        with av.open(f"file:{part}", "w", format="mp4", options=_MP4) as container:
            yield container
        if seconds is not None:
            end_tracks(part, seconds)
        with part.open("rb") as file:
            replace_durably(file, part, path)
    finally:
        part.unlink(missing_ok=True)


def add_h264(
    container: OutputContainer, width: int, height: int, rate: Fraction, options: dict[str, str]
) -> VideoStream:
    """A stream of H.264 for pictures of `to_yuv420p`. rate: frames a second, on average. options: x264's."""
    # The same frames should give the same file. x264's output depends on the number of threads; and with its
    # macroblock tree one file in a few hundred came out differently, depending only on where its memory was.
    fixed = {"threads": "1", "x264-params": "mbtree=0"}
    stream = container.add_stream("libx264", rate=rate, options={**options, **fixed})
    stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
    context = stream.codec_context
    context.colorspace, context.color_range = Colorspace.ITU709, ColorRange.MPEG
    context.color_primaries, context.color_trc = ColorPrimaries.BT709, ColorTrc.BT709
    return stream
