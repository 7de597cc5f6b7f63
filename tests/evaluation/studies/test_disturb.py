"""Frames made worse: by how much, and the same way each time."""

from typing import get_args

import numpy as np
import pytest

from deltaclip.evaluation.studies.disturb import Disturbance, disturb

FRAMES = np.full((4, 64, 48, 3), 128, np.uint8)
KINDS: tuple[Disturbance, ...] = get_args(Disturbance)


@pytest.mark.parametrize("kind", KINDS)
def test_strength_nought_changes_nothing_and_a_seed_says_it_all(kind: Disturbance) -> None:
    textured = np.random.default_rng(0).integers(0, 255, FRAMES.shape, np.uint8)
    assert disturb(textured, kind, 0.0, (1,)) is textured
    once, again = (disturb(textured, kind, 0.3 if kind == "flicker" else 30.0, (1, 2)) for _ in range(2))
    np.testing.assert_array_equal(once, again)
    assert once.shape == textured.shape
    assert (once != textured).any()


def test_noise_has_the_deviation_that_was_asked_for() -> None:
    assert disturb(FRAMES, "noise", 10.0, (0,)).std() == pytest.approx(10, rel=0.05)


def test_flicker_changes_whole_frames_alike_and_not_beyond_its_share() -> None:
    worse = disturb(FRAMES, "flicker", 0.25, (0,)).astype(int)
    assert (worse == worse[:, :1, :1, :1]).all()
    assert abs(worse - 128).max() <= 32
    assert len(np.unique(worse)) == 4


def test_shake_moves_a_picture_as_a_whole() -> None:
    dotted = np.zeros((1, 64, 64, 3), np.uint8)
    dotted[0, 30:34, 30:34] = 255
    shaken = disturb(dotted, "shake", 60.0, (5,))
    assert shaken.astype(int).sum() == pytest.approx(dotted.astype(int).sum(), rel=0.02)
    assert (shaken != dotted).any()


def test_more_compression_leaves_less_of_the_picture() -> None:
    textured = np.random.default_rng(0).integers(0, 255, (1, 64, 64, 3), np.uint8)
    little, much = (np.abs(disturb(textured, "compression", s, ()).astype(int) - textured).mean() for s in (20.0, 95.0))
    assert much > little
