"""Clips whose every frame carries its own number, so that a test can prove which frame it got."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

BITS = 8


def numbered(number: int, width: int = 96, height: int = 64) -> NDArray[np.uint8]:
    """(height, width, 3) uint8: the bits of a number as eight white or black columns, the highest first."""
    bits = [number >> (BITS - 1 - column) & 1 for column in range(BITS)]
    columns = np.arange(width) * BITS // width
    row = np.array(bits, dtype=np.uint8)[columns] * 255
    return np.broadcast_to(row[None, :, None], (height, width, 3)).copy()


def number_of(picture: NDArray[np.uint8]) -> int:
    """The number that a picture of `numbered` carries, at any size."""
    columns = np.array_split(picture.mean(axis=(0, 2)), BITS)
    return int("".join("1" if column.mean() > 127 else "0" for column in columns), 2)


def numbers_of(pictures: NDArray[np.uint8]) -> list[int]:
    """`number_of` each of (T, H, W, 3)."""
    return [number_of(picture) for picture in pictures]


def write_numbered(
    path: Path,
    times: Sequence[int],
    time_base: Fraction = Fraction(1, 25),
    codec: str = "libx264",
    options: dict[str, str] | None = None,
    size: tuple[int, int] = (96, 64),
    pix_fmt: str = "yuv420p",
) -> Path:
    """A file whose frame k shows the number k at `times[k] * time_base`."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25, options=options or {})
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = *size, pix_fmt
        stream.codec_context.time_base = time_base
        for number, time in enumerate(times):
            frame = av.VideoFrame.from_ndarray(numbered(number, *size))
            frame.pts, frame.time_base = time, time_base
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path
