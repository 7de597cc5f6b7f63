"""Residual motion on drawn pans: the camera is out, the square stays in."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from deltaclip.motion.flow import flow_picture, grid_size
from deltaclip.motion.subject.neighbours import Neighbours, Residual
from deltaclip.motion.subject.neighbours import residual_motion as grey_residual_motion
from tests.motion.drawn import HEIGHT, WIDTH, panned, square_over_pan, texture

CELL = WIDTH / grid_size(HEIGHT, WIDTH)[1]
"""Pixels of a frame in a cell of the grid."""


def residual_motion(rgb: NDArray[np.uint8], before: Neighbours, after: Neighbours) -> Residual:
    """The same from frames in colour."""
    grid = grid_size(HEIGHT, WIDTH)
    return grey_residual_motion([flow_picture(frame, grid) for frame in rgb], before, after, grid)


def test_a_pan_leaves_no_residual_motion() -> None:
    frames = panned(texture(11), 3, step=3)
    motion = residual_motion(frames[1:2], frames[:1], frames[2:])
    assert np.median(motion.length) < 0.05
    assert motion.changed[0, 4:-4, 6:-6].max() < 8


def test_a_square_over_a_pan_moves_by_the_difference() -> None:
    frames, _ = square_over_pan(num_frames=3, pan=2, step=3)  # the ground goes 2 pixels to the right, the square 3
    motion = residual_motion(frames[1:2], frames[:1], frames[2:])
    middle = (slice(None), round((40 + 18) / CELL), round((33 + 18) / CELL))
    assert motion.vector[middle][0] == pytest.approx([1 / CELL, 0], abs=0.06)
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


def test_neighbours_may_be_smaller_than_the_frames() -> None:
    frames, _ = square_over_pan(num_frames=3)
    small = frames[:, ::2, ::2]
    motion = residual_motion(frames[1:2], small[:1], small[2:])
    assert motion.usable.tolist() == [True]
    assert motion.length.shape == (1, *grid_size(HEIGHT, WIDTH))
