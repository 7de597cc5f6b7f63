"""Cuts between drawn shots are found, and nothing else is taken for one."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from deltaclip.motion.camera import look_up
from deltaclip.motion.flow import flow_picture, grid_size
from deltaclip.motion.shots import grey_levels, is_another_shot, levels_overlap, unexplained
from deltaclip.motion.subject_mask.neighbours import residual_motion
from tests.motion.drawn import panned, texture

Bytes = NDArray[np.uint8]


def find_cuts(rgb: Bytes) -> NDArray[np.bool_]:
    """Which frames `subject` takes for the first of a shot: (T,) bool, of native frames (T, H, W, 3) in their order."""
    grid = grid_size(*rgb.shape[1:3])
    now = [flow_picture(frame, grid) for frame in rgb]
    return ~residual_motion(now, [None, *rgb[:-1]], [None] * len(rgb), grid).usable


def test_two_drawn_shots_have_one_cut_where_the_second_begins() -> None:
    first, second = panned(texture(1), 3, step=2), panned(texture(2) // 3, 4, step=2)
    assert find_cuts(np.concatenate([first, second])).tolist() == [True, False, False, True, False, False, False]


@pytest.mark.parametrize("step", [0, 2, 8])
def test_a_pan_is_no_cut(step: int) -> None:
    assert find_cuts(panned(texture(3), 6, step=step)).tolist() == [True] + [False] * 5


def test_noise_and_flicker_are_no_cut() -> None:
    generator = np.random.default_rng(0)
    still = panned(texture(4), 6, step=0) * np.array([1, 0.92, 1, 0.92, 1, 0.92])[:, None, None, None]
    noisy = np.clip(still + generator.normal(0, 6, still.shape), 0, 255).astype(np.uint8)
    assert find_cuts(noisy).tolist() == [True] + [False] * 5


def test_one_frame_begins_a_shot() -> None:
    assert find_cuts(panned(texture(5), 1, step=0)).tolist() == [True]


def test_a_cut_needs_both_another_picture_and_other_levels() -> None:
    dark, bright, striped = (np.full((8, 8), 30, np.uint8) for _ in range(3))
    bright[:] = 220
    striped[::2] = 220
    much, little = np.full((8, 8), 30, np.uint8), np.full((8, 8), 10, np.uint8)
    assert is_another_shot(dark, bright, much)
    assert not is_another_shot(striped, striped[::-1].copy(), much)
    assert not is_another_shot(dark, bright, little)


def test_levels_of_a_picture_overlap_wholly_with_itself_and_not_with_its_opposite() -> None:
    dark, bright = grey_levels(np.full((8, 8), 30, np.uint8)), grey_levels(np.full((8, 8), 220, np.uint8))
    assert levels_overlap(dark, dark) == pytest.approx(1)
    assert levels_overlap(dark, bright) == 0


def test_a_pan_that_the_camera_explains_leaves_no_difference_inside() -> None:
    now, other = (cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in panned(texture(6), 2, step=4))
    pan = np.zeros((1, 6, 2), np.float32)
    pan[0, 0, 0] = 4
    places = look_up(pan, *now.shape)[0]
    assert unexplained(np.asarray(now, np.uint8), np.asarray(other, np.uint8), places)[:, :-4].max() == 0
