"""Every step of the difference mask equals OpenCV's, pinned pixel by pixel in the reference data."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from deltaclip.motion.difference_spec import PAPER, DifferenceSpec
from deltaclip.motion.frame_difference import (
    above_threshold,
    absolute_difference,
    close_gaps,
    difference,
    drop_small,
    grey,
    rectangle,
    remove_specks,
)

pytestmark = pytest.mark.real

PAIRS = ["square", "pan", "levels"]
ELLIPSE5 = np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5)), np.uint8)
SHAPES = {"": rectangle(5), "k3_": rectangle(3), "ellipse5_": ELLIPSE5}


@pytest.fixture(scope="module")
def golden(real_data: Path) -> dict[str, NDArray[np.uint8]]:
    with np.load(real_data / "golden" / "motion" / "pairs.npz") as arrays:
        return dict(arrays)


def test_the_defaults_are_the_parameters_of_the_reference_but_for_its_small_area(real_data: Path) -> None:
    told = json.loads((real_data / "golden" / "motion" / "params.json").read_text())
    assert PAPER.threshold == told["threshold"]
    assert [PAPER.kernel] * 2 == told["close_kernel"] == told["open_kernel"]
    assert (told["connectivity"], told["min_area"]) == (8, 50)


def test_grey_is_rounded_as_opencv_rounds_it(golden: dict[str, NDArray[np.uint8]]) -> None:
    made = grey(golden["grey_rgb"][None])[0]
    assert (made == golden["grey_rgb2gray"]).all()
    assert (made != golden["grey_bgr2gray_wrong_order"]).any()


@pytest.mark.parametrize("pair", PAIRS)
def test_difference_and_threshold_are_exact(golden: dict[str, NDArray[np.uint8]], pair: str) -> None:
    levels = absolute_difference(np.stack([golden[f"{pair}_frame0"], golden[f"{pair}_frame1"]]))
    assert (levels == golden[f"{pair}_absdiff"]).all()
    assert (above_threshold(levels, 25) == golden[f"{pair}_thresh"]).all()


@pytest.mark.parametrize("pair", PAIRS)
@pytest.mark.parametrize("variant", SHAPES)
def test_closing_and_opening_are_exact(golden: dict[str, NDArray[np.uint8]], pair: str, variant: str) -> None:
    closed = close_gaps(golden[f"{pair}_thresh"], SHAPES[variant])
    assert (closed == golden[f"{pair}_{variant}closed"]).all()
    assert (remove_specks(closed, SHAPES[variant]) == golden[f"{pair}_{variant}opened"]).all()


@pytest.mark.parametrize("pair", PAIRS)
def test_the_area_filter_is_exact(golden: dict[str, NDArray[np.uint8]], pair: str) -> None:
    assert (drop_small(golden[f"{pair}_opened"], 50.0) == (golden[f"{pair}_mask"] > 0)).all()


@pytest.mark.parametrize("pair", PAIRS)
def test_all_steps_together_give_the_same_mask_for_both_frames(golden: dict[str, NDArray[np.uint8]], pair: str) -> None:
    frames = np.stack([golden[f"{pair}_frame0"], golden[f"{pair}_frame1"]])
    side = min(frames.shape[1:])
    spec = DifferenceSpec(min_area_at_224=50 * (224 / side) ** 2 - 1e-6)  # 50 pixels at this size
    motion = difference(np.repeat(frames[..., None], 3, axis=3), spec)
    assert (motion.mask == (golden[f"{pair}_mask"] > 0)).all()


def test_a_moving_camera_covers_nearly_everything_and_coverage_says_so(golden: dict[str, NDArray[np.uint8]]) -> None:
    frames = np.repeat(np.stack([golden["pan_frame0"], golden["pan_frame1"]])[..., None], 3, axis=3)
    motion = difference(frames)
    assert motion.coverage == pytest.approx([0.978, 0.978], abs=0.001)
    assert motion.fallback == (None, None)
