"""Decoded pictures as RGB: swscale's code for this processor against the matrices of the standards and Pillow."""

from io import BytesIO
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.reformatter import ColorRange
from numpy.typing import NDArray
from PIL import Image

from deltaclip.video import Video
from deltaclip.video.picture import Orientation, to_rgb

UPRIGHT = Orientation(mirrored=False, clockwise=0)
WEIGHTS = {5: (0.299, 0.114), 6: (0.299, 0.114), 1: (0.2126, 0.0722), 9: (0.2627, 0.0593)}
"""Of red and blue in luma, by the tag of the matrix: bt470bg and smpte170m (bt601), bt709, bt2020."""


def planes(bits: int, width: int, height: int) -> NDArray[np.uint16]:
    """(3, height, width) luma and colour differences in narrow range, drawn at random."""
    low, high = 16 << (bits - 8), 236 << (bits - 8)
    return np.random.default_rng(bits).integers(low, high, (3, height, width)).astype(np.uint16)


def rgb_by_the_standard(yuv: NDArray[np.uint16], bits: int, matrix: int, full: bool) -> NDArray[np.float64]:
    """(3, H, W) -> (H, W, 3) in 0..255."""
    red, blue = WEIGHTS[matrix]
    scale = 2.0 ** (bits - 8)
    light, offset, reach = (2.0**bits - 1, 0.0, 2.0**bits - 1) if full else (219 * scale, 16 * scale, 224 * scale)
    y = (yuv[0] - offset) / light
    u, v = ((plane - 2.0 ** (bits - 1)) / reach for plane in yuv[1:])
    r, b = y + 2 * (1 - red) * v, y + 2 * (1 - blue) * u
    g = (y - red * r - blue * b) / (1 - red - blue)
    return np.asarray(np.clip(np.stack([r, g, b], -1) * 255, 0, 255))


@pytest.mark.parametrize("matrix", WEIGHTS)
@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("bits", [8, 10])
@pytest.mark.parametrize("width", [64, 51])
def test_every_colour_is_that_of_the_standard(matrix: int, full: bool, bits: int, width: int) -> None:
    yuv = planes(bits, width, 48)
    frame = av.VideoFrame(width, 48, "yuv444p" if bits == 8 else "yuv444p10le")
    for plane, values in zip(frame.planes, yuv, strict=True):
        rows = np.zeros((48, plane.line_size // (1 if bits == 8 else 2)), np.uint8 if bits == 8 else np.uint16)
        rows[:, :width] = values
        plane.update(rows.tobytes())
    frame.colorspace, frame.color_range = matrix, ColorRange.JPEG if full else ColorRange.MPEG
    found = to_rgb(frame, width, 48, UPRIGHT, "drawn").astype(np.float64)
    error = np.abs(found - rgb_by_the_standard(yuv, bits, matrix, full))
    assert error.max() <= (1 if bits == 8 else 2)
    assert error.mean() < 0.5


def test_a_jpeg_has_the_pixels_that_pillow_decodes(tmp_path: Path) -> None:
    y, x = np.mgrid[:120, :160]
    drawn = np.stack([x * 255 // 159, y * 255 // 119, 128 + 100 * np.sin(x / 9 + y / 14)], -1).astype(np.uint8)
    written = BytesIO()
    Image.fromarray(drawn).save(written, "JPEG", quality=95, subsampling=0)
    path = tmp_path / "drawn.jpg"
    path.write_bytes(written.getvalue())
    with Video.open(path) as video:
        error = np.abs(video.frames_at([0], 120).rgb[0].astype(int) - np.asarray(Image.open(path)))
    assert error.max() <= 4
    assert error.mean() < 0.7
