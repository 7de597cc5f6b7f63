"""What a motion encoder is given of a moment."""

import numpy as np
import pytest

from deltaclip.motion import TRACK_GRID, TRACK_NUMBERS, Flow, Motion, full, track


def motion(velocity: tuple[float, float], fallback: str | None = None, confidence: float = 1.0) -> Motion:
    """One frame, 48 x 96, of which the left quarter of the upper half moves."""
    mask = np.zeros((1, 48, 96), np.bool_)
    mask[:, :24, :24] = True
    flow = Flow(
        velocity=np.tile(np.array(velocity, np.float32), (1, 24, 48, 1)),
        camera=np.array([[0.1, 0.2, 0.3, 0.4]], np.float32),
        confidence=np.array([confidence]),
        camera_confidence=np.array([confidence]),
    )
    shades = mask.astype(np.float32)
    return Motion(shades, shades, mask, mask.mean((1, 2)), np.ones(1), (fallback,), flow)


def number(name: str, made: Motion) -> float:
    return float(track(made, np.zeros(1)).numbers[0, TRACK_NUMBERS.index(name)])


def test_numbers_are_in_picture_heights_from_the_middle_of_the_picture() -> None:
    moved = motion((0.5, -0.25))
    assert number("area", moved) == pytest.approx(1 / 8)
    assert number("x", moved) == pytest.approx(-0.75)
    assert number("y", moved) == pytest.approx(-0.25)
    assert number("right", moved) == pytest.approx(0.5)
    assert number("down", moved) == pytest.approx(-0.25)
    assert number("speed", moved) == pytest.approx(0.3125**0.5)
    assert number("zoom", moved) == pytest.approx(0.3)


def test_maps_hold_velocity_only_inside_the_mask() -> None:
    maps = track(motion((0.5, -0.25)), np.zeros(1)).maps
    assert maps.shape == (1, 3, *TRACK_GRID)
    assert maps[0, 1, 0, 0] == pytest.approx(0.5)
    assert maps[0, 2, 0, 0] == pytest.approx(-0.25)
    assert not maps[0, :, -1].any()


def test_what_grows_leads_away_from_its_middle_and_what_turns_leads_around_it() -> None:
    made = motion((0, 0))
    assert made.flow is not None
    y, x = np.mgrid[0:24, 0:48].astype(np.float32) / 24
    made.flow.velocity[0, ..., 0], made.flow.velocity[0, ..., 1] = 0.3 * x - 0.2 * y, 0.3 * y + 0.2 * x
    assert number("growth", made) == pytest.approx(0.3, rel=0.01)
    assert number("turn", made) == pytest.approx(0.2, rel=0.01)


def test_a_mask_that_fell_back_is_kept_as_measured_and_marked() -> None:
    moved = motion((0.5, 0), fallback="uncertain")
    assert number("area", moved) == pytest.approx(1 / 8)
    assert number("kept", moved) == 0


def test_a_frame_without_a_neighbour_says_nothing() -> None:
    made = track(motion((0, 0), fallback="no neighbour", confidence=0.0), np.zeros(1))
    assert not made.maps.any()
    assert made.numbers[0, TRACK_NUMBERS.index("area")] == 0


def test_a_mask_without_flow_makes_no_track() -> None:
    with pytest.raises(ValueError, match="motion with flow"):
        track(full(np.zeros((2, 32, 32, 3), np.uint8)), np.zeros(2))
