"""The masks against the true motion of drawn clips, through everything that Moving Shapes can do to a picture.

Floors lie 0.1 or more below what was measured (in brackets), so that only a real loss fails.
What `subject` does not find here: small plain things under a still camera with noise of 3 grey levels and more.
"""

import numpy as np
import pytest
from numpy.typing import NDArray

from deltaclip.motion import Motion, difference, subject
from deltaclip.shapes import ShapesSpec, make_twins
from deltaclip.shapes.spec import Camera
from deltaclip.shapes.world import ShapesClip

SIZE = 224
SEEDS = (0, 1)
AT = np.array([4, 12, 20, 28, 36, 44])
"""Native frames that are sampled, of 48."""


def subject_of(clip: ShapesClip) -> Motion:
    return subject(clip.frames(AT), list(clip.frames(AT - 1)), list(clip.frames(AT + 1)))


def iou(motion: Motion, truth: NDArray[np.bool_]) -> float:
    """Mean over frames of what is fed, fallbacks included."""
    fed = motion.alpha > 0.5
    return float(np.mean((fed & truth).sum((1, 2)) / (fed | truth).sum((1, 2))))


def both(spec: ShapesSpec) -> tuple[float, float]:
    """Mean IoU of `subject` and of `difference`."""
    drawn = [make_twins(seed, spec)[0] for seed in SEEDS]
    truths = [clip.true_motion(AT) for clip in drawn]
    found = [iou(subject_of(clip), truth) for clip, truth in zip(drawn, truths, strict=True)]
    differing = [iou(difference(clip.frames(AT)), truth) for clip, truth in zip(drawn, truths, strict=True)]
    return float(np.mean(found)), float(np.mean(differing))


@pytest.mark.parametrize(
    ("spec", "floor"),
    [
        (ShapesSpec(SIZE), 0.8),  # 0.94
        (ShapesSpec(SIZE, noise=1.0), 0.75),  # 0.89
        (ShapesSpec(SIZE, flicker=0.2), 0.8),  # 0.92
        (ShapesSpec(SIZE, camera="pan"), 0.8),  # 0.94
        (ShapesSpec(SIZE, camera="pan", noise=4.0), 0.7),  # 0.83
        (ShapesSpec(SIZE, camera="pan", flicker=0.2), 0.8),  # 0.95
        (ShapesSpec(SIZE, camera="pan", cuts=2), 0.8),  # 0.95
        (ShapesSpec(SIZE, camera="shake"), 0.8),  # 0.94
        (ShapesSpec(SIZE, camera="shake", noise=2.0), 0.75),  # 0.89
    ],
    ids=str,
)
def test_subject_finds_the_mover_and_difference_less(spec: ShapesSpec, floor: float) -> None:
    found, differing = both(spec)
    assert found > floor
    assert found > differing + 0.3  # `difference`: 0.18 to 0.41


@pytest.mark.parametrize("camera", ["still", "pan", "shake"])
def test_where_nothing_moves_every_frame_falls_back_through_shake_flicker_and_noise(camera: Camera) -> None:
    clip = make_twins(0, ShapesSpec(SIZE, camera=camera, static_only=True, flicker=0.1, noise=2.0))[0]
    assert None not in subject_of(clip).fallback


def test_two_cuts_leave_the_masks_of_the_shots_between_them() -> None:
    clip = make_twins(0, ShapesSpec(SIZE, cuts=2))[0]
    motion = subject_of(clip)
    assert motion.fallback.count(None) == len(AT)
    assert iou(motion, clip.true_motion(AT)) > 0.7  # 0.89
