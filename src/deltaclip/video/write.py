"""Writing a video file that every player shows."""

import os
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc, Interpolation
from numpy.typing import NDArray

from deltaclip.durable import PARTIAL, replace_durably

__all__ = ["write_mp4"]

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
    path = Path(path)
    part = path.with_name(f".{path.name}.{os.getpid()}{PARTIAL}")
    try:
        # Not into an open file: FFmpeg opens it a second time, by its name, to move the table of frames to the front.
        _encode(part, rgb, Fraction(frames_per_second), crf)
        with part.open("rb") as file:
            replace_durably(file, part, path)
    finally:
        part.unlink(missing_ok=True)


def _encode(path: Path, rgb: NDArray[np.uint8], rate: Fraction, crf: int) -> None:
    """The work of `write_mp4`, without its promises about the file."""
    num_frames, height, width, _ = rgb.shape
    rgb = np.pad(rgb, ((0, 0), (0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    # The same frames should give the same file. x264's output depends on the number of threads; and with its
    # macroblock tree one file in a few hundred came out differently, depending only on where its memory was.
    with av.open(f"file:{path}", "w", format="mp4", options=_MP4) as container:
        stream = container.add_stream(
            "libx264", rate=rate, options={"crf": str(crf), "threads": "1", "x264-params": "mbtree=0"}
        )
        stream.width, stream.height, stream.pix_fmt = rgb.shape[2], rgb.shape[1], "yuv420p"
        context = stream.codec_context
        context.colorspace, context.color_range = Colorspace.ITU709, ColorRange.MPEG
        context.color_primaries, context.color_trc = ColorPrimaries.BT709, ColorTrc.BT709
        for index in range(num_frames):
            frame = VideoFrame.from_ndarray(rgb[index]).reformat(
                format="yuv420p",
                dst_colorspace=Colorspace.ITU709,
                dst_color_range=ColorRange.MPEG,
                interpolation=Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INP,
                threads=1,
            )
            frame.pts, frame.time_base = index, 1 / rate
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
