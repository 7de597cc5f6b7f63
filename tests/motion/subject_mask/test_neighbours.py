"""Residual motion on drawn pans: the camera is out, the square stays in."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from deltaclip.motion.flow import flow_picture, grid_size
from deltaclip.motion.subject_mask.neighbours import NEAR_SECONDS, Neighbours, Residual, is_plain
from deltaclip.motion.subject_mask.neighbours import residual_motion as grey_residual_motion
from tests.motion.drawn import HEIGHT, WIDTH, panned, square_over_pan, texture

CELL = WIDTH / grid_size(HEIGHT, WIDTH)[1]
"""Pixels of a frame in a cell of the grid."""


def residual_motion(
    rgb: NDArray[np.uint8], before: Neighbours, after: Neighbours, step_seconds: float = NEAR_SECONDS
) -> Residual:
    """The same from frames in colour."""
    grid = grid_size(HEIGHT, WIDTH)
    return grey_residual_motion([flow_picture(frame, grid) for frame in rgb], before, after, grid, step_seconds)


def plain_page(seed: int) -> NDArray[np.uint8]:
    """(1, HEIGHT, WIDTH, 3): three lines of letters drawn at random on white."""
    page = np.full((1, HEIGHT, WIDTH, 3), 255, np.uint8)
    for line, letters in enumerate(np.random.default_rng(seed).choice(list("abcdefgh klmn "), (3, 12))):
        cv2.putText(page[0], "".join(letters), (8, 30 + 30 * line), cv2.FONT_HERSHEY_SIMPLEX, 0.6, (0, 0, 0), 2)
    return page


def test_a_pan_leaves_no_residual_motion() -> None:
    frames = panned(texture(11), 3, step=3)
    motion = residual_motion(frames[1:2], frames[:1], frames[2:])
    assert np.median(motion.length) < 0.05
    assert motion.changed[0, 4:-4, 6:-6].max() < 8


def test_a_square_over_a_pan_moves_by_the_difference() -> None:
    frames, _ = square_over_pan(num_frames=3, pan=2, step=3)  # the ground goes 2 pixels to the right, the square 3
    motion = residual_motion(frames[1:2], frames[:1], frames[2:])
    middle = (slice(None), round((40 + 18) / CELL), round((33 + 18) / CELL))
    assert motion.vector[:, *middle][:, 0] == pytest.approx([1 / CELL, 0], abs=0.06)
    assert motion.length[middle][0] == pytest.approx(1 / CELL, abs=0.06)


def test_flow_explains_what_the_camera_cannot() -> None:
    frames, truth = square_over_pan(num_frames=3, pan=2, step=3)
    motion = residual_motion(frames[1:2], frames[:1], frames[2:])
    inside = cv2.resize(truth[1].astype(np.float32), motion.left.shape[:0:-1], interpolation=cv2.INTER_AREA) == 1
    assert motion.left[0, inside].mean() < motion.changed[0, inside].mean() / 2


def test_a_missing_neighbour_is_the_other_one_mirrored() -> None:
    frames, _ = square_over_pan(num_frames=3)
    forward = residual_motion(frames[1:2], [None], frames[2:])
    both = residual_motion(frames[1:2], frames[:1], frames[2:])
    assert abs(forward.vector - both.vector).mean() < 0.05
    assert forward.exists.tolist() == forward.usable.tolist() == [True]


def test_a_frame_shown_twice_is_no_neighbour_of_itself() -> None:
    frames, _ = square_over_pan(num_frames=3)
    noise = np.random.default_rng(0).integers(0, 2, frames[1].shape, np.uint8)
    again = np.where(frames[1] < 255, frames[1] + noise * (noise.cumsum(1) % 3 == 0), frames[1]).astype(np.uint8)
    repeated = residual_motion(frames[1:2], [again], frames[2:])
    missing = residual_motion(frames[1:2], [None], frames[2:])
    assert (again != frames[1]).any()
    assert (repeated.vector == missing.vector).all()
    assert (repeated.changed == missing.changed).all()
    assert repeated.scale == missing.scale


def test_a_picture_that_stays_needs_no_other_neighbour() -> None:
    frames = np.repeat(texture(13)[None, :, :WIDTH], 3, axis=0)
    motion = residual_motion(frames[1:2], frames[:1], frames[2:])
    assert motion.usable.all()
    assert motion.length.max() < 0.02


def test_a_frame_without_neighbours_does_not_move() -> None:
    motion = residual_motion(panned(texture(12), 1, 0), [None], [None])
    assert motion.exists.tolist() == motion.usable.tolist() == [False]
    assert motion.length.max() == motion.changed.max() == motion.left.max() == 0


def test_flow_leads_to_a_far_neighbour_of_a_plain_frame_and_back_if_it_shows_the_same() -> None:
    page, dark = plain_page(0), plain_page(0)[0] < 128
    moved = np.roll(page, 3, axis=2)
    same = residual_motion(page, [moved[0]], [moved[0]], 1.0).returned
    other = residual_motion(page, list(plain_page(1)), list(plain_page(2)), 1.0).returned
    ink = cv2.resize(dark[..., 0].astype(np.float32), same.shape[:1:-1], interpolation=cv2.INTER_AREA) > 0
    assert same.shape == (2, 1, *grid_size(HEIGHT, WIDTH))
    assert same[:, :, ink].mean() > 0.9
    assert other[:, :, ink].mean() < 0.7


def test_near_neighbours_and_frames_full_of_texture_are_not_asked_for_the_way_back() -> None:
    page = plain_page(0)
    assert residual_motion(page, list(plain_page(1)), list(plain_page(2))).returned.all()
    frames = np.stack([texture(seed)[:, :WIDTH] for seed in range(3)])
    assert residual_motion(frames[1:2], frames[:1], frames[2:], 1.0).returned.all()


def test_a_plain_frame_with_one_far_neighbour_has_its_way_back_on_both_sides() -> None:
    motion = residual_motion(plain_page(0), [None], list(plain_page(1)), 1.0)
    assert not motion.returned.all()
    assert (motion.returned[0] == motion.returned[1]).all()


@pytest.mark.parametrize(
    ("levels", "plain"),
    [
        (np.full((60, 60), 255), True),
        (np.arange(60)[:, None] + np.arange(60), True),  # from one colour to a different one
        (np.where(np.arange(3600).reshape(60, 60) % 2, 0, 255), True),  # half of it white, if finely mixed
        (np.random.default_rng(0).integers(0, 256, (60, 60)), False),
    ],
)
def test_a_picture_is_plain_that_has_few_levels_or_changes_slowly(levels: NDArray[np.int64], plain: bool) -> None:
    assert is_plain(levels.astype(np.uint8)) == plain


def test_neighbours_may_be_smaller_than_the_frames() -> None:
    frames, _ = square_over_pan(num_frames=3)
    small = frames[:, ::2, ::2]
    motion = residual_motion(frames[1:2], small[:1], small[2:])
    assert motion.usable.tolist() == [True]
    assert motion.length.shape == (1, *grid_size(HEIGHT, WIDTH))
