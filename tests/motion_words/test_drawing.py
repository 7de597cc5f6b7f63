"""Drawn scenes: the same from the same seed, and seen as they are by the real estimator."""

from dataclasses import replace

import numpy as np
import pytest

from deltaclip.motion import TRACK_NUMBERS, subject, track
from deltaclip.motion_words import Scene, draw, new_scene
from deltaclip.motion_words.scene import STEPS, CameraPath, Mover

ONE = np.ones(STEPS)
SHARE = np.linspace(0, 1, STEPS)


def test_the_same_seed_draws_the_same_frames() -> None:
    pair = []
    for _ in range(2):
        random = np.random.default_rng(7)
        pair.append(draw(new_scene(random), 3, random))
    np.testing.assert_array_equal(pair[0].rgb, pair[1].rgb)
    np.testing.assert_array_equal(pair[0].after, pair[1].after)


@pytest.mark.parametrize("aspect", [16 / 9, 1.0, 9 / 16])
def test_frames_have_the_shape_of_the_scene_and_its_seconds(aspect: float) -> None:
    random = np.random.default_rng(1)
    frames = draw(replace(new_scene(random), aspect=aspect, seconds=4.0), 4, random)
    _, height, width, _ = frames.rgb.shape
    assert width / height == pytest.approx(aspect, rel=0.02)
    np.testing.assert_allclose(np.diff(frames.seconds), 1.0, atol=0.1)
    assert 1 / 30 <= frames.step_seconds <= 1 / 10


def test_the_estimator_sees_a_drawn_mover_go_where_it_goes() -> None:
    """Under a camera that pans: to the left against the ground, 0.3 picture heights a second."""
    mover = Mover(
        "line", "blob", 0.3 - 0.6 * SHARE, 0 * ONE, 0.4 * ONE, 0 * ONE, ONE, ONE, 0 * ONE, ONE, begin=0, end=STEPS
    )
    camera = CameraPath("pan_right", 0.2 * SHARE - 0.1, 0 * ONE, 0 * ONE, 0 * ONE)
    scene = Scene(2.0, 16 / 9, (mover,), camera)
    right, pan = [], []
    for seed in range(5):
        frames = draw(scene, 6, np.random.default_rng(seed))
        seen = track(subject(frames.rgb, frames.before, frames.after, frames.step_seconds), frames.seconds)
        right.append(np.median(seen.numbers[:, TRACK_NUMBERS.index("right")]))
        pan.append(np.median(seen.numbers[:, TRACK_NUMBERS.index("pan")]))
    assert np.median(right) == pytest.approx(-0.3, rel=0.3)
    assert np.median(pan) == pytest.approx(0.1, rel=0.2)
