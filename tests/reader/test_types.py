"""What a reader can be asked for, and what a clip may hold."""

from pathlib import Path

import numpy as np
import pytest

from deltaclip.channels import CHANNELS
from deltaclip.reader import Clip, ReaderSpec


def test_an_unknown_motion_is_refused() -> None:
    with pytest.raises(ValueError, match="difference"):
        ReaderSpec(32, motion="optical")


def clip(frames: np.ndarray) -> Clip:
    return Clip(frames, np.array([0.5, 1.5]), Path("a.mp4"), 0.0, 2.0, np.array([0.25, 1.0]), (None, "nothing moves"))


def test_a_clip_shows_its_shape_and_no_pixels() -> None:
    shown = repr(clip(np.zeros((2, len(CHANNELS), 8, 8), np.uint8)))
    assert shown == f"Clip(a.mp4, 0-2 s, frames=(2, {len(CHANNELS)}, 8, 8), fallback on 1 of 2)"


@pytest.mark.parametrize(
    "frames",
    [
        np.zeros((2, len(CHANNELS) - 1, 8, 8), np.uint8),
        np.zeros((2, 8, 8, len(CHANNELS)), np.uint8),
        np.zeros((len(CHANNELS), 8, 8), np.uint8),
    ],
)
def test_frames_of_other_channels_are_refused(frames: np.ndarray) -> None:
    with pytest.raises(ValueError, match="frames must be"):
        clip(frames)
