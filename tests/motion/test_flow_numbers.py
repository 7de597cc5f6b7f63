"""How things move, as numbers: against drawn truth, at any frame rate and size."""

import numpy as np
import pytest
from numpy.typing import NDArray

from deltaclip.motion import Motion
from tests.motion.filmed import STILL, Film

Camera = tuple[float, float, float, float]

CAMERAS = {
    "still": STILL,
    "panning": (0.5, 0.1, 0.0, 0.0),
    "zooming": (0.0, 0.0, 0.4, 0.0),
    "panning, zooming and rolling": (-0.4, 0.0, 0.3, 0.1),
}
WAYS = [(0.6, 0.0), (-0.5, 0.3), (0.0, -0.5), (0.15, 0.1)]
PICTURES = [
    (1 / 24, (224, 398)),
    (1 / 12, (224, 398)),
    (1 / 30, (360, 480)),
    (1 / 25, (398, 224)),
    (1 / 24, (140, 140)),
]
"""Seconds to the neighbours, height and width."""
SECONDS = np.linspace(-0.4, 0.4, 5)
WAYS_OF_CAMERAS = [
    (0.6, 0.0, 0.0, 0.0),
    (-0.2, 0.3, 0.0, 0.0),
    (0.0, 0.0, 0.4, 0.0),
    (0.0, 0.0, -0.3, 0.0),
    (0.0, 0.0, 0.0, 0.3),
    (0.4, -0.2, 0.3, -0.2),
]


def misses(film: Film, motion: Motion, masks: NDArray[np.bool_]) -> NDArray[np.float64]:
    """How far direction (degrees) and speed (share) are off at each pixel that moves and was found: (2, N)."""
    assert motion.flow is not None
    found = motion.flow.velocity_at(*masks.shape[1:])
    # The camera turned clockwise so far: what it sees, turned back; and zoomed in, larger.
    _, _, zoom, roll = film.camera
    cos, sin = np.cos(roll * SECONDS), np.sin(roll * SECONDS)
    right, down = film.mover
    turned = np.stack([right * cos + down * sin, down * cos - right * sin], axis=1)
    true = (np.exp(zoom * SECONDS)[:, None] * turned)[:, None, None]
    directions = np.degrees(np.arctan2(found[..., 1], found[..., 0]) - np.arctan2(true[..., 1], true[..., 0]))
    speeds = np.hypot(found[..., 0], found[..., 1]) / np.hypot(true[..., 0], true[..., 1]) - 1
    off = np.stack([abs((directions + 180) % 360 - 180), abs(speeds)])
    return off[:, masks & motion.mask]


@pytest.mark.parametrize("camera", CAMERAS)
def test_movers_have_their_velocity_against_the_ground_under_any_camera(camera: str) -> None:
    films = [Film(camera=CAMERAS[camera], mover=way) for way in WAYS]
    direction, speed = np.median(np.concatenate([misses(f, *f.motion(SECONDS, 1 / 24)) for f in films], axis=1), axis=1)
    assert direction < 15
    assert speed < 0.2


@pytest.mark.parametrize(("step", "size"), PICTURES)
def test_neither_frame_rate_nor_size_is_in_a_velocity(step: float, size: tuple[int, int]) -> None:
    film = Film(size, (0.3, 0, 0, 0), mover=(-0.6, 0.2))
    direction, speed = np.median(misses(film, *film.motion(SECONDS, step)), axis=1)
    assert direction < 15
    assert speed < 0.2


@pytest.mark.parametrize("camera", WAYS_OF_CAMERAS)
@pytest.mark.parametrize(("step", "size"), PICTURES)
def test_the_camera_is_measured_within_a_tenth(step: float, size: tuple[int, int], camera: Camera) -> None:
    motion, _ = Film(size, camera, mover=(0.3, 0.2)).motion(SECONDS, step)
    assert motion.flow is not None
    found = np.median(motion.flow.camera, axis=0)
    assert found == pytest.approx(np.array(camera), rel=0.1, abs=0.01)
    assert (motion.flow.camera_confidence > 0.7).all()


def test_each_neighbour_counts_by_its_own_distance_in_time() -> None:
    film = Film(camera=(0.3, 0, 0, 0), mover=(-0.6, 0.2))
    steps = np.array([[1 / 12, 1 / 24, 1 / 30, 1 / 15, 1 / 24], [1 / 24, 1 / 12, 1 / 20, 1 / 24, 1 / 60]])
    direction, speed = np.median(misses(film, *film.motion(SECONDS, steps)), axis=1)
    assert direction < 15
    assert speed < 0.2
    motion, _ = film.motion(SECONDS, steps)
    assert motion.flow is not None
    assert motion.flow.camera[:, 0] == pytest.approx(0.3, rel=0.1)


def test_a_mover_that_the_camera_follows_moves_against_the_ground() -> None:
    film = Film(camera=(0.5, 0, 0, 0), mover=(0.5, 0.0))  # it stays in the middle of the picture
    motion, masks = film.motion(SECONDS, 1 / 24)
    assert masks.all(0).sum() == masks.any(0).sum()
    direction, speed = np.median(misses(film, motion, masks), axis=1)
    assert direction < 15
    assert speed < 0.2


def test_distances_in_time_are_positive() -> None:
    with pytest.raises(ValueError, match="step_seconds must be positive"):
        Film().motion(SECONDS, 0.0)
