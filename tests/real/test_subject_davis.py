"""`subject` finds the hand-outlined subject of real sequences that its weights never saw (DAVIS 2016)."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from deltaclip.motion import MotionSpec, difference, subject
from deltaclip.reader import read_motion
from deltaclip.video import Video, uniform_seconds, write_mp4

pytestmark = pytest.mark.real

FLOORS = {"bus": 0.75, "lucia": 0.7, "paragliding": 0.7, "soccerball": 0.7, "stroller": 0.65, "tennis": 0.6}
"""Mean IoU of six frames, 0.05 or more below what was measured."""
SIDE = 224


def truth_at(path: Path, seconds: NDArray[np.float64], size: tuple[int, int]) -> NDArray[np.bool_]:
    """The true mask of each sampled second, nearest pixels; the files run at 24 frames a second."""
    with np.load(path) as stored:
        masks = np.unpackbits(stored["bits"], axis=-1, count=int(stored["shape"][2])).astype(bool)
    frames = masks[np.floor(seconds * 24 + 1e-6).astype(int)]
    down, right = (np.arange(length) * frames.shape[axis] // length for axis, length in enumerate(size, 1))
    return np.asarray(frames[:, down][:, :, right], np.bool_)


def iou(fed: NDArray[np.bool_], truth: NDArray[np.bool_]) -> float:
    return float(np.mean((fed & truth).sum((1, 2)) / (fed | truth).sum((1, 2))))


@pytest.mark.parametrize("name", FLOORS)
def test_the_subject_of_a_real_sequence_is_found_and_the_papers_mask_does_worse(real_data: Path, name: str) -> None:
    path = real_data / "davis2016" / f"{name}.mp4"
    with Video.open(path) as video:
        seconds = uniform_seconds(0, video.info.duration_seconds, 6)
        frames = video.frames_at(seconds, SIDE, with_neighbours=True)
    truth = truth_at(path.with_suffix(".npz"), seconds, frames.rgb.shape[1:3])
    assert frames.before is not None
    assert frames.after is not None
    found = iou(subject(frames.rgb, frames.before, frames.after).alpha > 0.5, truth)
    assert found > FLOORS[name]
    assert found > 2 * iou(difference(frames.rgb).alpha > 0.5, truth)


SLOW_FLOORS = {"bus": 0.7, "hike": 0.7, "elephant": 0.65, "lucia": 0.6}


@pytest.mark.parametrize("name", SLOW_FLOORS)
def test_three_frames_a_second_are_enough(real_data: Path, tmp_path: Path, name: str) -> None:
    path = real_data / "davis2016" / f"{name}.mp4"
    with Video.open(path) as video:
        left = video.frame_seconds[::8]
        write_mp4(tmp_path / "three.mp4", video.frames_at(left, 270).rgb, 3)
    frames, motion = read_motion(tmp_path / "three.mp4", MotionSpec("subject"), 6, SIDE)
    truth = truth_at(path.with_suffix(".npz"), np.floor(frames.seconds * 3 + 1e-6) / 3, frames.rgb.shape[1:3])
    assert motion.fallback.count(None) >= 5
    assert iou(motion.alpha > 0.5, truth) > SLOW_FLOORS[name]
