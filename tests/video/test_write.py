"""What is written comes back, and only whole files appear."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from deltaclip.video import Video, write_mp4
from tests.video.clips import numbered, numbers_of

COLOURS = [(220, 40, 40), (40, 200, 60), (50, 60, 210), (230, 220, 60), (128, 128, 128), (0, 0, 0), (255, 255, 255)]


def test_frames_and_times_come_back(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    write_mp4(path, np.stack([numbered(number) for number in range(48)]), Fraction(24000, 1001))
    with Video.open(path) as video:
        assert video.info.num_frames == 48
        assert video.info.duration_seconds == pytest.approx(48 * 1001 / 24000, abs=1e-4)
        assert numbers_of(video.frames_at(video.frame_seconds, 64).rgb) == list(range(48))


def test_colours_come_back_within_three_grey_levels(tmp_path: Path) -> None:
    rgb = np.array(COLOURS, np.uint8)[:, None, None].repeat(64, axis=1).repeat(96, axis=2)
    write_mp4(tmp_path / "colours.mp4", rgb, 1)
    with Video.open(tmp_path / "colours.mp4") as video:
        back = video.frames_at(video.frame_seconds, 64).rgb
    assert np.abs(back.astype(int) - rgb).max() <= 3


def test_the_file_says_how_its_colours_are_meant(tmp_path: Path) -> None:
    write_mp4(tmp_path / "clip.mp4", np.zeros((2, 16, 16, 3), np.uint8), 25)
    with av.open(str(tmp_path / "clip.mp4")) as container:
        frame = next(container.decode(video=0))
    assert (frame.colorspace, frame.color_range, frame.color_primaries, frame.color_trc) == (1, 1, 1, 1)
    assert frame.format.name == "yuv420p"


@pytest.mark.parametrize(("size", "written"), [((33, 47), (34, 48)), ((1, 1), (2, 2)), ((64, 2), (64, 2))])
def test_odd_sides_grow_by_one(tmp_path: Path, size: tuple[int, int], written: tuple[int, int]) -> None:
    write_mp4(tmp_path / "odd.mp4", np.full((3, *size, 3), 90, np.uint8), 25)
    with Video.open(tmp_path / "odd.mp4") as video:
        assert (video.info.height, video.info.width) == written
        assert np.abs(video.frames_at([0], 32).rgb.astype(int) - 90).max() <= 3


def test_the_same_frames_give_the_same_file(tmp_path: Path) -> None:
    rgb = np.random.default_rng(0).integers(0, 255, (5, 64, 64, 3), dtype=np.uint8)
    for name in ("a.mp4", "b.mp4"):
        write_mp4(tmp_path / name, rgb, 25)
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()


def test_nothing_is_left_behind_when_writing_fails(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(b"the old one")
    with pytest.raises((av.FFmpegError, ValueError)):
        write_mp4(path, np.zeros((1, 2, 20_000, 3), np.uint8), 25)  # wider than H.264 allows
    assert [file.name for file in tmp_path.iterdir()] == ["clip.mp4"]
    assert path.read_bytes() == b"the old one"


def test_a_rename_that_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(b"the old one")

    def fails(*_: object) -> None:
        raise OSError("Input/output error")

    monkeypatch.setattr(Path, "replace", fails)
    with pytest.raises(OSError, match="Input/output error"):
        write_mp4(path, np.zeros((2, 16, 16, 3), np.uint8), 25)
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_bytes() == b"the old one"


@pytest.mark.parametrize("shape", [(0, 8, 8, 3), (2, 8, 8), (2, 8, 8, 4)])
def test_what_is_no_video_is_not_written(tmp_path: Path, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="a video needs"):
        write_mp4(tmp_path / "clip.mp4", np.zeros(shape, np.uint8), 25)
