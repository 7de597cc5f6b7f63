"""When a mask is used and when not: each reason, and the vote of the clip."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from deltaclip.motion.subject_mask.decision import (
    CUT,
    DROPPED,
    NO_NEIGHBOUR,
    NOTHING_FOUND,
    SATURATED,
    STATIC,
    UNCERTAIN,
    Found,
    drop_small_parts,
    examine,
    reasons,
)
from deltaclip.motion.subject_mask.neighbours import Residual

GOOD = Found(confidence=0.8, static=False, vain=False, lost=False)


def told(found: list[Found], coverage: float = 0.1, exists: bool = True, usable: bool = True) -> list[str | None]:
    """The reasons of frames that differ in `found` only."""
    num_frames = len(found)
    flags = (np.full(num_frames, exists), np.full(num_frames, usable))
    return list(reasons(found, np.full(num_frames, coverage), *flags))


def residual(length: NDArray[np.float32], left: float = 0.0, wide: bool = False) -> Residual:
    """A Residual that moves by `length` (K, h, w), differs by one grey level and, after the flow, by `left`."""
    ones = np.ones_like(length)
    flags = np.ones(len(length), np.bool_)
    vector, rest = np.stack([length, 0 * length]), np.float32(left) * ones
    back = np.ones((2, *length.shape), np.bool_)
    camera, explained = np.zeros((len(length), 4), np.float32), np.ones(len(length))
    both = np.stack([length, length])
    measured = (vector, length, ones[:, :1, :1], ones, rest, ones, back, flags, flags, wide)
    return Residual(*measured, np.moveaxis(vector, 0, -1), both, camera, explained)


def mask_and_motion(inside: float, outside: float, left: float = 0.0) -> tuple[NDArray[np.float32], Residual]:
    probability = np.full((1, 40, 40), 0.1, np.float32)
    probability[0, 10:20, 10:20] = 0.9
    return probability, residual(np.where(probability > 0.5, np.float32(inside), np.float32(outside)), left)


def test_a_good_mask_is_used() -> None:
    assert told([GOOD, GOOD]) == [None, None]


def test_behind_cuts_on_both_sides_nothing_can_be_measured() -> None:
    assert told([GOOD], usable=False) == [CUT]


def test_a_frame_without_neighbours_says_so() -> None:
    assert told([GOOD], exists=False, usable=False) == [NO_NEIGHBOUR]


def test_an_empty_mask_is_static_or_nothing_found() -> None:
    assert told([replace(GOOD, static=True)], coverage=0.001) == [STATIC]
    assert told([GOOD], coverage=0.001) == [NOTHING_FOUND]


def test_a_mask_of_nearly_everything_says_nothing() -> None:
    assert told([GOOD], coverage=0.71) == [SATURATED]


def test_a_mask_that_is_hardly_more_likely_than_not_is_uncertain() -> None:
    assert told([replace(GOOD, confidence=0.19)]) == [UNCERTAIN]


def test_a_pause_in_half_of_the_frames_keeps_every_mask() -> None:
    assert told([GOOD, replace(GOOD, static=True)]) == [None, None]


@pytest.mark.parametrize(
    ("feeble", "reason"),
    [
        (replace(GOOD, static=True), STATIC),
        (replace(GOOD, vain=True), UNCERTAIN),
        (replace(GOOD, lost=True), UNCERTAIN),
    ],
)
def test_little_evidence_in_most_frames_takes_the_others_along(feeble: Found, reason: str) -> None:
    assert told([GOOD, feeble, feeble]) == [reason] * 3


def test_confidence_is_how_far_the_mean_probability_lies_above_a_half() -> None:
    found = examine(*mask_and_motion(1, 0))[0]
    assert found.confidence == pytest.approx(0.8)
    assert not found.static


def test_a_mask_that_hardly_moves_is_static() -> None:
    assert examine(*mask_and_motion(0.03, 0.2))[0].static
    assert examine(*mask_and_motion(0.049, 0.049))[0].static


def test_a_mask_is_used_however_lively_its_surroundings_are() -> None:
    found = examine(*mask_and_motion(0.5, 5.0))[0]
    assert told([found]) == [None]


def test_motion_that_explains_no_more_than_the_camera_does_is_vain() -> None:
    assert examine(*mask_and_motion(1, 0, left=0.9))[0].vain
    assert not examine(*mask_and_motion(1, 0, left=0.7))[0].vain


@pytest.mark.parametrize(("after", "before", "lost"), [(0.8, 0.2, False), (0.2, 0.8, False), (0.6, 0.6, True)])
def test_motion_is_lost_if_it_leads_back_from_neither_neighbour(after: float, before: float, lost: bool) -> None:
    probability, motion = mask_and_motion(1, 0, left=0.5)
    returned = np.zeros((2, 1, 40, 40), np.bool_)  # what lies outside the mask must not count
    for side, share in enumerate((after, before)):
        returned[side, 0, 10 : 10 + round(10 * share), 10:20] = True
    assert examine(probability, replace(motion, returned=returned))[0].lost == lost


def test_motion_that_explains_the_picture_need_not_lead_back() -> None:
    probability, motion = mask_and_motion(1, 0, left=0.32)
    assert not examine(probability, replace(motion, returned=np.zeros((2, 1, 40, 40), np.bool_)))[0].lost


def test_small_parts_are_dropped_and_large_ones_kept() -> None:
    probability, _ = mask_and_motion(1, 0)
    probability[0, 30, 30] = 0.9  # 1 of 1,600 cells is less than a thousandth
    kept = drop_small_parts(probability)
    assert kept[0, 30, 30] == np.float32(DROPPED)
    assert (kept[0, 10:20, 10:20] == np.float32(0.9)).all()
    assert probability[0, 30, 30] == np.float32(0.9)
