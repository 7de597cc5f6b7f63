"""The paper's mask, step by step, on frames small enough to check by eye."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from deltaclip.motion.difference_spec import DifferenceSpec
from deltaclip.motion.frame_difference import (
    above_threshold,
    absolute_difference,
    close_gaps,
    difference,
    drop_small,
    grey,
    min_area,
    rectangle,
    remove_specks,
)

Bytes = NDArray[np.uint8]

CLIPS = hnp.arrays(np.uint8, st.tuples(st.integers(1, 4), st.integers(1, 24), st.integers(1, 24), st.just(3)))


def moving_square(num_frames: int = 4, side: int = 64) -> Bytes:
    """A white 20 pixel square on black that moves 10 columns to the right between frames."""
    rgb = np.zeros((num_frames, side, side, 3), np.uint8)
    for t in range(num_frames):
        rgb[t, 20:40, 4 + 10 * t : 24 + 10 * t] = 255
    return rgb


def test_grey_weighs_red_green_and_blue_in_that_order() -> None:
    rgb = np.eye(3, dtype=np.uint8).reshape(1, 1, 3, 3) * np.uint8(255)
    assert grey(rgb).tolist() == [[[76, 150, 29]]]


def test_each_frame_is_compared_with_the_one_before_and_the_first_with_the_second() -> None:
    frames = np.array([10, 12, 7, 107], np.uint8).reshape(4, 1, 1)
    assert absolute_difference(frames).ravel().tolist() == [2, 2, 5, 100]


def test_exactly_the_threshold_does_not_count_as_moving() -> None:
    assert above_threshold(np.array([[24, 25, 26]], np.uint8), 25).tolist() == [[0, 0, 255]]


def test_closing_fills_a_gap_and_opening_removes_a_speck() -> None:
    gap, speck, kernel = np.full((9, 30), 255, np.uint8), np.zeros((9, 9), np.uint8), rectangle(5)
    gap[:, 14] = 0
    speck[3:6, 3:6] = 255
    assert close_gaps(gap, kernel).all()
    assert not remove_specks(speck, kernel).any()


def test_closing_does_not_eat_an_object_cut_by_the_edge() -> None:
    mask = np.zeros((12, 12), np.uint8)
    mask[:, :6] = 255
    assert (close_gaps(mask, rectangle(5)) == mask).all()


@pytest.mark.parametrize(("smallest", "kept"), [(5.0, [True, True]), (6.0, [False, True]), (7.0, [False, False])])
def test_components_below_the_smallest_area_are_dropped(smallest: float, kept: list[bool]) -> None:
    mask = np.zeros((4, 12), np.uint8)
    mask[0, 0:5] = 255  # 5 pixels
    mask[0:2, 7:10] = 255  # 6 pixels
    cleaned = drop_small(mask, smallest)
    assert [bool(cleaned[0, 0]), bool(cleaned[0, 7])] == kept


def test_pixels_that_touch_at_a_corner_are_one_component() -> None:
    mask = np.eye(6, dtype=np.uint8) * np.uint8(255)
    assert (drop_small(mask, 6.0) == (mask > 0)).all()


@pytest.mark.parametrize(("size", "area"), [((224, 398), 100), ((398, 224), 100), ((112, 200), 25), ((448, 448), 400)])
def test_the_smallest_area_scales_with_the_square_of_the_short_side(size: tuple[int, int], area: float) -> None:
    assert min_area(*size, at_224=100.0) == area


def test_a_moving_square_leaves_the_stripes_it_left_and_entered() -> None:
    expected = np.zeros((64, 64), np.bool_)
    expected[20:40, 4:14] = expected[20:40, 24:34] = True
    motion = difference(moving_square())
    assert (motion.mask[0] == expected).all()
    assert (motion.mask[1] == expected).all()
    assert (motion.mask[2] == np.roll(expected, 10, axis=1)).all()
    assert motion.coverage[0] == 400 / 64**2


def test_a_measured_mask_is_fed_as_it_is_with_full_confidence() -> None:
    motion = difference(moving_square())
    assert (motion.alpha == motion.mask).all()
    assert motion.fallback == (None,) * 4
    assert motion.confidence.tolist() == [1.0] * 4


def test_a_frame_where_nothing_moves_is_fed_all_ones_and_says_why() -> None:
    motion = difference(moving_square(3)[[0, 1, 1]])
    assert motion.fallback == (None, None, "nothing moves")
    assert motion.alpha[2].all()
    assert not motion.mask[2].any()
    assert motion.confidence.tolist() == [1.0, 1.0, 0.0]


def test_one_frame_has_nothing_to_be_compared_with() -> None:
    motion = difference(moving_square(1))
    assert motion.fallback == ("one frame",)
    assert motion.alpha.all()
    assert motion.coverage.tolist() == [0.0]


def test_a_cut_covers_the_frame_and_coverage_tells() -> None:
    motion = difference(np.stack([np.zeros((64, 64, 3), np.uint8), np.full((64, 64, 3), 200, np.uint8)]))
    assert motion.coverage.tolist() == [1.0, 1.0]
    assert motion.fallback == (None, None)


def test_another_spec_gives_another_mask() -> None:
    rgb = moving_square() // np.uint8(8)  # grey 31: only just above the paper's threshold
    assert difference(rgb).mask.any()
    assert not difference(rgb, DifferenceSpec(threshold=40)).mask.any()
    assert not difference(rgb, DifferenceSpec(kernel=21)).mask[0, 30, 30]


@pytest.mark.parametrize("wrong", [{"threshold": 256}, {"threshold": -1}, {"kernel": 4}, {"min_area_at_224": -1.0}])
def test_a_spec_that_means_nothing_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        DifferenceSpec(**wrong)


@pytest.mark.parametrize("shape", [(0, 8, 8, 3), (8, 8, 3), (2, 8, 8, 4), (2, 0, 8, 3)])
def test_arrays_that_are_no_frames_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="frames must be"):
        difference(np.zeros(shape, np.uint8))


@given(CLIPS)
def test_any_clip_gets_one_mask_per_frame_and_never_an_empty_alpha(rgb: Bytes) -> None:
    motion = difference(rgb)
    assert motion.alpha.shape == rgb.shape[:3]
    assert motion.alpha.any(axis=(1, 2)).all()
    assert (motion.coverage == motion.mask.mean(axis=(1, 2))).all()
    assert [reason is None for reason in motion.fallback] == (motion.coverage > 0).tolist()


@given(CLIPS)
def test_a_clip_mirrored_gets_its_masks_mirrored(rgb: Bytes) -> None:
    assert (difference(rgb[:, :, ::-1].copy()).mask == difference(rgb).mask[:, :, ::-1]).all()
