"""From a decoded picture to upright RGB of the wanted size, in one step of swscale."""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import numpy as np
from av.filter import Graph
from av.sidedata.sidedata import SideData
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace, Interpolation
from numpy.typing import NDArray

from deltaclip.errors import VideoError
from deltaclip.video.still import exif_orientation

__all__ = ["UPRIGHT", "Orientation", "orientation_of", "scaled_size", "to_rgb", "to_yuv420p"]

_BICUBIC = (
    # Without the two FULL_CHR flags swscale takes every other colour sample of 4:2:0 pictures while shrinking:
    # 11 grey levels of mean error against bicubic with antialiasing (Pillow's), 0.3 with them.
    Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT | Interpolation.FULL_CHR_H_INP
)

MAX_PIXELS = 2**26
"""Upright pictures above this (a film of 100,000 x 20 px, say) are refused: one would fill 200 MB."""


@dataclass(frozen=True, slots=True)
class Orientation:
    """How a decoded picture has to be turned: first mirrored left to right, then turned clockwise."""

    mirrored: bool
    clockwise: int
    """0, 90, 180 or 270 degrees."""

    @property
    def swaps_sides(self) -> bool:
        """Whether width and height change places."""
        return self.clockwise in (90, 270)


UPRIGHT = Orientation(False, 0)
"""Shown as it is decoded."""


def orientation_of(frame: VideoFrame, still: Path | None) -> Orientation:
    """What the display matrix of the file asks for. Matrices that are no quarter turn (all zeros, skewed) are ignored.

    The matrix [[a, b], [c, d]] sends a decoded pixel (x, y) to (a x + c y, b x + d y), y downwards.
    still: the file if it is a still picture, whose EXIF may name an orientation instead.
    """
    try:
        side_data = cast("SideData | None", frame.side_data.get("DISPLAYMATRIX"))
    except ValueError:
        # PyAV does not know every kind of side data (the EXIF of phones' pictures), and reads all or none.
        side_data = None
    if side_data is None:
        named = _EXIF_ORIENTATIONS.get(exif_orientation(still)) if still else None
        return named or Orientation(False, -frame.rotation % 360 if frame.rotation % 90 == 0 else 0)
    matrix = np.frombuffer(bytes(side_data), dtype=np.int32)[[0, 1, 3, 4]].astype(np.float64)
    quarters = np.rint(matrix / max(np.abs(matrix).max(), 1))
    return _ORIENTATIONS.get(tuple(quarters), Orientation(False, 0))


_EXIF_ORIENTATIONS = {
    1: Orientation(False, 0),
    2: Orientation(True, 0),
    3: Orientation(False, 180),
    4: Orientation(True, 180),
    5: Orientation(True, 270),
    6: Orientation(False, 90),
    7: Orientation(True, 90),
    8: Orientation(False, 270),
}
"""EXIF 3.0, tag 0x0112: where the first row and the first column of the stored picture belong."""

_ORIENTATIONS = {
    # a, b, c, d, rounded
    (1, 0, 0, 1): Orientation(False, 0),
    (0, 1, -1, 0): Orientation(False, 90),
    (-1, 0, 0, -1): Orientation(False, 180),
    (0, -1, 1, 0): Orientation(False, 270),
    (-1, 0, 0, 1): Orientation(True, 0),
    (0, 1, 1, 0): Orientation(True, 270),
    (1, 0, 0, -1): Orientation(True, 180),
    (0, -1, -1, 0): Orientation(True, 90),
}


def scaled_size(width: int, height: int, short_side: int) -> tuple[int, int]:
    """(width, height) with the shorter side at `short_side`; the longer is rounded down, as CLIP's preprocessing does.

    Both in upright pixels, at least 1.
    """
    if width <= height:
        return short_side, max(short_side * height // width, 1)
    return max(short_side * width // height, 1), short_side


def to_rgb(frame: VideoFrame, width: int, height: int, orientation: Orientation, name: str) -> NDArray[np.uint8]:
    """(height, width, 3) uint8 RGB, upright, alpha dropped.

    Matrix (bt601, bt709, bt2020) and range come from the frame's own tags; what is not tagged is bt601 and limited
    range, as FFmpeg has it. Bicubic with antialiasing. Interlaced
    pictures are shrunk as one.
    """
    if width * height > MAX_PIXELS:
        raise VideoError(
            name,
            f"a picture of {frame.width}x{frame.height} would become {width}x{height}",
            "Crop it to less extreme proportions.",
        )
    sides = (height, width) if orientation.swaps_sides else (width, height)
    try:
        picture = (
            _as_progressive(frame)
            .reformat(*sides, format="rgb24", interpolation=_BICUBIC, dst_color_range=ColorRange.JPEG, threads=1)
            .to_ndarray()
        )
    except av.FFmpegError as err:
        found = f"{frame.width}x{frame.height} {frame.format.name} cannot be converted ({err.strerror})"
        raise VideoError(name, found, "Convert it, for example with: ffmpeg -i FILE out.mp4") from err
    if orientation.mirrored:
        picture = picture[:, ::-1]
    return np.ascontiguousarray(np.rot90(picture, k=-orientation.clockwise // 90), dtype=np.uint8)


def to_yuv420p(frame: VideoFrame, width: int, height: int, orientation: Orientation, name: str) -> VideoFrame:
    """The picture as an encoder of 4:2:0 takes it, upright: bt709, limited range. width, height: even, upright."""
    sides = (height, width) if orientation.swaps_sides else (width, height)
    try:
        picture = _as_progressive(frame).reformat(
            *sides,
            format="yuv420p",
            dst_colorspace=Colorspace.ITU709,
            dst_color_range=ColorRange.MPEG,
            interpolation=Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INP,
            threads=1,
        )
    except av.FFmpegError as err:
        found = f"{frame.width}x{frame.height} {frame.format.name} cannot be converted ({err.strerror})"
        raise VideoError(name, found, "Convert it, for example with: ffmpeg -i FILE out.mp4") from err
    if orientation == UPRIGHT:
        return picture
    planes = picture.to_ndarray().reshape(-1)
    sizes = [sides, (sides[0] // 2, sides[1] // 2), (sides[0] // 2, sides[1] // 2)]
    turned = []
    for wide, high in sizes:
        plane, planes = planes[: wide * high].reshape(high, wide), planes[wide * high :]
        turned.append(np.rot90(plane[:, ::-1] if orientation.mirrored else plane, k=-orientation.clockwise // 90))
    whole = np.concatenate([plane.reshape(-1) for plane in turned]).reshape(height * 3 // 2, width)
    return VideoFrame.from_ndarray(np.ascontiguousarray(whole, np.uint8), format="yuv420p")


def _as_progressive(frame: VideoFrame) -> VideoFrame:
    """The same pixels without the mark of interlacing.

    swscale would scale the two fields of a marked frame apart and weave combs into pictures half as high.
    """
    if not frame.interlaced_frame:
        return frame
    graph = Graph()
    source = graph.add_buffer(
        width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base or Fraction(1)
    )
    graph.link_nodes(source, graph.add("setfield", "mode=prog"), graph.add("buffersink")).configure()
    graph.vpush(frame)
    return graph.vpull()
