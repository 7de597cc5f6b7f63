"""Size, colour and orientation of converted pictures, against arithmetic written here."""

import struct
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.reformatter import ColorRange, Colorspace
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from deltaclip.errors import VideoError
from deltaclip.video import Video
from deltaclip.video.picture import Orientation, scaled_size, to_rgb
from tests.video.clips import write_numbered

UPRIGHT = Orientation(mirrored=False, clockwise=0)


@pytest.mark.parametrize(
    ("size", "scaled"),
    [
        ((1280, 720), (398, 224)),
        ((720, 1280), (224, 398)),
        ((224, 224), (224, 224)),
        ((640, 4), (35840, 224)),
        ((1, 1), (224, 224)),
        ((33, 47), (224, 319)),
    ],
)
def test_the_short_side_is_met_and_the_long_one_rounded_down(size: tuple[int, int], scaled: tuple[int, int]) -> None:
    assert scaled_size(*size, 224) == scaled


@given(st.integers(1, 10_000), st.integers(1, 10_000), st.integers(1, 512))
def test_the_shorter_side_is_always_the_size_asked_for(width: int, height: int, short_side: int) -> None:
    assert min(scaled_size(width, height, short_side)) == short_side


def test_a_picture_of_absurd_proportions_is_refused() -> None:
    frame = av.VideoFrame(16, 16, "rgb24")
    with pytest.raises(VideoError, match="less extreme proportions"):
        to_rgb(frame, 2**20, 224, UPRIGHT, "thin.mp4")


def bicubic_weights(old: int, new: int) -> NDArray[np.float64]:
    """(new, old) weights of bicubic resizing with antialiasing (a = -0.5), as Pillow's."""
    scale = max(old / new, 1.0)
    centres = (np.arange(new) + 0.5) * old / new - 0.5
    x = np.abs(np.arange(old)[None] - centres[:, None]) / scale
    near, far = 1.5 * x**3 - 2.5 * x**2 + 1, -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2
    weights = np.where(x < 1, near, np.where(x < 2, far, 0))
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), dtype=np.float64)


@pytest.mark.parametrize("pix_fmt", ["rgb24", "yuv444p", "yuv420p"])
@pytest.mark.parametrize("size", [(398, 224), (200, 112)])
def test_shrinking_is_bicubic_with_antialiasing_in_colour_too(pix_fmt: str, size: tuple[int, int]) -> None:
    y, x = np.mgrid[:720, :1280]
    waves = [128 + 90 * np.sin(x / 17 + y / 31), 128 + 90 * np.sin(x / 5.3), 128 + 90 * np.cos(x * y / 40000)]
    noise = np.random.default_rng(0).normal(0, 10, (720, 1280, 3))
    drawn = (np.stack(waves, axis=-1) + noise).clip(0, 255).astype(np.uint8)
    frame = av.VideoFrame.from_ndarray(drawn).reformat(format=pix_fmt, dst_colorspace=Colorspace.ITU709)
    full = to_rgb(frame, 1280, 720, UPRIGHT, "full").astype(np.float64)
    rows, columns = bicubic_weights(720, size[1]), bicubic_weights(1280, size[0])
    expected = np.einsum("hy,yxc,wx->hwc", rows, full, columns, optimize=True).clip(0, 255)
    error = np.abs(to_rgb(frame, *size, UPRIGHT, "small") - expected)
    assert error.mean() < 0.6
    assert error.max() < 6


@pytest.mark.parametrize(
    ("colorspace", "color_range", "expected"),
    [
        # 100, 90, 200 through the matrices of the standards; what has no tag is bt601 and limited
        (2, ColorRange.UNSPECIFIED, (213, 54, 21)),
        (6, ColorRange.MPEG, (213, 54, 21)),
        (5, ColorRange.JPEG, (201, 62, 33)),
        (1, ColorRange.MPEG, (227, 67, 17)),
        (1, ColorRange.JPEG, (213, 73, 29)),
        (9, ColorRange.MPEG, (219, 58, 16)),
    ],
)
def test_colours_follow_the_tags(colorspace: int, color_range: ColorRange, expected: tuple[int, int, int]) -> None:
    frame = av.VideoFrame(64, 64, "yuv420p")
    for plane, value in zip(frame.planes, (100, 90, 200), strict=True):
        plane.update(bytes([value]) * plane.buffer_size)
    frame.colorspace, frame.color_range = colorspace, color_range
    pixel = to_rgb(frame, 32, 32, UPRIGHT, "flat")[7, 7].astype(int)
    assert np.abs(pixel - expected).max() <= 1


def test_alpha_is_dropped_and_not_mixed_with_black() -> None:
    rgba = np.zeros((16, 16, 4), np.uint8)
    rgba[..., 0], rgba[..., 3] = 200, 10
    assert to_rgb(av.VideoFrame.from_ndarray(rgba, format="rgba"), 8, 8, UPRIGHT, "glass")[3, 3].tolist() == [200, 0, 0]


def test_ten_bits_become_eight() -> None:
    drawn = np.full((32, 32, 3), (200, 100, 50), np.uint8)
    frame = av.VideoFrame.from_ndarray(drawn).reformat(format="yuv420p10le")
    assert np.abs(to_rgb(frame, 16, 16, UPRIGHT, "deep")[8, 8].astype(int) - (200, 100, 50)).max() <= 2


MATRICES: dict[str, tuple[tuple[int, ...], Callable[[NDArray[np.uint8]], NDArray[np.uint8]]]] = {
    "90": ((0, 1, -1, 0), lambda picture: np.rot90(picture, -1)),
    "180": ((-1, 0, 0, -1), lambda picture: np.rot90(picture, 2)),
    "270": ((0, -1, 1, 0), lambda picture: np.rot90(picture, 1)),
    "mirrored": ((-1, 0, 0, 1), lambda picture: picture[:, ::-1]),
    "flipped": ((1, 0, 0, -1), lambda picture: picture[::-1]),
    "transposed": ((0, 1, 1, 0), lambda picture: picture.transpose(1, 0, 2)),
    "nothing": ((0, 0, 0, 0), lambda picture: picture),
    "skewed": ((1, 1, -1, 1), lambda picture: picture),
}


@pytest.mark.parametrize("name", MATRICES)
def test_pictures_stand_upright_and_nonsense_matrices_are_ignored(name: str, tmp_path: Path) -> None:
    quarters, turned = MATRICES[name]
    plain = write_numbered(tmp_path / "plain.mp4", range(3), options={"crf": "1"})
    data = bytearray(plain.read_bytes())
    # The matrix of the track header: a b u c d v x y w, 16.16 fixed point (ISO 14496-12, 8.3.2).
    start = data.index(b"tkhd") + 44
    for position, value in zip((0, 1, 3, 4), quarters, strict=True):
        data[start + 4 * position : start + 4 * position + 4] = (value << 16).to_bytes(4, "big", signed=True)
    path = tmp_path / "turned.mp4"
    path.write_bytes(data)
    with Video.open(plain) as upright, Video.open(path) as video:
        expected = turned(upright.frames_at([0.05], 64).rgb[0])
        assert np.array_equal(video.frames_at([0.05], 64).rgb[0], expected)
        assert (video.info.height, video.info.width) == expected.shape[:2]
        assert str(video.info.rotation) == name or not name.isdigit()


def test_interlaced_pictures_are_shrunk_as_one(tmp_path: Path) -> None:
    options = {"flags": "+ilme+ildct", "x264-params": "tff=1:interlaced=1", "crf": "1"}
    path = write_numbered(tmp_path / "interlaced.mp4", range(3), options=options)
    plain = write_numbered(tmp_path / "plain.mp4", range(3), options={"crf": "1"})
    with Video.open(path) as video, Video.open(plain) as reference:
        difference = video.frames_at([0.05], 32).rgb.astype(int) - reference.frames_at([0.05], 32).rgb
    assert np.abs(difference).mean() < 1


@pytest.mark.parametrize(
    ("tag", "degrees", "corner"), [(1, 0, (0, 0)), (3, 180, (-1, -1)), (6, 90, (0, -1)), (8, 270, (-1, 0))]
)
def test_the_orientation_that_a_phone_writes_into_a_picture_counts(
    tmp_path: Path, tag: int, degrees: int, corner: tuple[int, int]
) -> None:
    drawn = np.zeros((64, 96, 3), np.uint8)
    drawn[:20, :30] = 255
    context = av.VideoCodecContext.create("mjpeg", "w")
    context.width, context.height, context.pix_fmt, context.framerate = 96, 64, "yuvj420p", Fraction(25)
    packets = context.encode(av.VideoFrame.from_ndarray(drawn).reformat(format="yuvj420p"))
    data = b"".join(bytes(packet) for packet in [*packets, *context.encode(None)])
    # One EXIF entry: tag 0x112 (orientation), type 3 (short), count 1.
    exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01" + struct.pack(">HHIHH", 0x112, 3, 1, tag, 0) + bytes(4)
    path = tmp_path / "phone.jpg"
    path.write_bytes(data[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + data[2:])
    with Video.open(path) as video:
        assert video.info.rotation == degrees
        assert video.frames_at([0], 64).rgb[0][corner].min() > 240
