"""CLIP4Clip's frames of real files: the numbers that its loop over OpenCV's rate and frame count arrives at."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from deltaclip.video import Video
from deltaclip.video.sampling import sample_seconds

pytestmark = pytest.mark.real


def opencv_frames(path: Path) -> list[int]:
    """Frame numbers at the start of each second, by the rate and count that OpenCV reports, rate cut to a whole one."""
    film = cv2.VideoCapture(str(path))
    rate, count = int(film.get(cv2.CAP_PROP_FPS)), int(film.get(cv2.CAP_PROP_FRAME_COUNT))
    film.release()
    return list(range(0, count, rate))


def test_frames_of_the_reference_clips_are_those_of_clip4clip(real_data: Path) -> None:
    paths = sorted(path for path in (real_data / "captioned").iterdir() if path.suffix in (".mp4", ".avi"))
    different = {}
    for path in paths:
        with Video.open(path) as video:
            seconds = sample_seconds(video.whole, 10_000, "clip4clip-head", video.frame_seconds)
            numbers = np.searchsorted(video.frame_seconds, seconds).tolist()
        expected = opencv_frames(path)
        if numbers != expected:
            different[path.name] = (numbers, expected)
    assert different == {}
    assert len(paths) > 40
