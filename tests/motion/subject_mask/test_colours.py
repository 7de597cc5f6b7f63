"""Colour bins and the ratio between subject and rest."""

import numpy as np
from numpy.typing import NDArray

from deltaclip.motion.subject_mask.colours import BINS, colour_bins, colour_ratio, grid_lab


def red_square_on_blue(num_frames: int = 3) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    rgb = np.full((num_frames, 32, 32, 3), (40, 60, 200), np.uint8)
    rgb[:, 8:16, 8:16] = (200, 40, 40)
    fore = np.zeros((num_frames, 32, 32), np.float32)
    fore[:, 8:16, 8:16] = 1
    return rgb, fore


def test_bins_of_all_colours_lie_inside_the_histogram() -> None:
    rgb = np.random.default_rng(0).integers(0, 256, (2, 40, 40, 3), np.uint8)
    bins = colour_bins(grid_lab(rgb))
    assert bins.min() >= 0
    assert bins.max() < np.prod(BINS)


def test_the_subjects_colour_speaks_for_it_and_the_rests_against_it() -> None:
    rgb, fore = red_square_on_blue()
    others, own = colour_ratio(colour_bins(grid_lab(rgb)), fore, 1 - fore)
    for ratio in (others, own):
        assert ratio[fore > 0.5].min() > 2
        assert ratio[fore < 0.5].max() < -2


def test_a_frame_does_not_confirm_its_own_mistake() -> None:
    rgb, fore = red_square_on_blue()
    fore[1:] = 0  # only frame 0 takes red for the subject
    others, own = colour_ratio(colour_bins(grid_lab(rgb)), fore, 1 - fore)
    assert own[0, 10, 10] > 2
    assert others[0, 10, 10] < 0


def test_a_single_frame_has_no_others_and_they_say_nothing() -> None:
    rgb, fore = red_square_on_blue(1)
    others, _ = colour_ratio(colour_bins(grid_lab(rgb)), fore, 1 - fore)
    assert abs(others).max() == 0
