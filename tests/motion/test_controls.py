"""Controls differ from the paper's mask in exactly one way each."""

import numpy as np
import pytest
from hypothesis import given, settings

from deltaclip.motion import MOTIONS, MotionSpec, centre, difference, full, inverted, random, see
from tests.motion.test_frame_difference import CLIPS, Bytes, moving_square


def test_the_paper_s_mask_the_default_and_the_controls_keep_their_names() -> None:
    assert {"difference", "subject", "full", "random", "inverted", "centre"} <= MOTIONS.keys()  # checkpoints hold them


def test_full_feeds_the_whole_picture() -> None:
    motion = full(moving_square())
    assert motion.alpha.all()
    assert motion.mask.all()
    assert motion.fallback == (None,) * 4


def test_centre_is_a_box_of_half_the_sides() -> None:
    motion = centre(np.zeros((1, 4, 6, 3), np.uint8))
    assert motion.mask[0].astype(int).tolist() == [[0] * 6, [0, 1, 1, 1, 0, 0], [0, 1, 1, 1, 0, 0], [0] * 6]


def test_inverted_is_what_does_not_move() -> None:
    rgb = moving_square()
    assert (inverted(rgb).mask == ~difference(rgb).mask).all()
    assert (inverted(rgb).alpha == 1 - difference(rgb).alpha).all()


def test_inverted_falls_back_like_the_difference_and_where_everything_moves() -> None:
    dark, light = np.zeros((64, 64, 3), np.uint8), np.full((64, 64, 3), 200, np.uint8)
    motion = inverted(np.stack([dark, light, light]))
    assert motion.fallback == ("everything moves", "everything moves", "nothing moves")
    assert motion.alpha.all()


def test_random_puts_each_mask_elsewhere() -> None:
    rgb = moving_square()
    assert not (random(rgb).mask == difference(rgb).mask).all(axis=(1, 2)).any()
    shapes = {np.sort(mask.sum(axis=0)).tobytes() for mask in random(rgb).mask}
    assert shapes == {np.sort(mask.sum(axis=0)).tobytes() for mask in difference(rgb).mask}


def test_random_gives_a_clip_the_same_masks_every_time_and_another_clip_others() -> None:
    rgb = moving_square()
    assert (random(rgb).mask == random(rgb.copy()).mask).all()
    assert not (random(rgb).mask == random(rgb[::-1].copy()).mask).all()


@given(CLIPS)
def test_random_has_the_coverage_and_the_fallbacks_of_the_difference(rgb: Bytes) -> None:
    assert (random(rgb).coverage == difference(rgb).coverage).all()
    assert random(rgb).fallback == difference(rgb).fallback


@pytest.mark.parametrize("name", MOTIONS)
@settings(deadline=None, max_examples=25)  # `subject` works as hard on a few pixels as on a frame
@given(rgb=CLIPS)
def test_no_motion_feeds_an_empty_alpha_or_changes_the_frames(name: str, rgb: Bytes) -> None:
    before = rgb.copy()
    motion = see(MotionSpec(name), rgb)
    assert motion.alpha.any(axis=(1, 2)).all()
    assert (rgb == before).all()


@pytest.mark.parametrize("name", MOTIONS)
def test_every_motion_refuses_what_is_no_clip(name: str) -> None:
    with pytest.raises(ValueError, match="frames must be"):
        see(MotionSpec(name), np.zeros((8, 8, 3), np.uint8))
