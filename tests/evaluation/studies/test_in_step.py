"""Mask against motion over shifts: what is in step is found in step, and what was moved on purpose where it was put."""

import numpy as np
import pytest
from numpy.typing import NDArray

from deltaclip.evaluation.studies.in_step import MaskAndMotion, agreement_over_shifts, claims, read_mask_and_motion
from deltaclip.motion import MotionSpec
from deltaclip.reader import ReaderSpec
from deltaclip.shapes import ShapesSpec, make_world, write_world

SIDE, FRAMES = 32, 5


def squares(seed: int, right: int = 0, down: int = 0, later: int = 0) -> MaskAndMotion:
    """A square at another place in each frame; its mask off by so much."""
    places = np.random.default_rng(seed).integers(8, SIDE - 14, (FRAMES + 2, 2))

    def drawn(number: int, x: int = 0, y: int = 0) -> NDArray[np.float32]:
        plane = np.zeros((SIDE, SIDE), np.float32)
        top, left = places[number] + (y, x)
        plane[top : top + 6, left : left + 6] = 1
        return plane

    moves = np.stack([40 * drawn(number) for number in range(FRAMES)])
    alpha = np.stack([drawn(number + later, right, down) for number in range(FRAMES)])
    return MaskAndMotion(alpha, moves, np.ones(FRAMES, np.bool_))


@pytest.mark.parametrize("off", [(0, 0, 0), (5, 0, 0), (0, -4, 0), (-3, 6, 0), (0, 0, 1), (3, 0, 2)])
def test_a_mask_that_is_off_is_found_where_it_is(off: tuple[int, int, int]) -> None:
    right, down, later = off
    found = agreement_over_shifts([squares(seed, right, down, later) for seed in range(6)])
    assert found is not None
    assert found.shift == (later, down, right)
    assert found.best > 0.99


def test_a_shift_on_purpose_comes_on_top() -> None:
    films = [squares(seed, right=2) for seed in range(6)]
    aside, late = agreement_over_shifts(films, right=8), agreement_over_shifts(films, later=1)
    assert aside is not None
    assert late is not None
    assert aside.shift == (0, 0, 10)
    assert late.shift == (1, 0, 2)


def test_frames_without_their_mask_and_without_motion_are_left_out() -> None:
    film = squares(0)
    unused = MaskAndMotion(film.alpha, film.moves, np.zeros(FRAMES, np.bool_))
    still = MaskAndMotion(film.alpha, np.zeros_like(film.moves), film.used)
    assert agreement_over_shifts([unused, still]) is None


@pytest.mark.parametrize("motion", ["difference", "subject"])
def test_masks_of_drawn_clips_are_in_step(motion: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    clips = make_world(3, 3, ShapesSpec())
    paths = write_world(tmp_path_factory.mktemp("world"), clips)
    found = agreement_over_shifts(
        [read_mask_and_motion(path, ReaderSpec(48, 6, MotionSpec.parse(motion))) for path in paths]
    )
    assert found is not None
    assert found.shift[0] == 0
    assert max(abs(found.shift[1]), abs(found.shift[2])) <= 1


def test_the_controls_make_no_claim_about_where_the_motion_is() -> None:
    assert not any(map(claims, ("full", "random", "inverted", "centre")))
    assert claims("difference")
    assert claims("subject:binary,floor=0.2")
