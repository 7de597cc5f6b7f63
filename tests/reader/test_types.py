"""What a reader can be asked for, and what a clip may hold."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from deltaclip.channels import CHANNELS
from deltaclip.motion import MotionSpec
from deltaclip.reader import Clip, ReaderSpec


@pytest.mark.usefixtures("unchecked_types")
def test_a_mask_that_was_not_parsed_is_refused() -> None:
    word: Any = "difference"
    with pytest.raises(TypeError, match=r"motion is 'difference': give a MotionSpec"):
        ReaderSpec(32, motion=word)
    assert ReaderSpec(32, motion=MotionSpec.parse("subject:floor=0.20")).motion_word == "subject:floor=0.2"


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
