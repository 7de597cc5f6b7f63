"""What a motion encoder is given of a moment."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from deltaclip.motion import TRACK_GRID, TRACK_NUMBERS, Flow, Motion, Track, full, subject, track


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


def drawn_track(flip: bool, backwards: bool) -> Track:
    """Of a textured disc that goes down to the right over a ground and grows, as filmed, in a mirror or backwards."""
    random = np.random.default_rng(3)
    ground = cv2.GaussianBlur(random.uniform(0, 255, (120, 200, 3)).astype(np.float32), (0, 0), 2)
    coat = cv2.GaussianBlur(random.uniform(0, 255, (200, 200, 3)).astype(np.float32), (0, 0), 1.5)
    y, x = np.mgrid[0:120, 0:200]

    def frame(step: float) -> NDArray[np.uint8]:
        picture = ground.copy()
        left, top, radius = 60 + 2.0 * step, 40 + 1.0 * step, 20 + 0.3 * step
        inside = (x - left) ** 2 + (y - top) ** 2 < radius**2
        scale = 20 / radius
        at = ((x - left) * scale + 100).astype(np.float32), ((y - top) * scale + 100).astype(np.float32)
        picture[inside] = cv2.remap(coat, *at, cv2.INTER_LINEAR)[inside]
        return (picture[:, ::-1] if flip else picture).astype(np.uint8)

    steps = np.arange(0, 24, 4.0)[:: -1 if backwards else 1]
    rgb, before, after = (np.stack([frame(step + away) for step in steps]) for away in (0, -1, 1))
    if backwards:
        before, after = after, before
    return track(subject(rgb, before, after), np.arange(6.0))


@pytest.mark.parametrize(("flip", "backwards"), [(True, False), (False, True)])
def test_a_track_turned_about_is_that_of_the_film_turned_about(flip: bool, backwards: bool) -> None:
    made = drawn_track(False, False)
    turned = made.mirrored() if flip else made.backwards()
    filmed = drawn_track(flip, backwards)
    assert np.abs(turned.numbers - filmed.numbers).max() < 0.15 * np.abs(made.numbers).max()
    assert np.abs(turned.maps - filmed.maps).mean() < 0.05 * np.abs(made.maps).mean() + 1e-3
    np.testing.assert_allclose(turned.seconds, made.seconds)
