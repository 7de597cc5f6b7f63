"""Masks of real clips, as the model is fed them, lie where and when the picture moves."""

from pathlib import Path

import pytest

from deltaclip.evaluation.studies.in_step import agreement_over_shifts, read_mask_and_motion
from deltaclip.motion import MotionSpec
from deltaclip.reader import ReaderSpec

CLIPS = ("bear.mp4", "car_turn.mp4", "basketball_court.mp4", "baby_reading.mp4")


@pytest.mark.real
@pytest.mark.parametrize("motion", ["difference", "subject"])
def test_real_masks_are_in_step_and_a_shift_on_purpose_is_found(real_data: Path, motion: str) -> None:
    spec = ReaderSpec(56, 6, MotionSpec.parse(motion))
    films = [read_mask_and_motion(real_data / "captioned" / name, spec) for name in CLIPS]
    straight, aside = agreement_over_shifts(films), agreement_over_shifts(films, right=14)
    assert straight is not None
    assert aside is not None
    assert straight.shift[0] == aside.shift[0] == 0
    assert max(abs(straight.shift[1]), abs(straight.shift[2])) <= 1
    assert abs(aside.shift[2] - straight.shift[2] - 14) <= 1
