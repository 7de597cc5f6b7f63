"""Controls of the study of actions, by hand: what each takes away, and what it leaves."""

import numpy as np
import pytest
from numpy.typing import NDArray

from deltaclip.channels import ALPHA, channels_of, reversed_flow, velocity_bytes, velocity_of_bytes
from deltaclip.training import override
from deltaclip.training.recipes import RECIPES
from deltaclip.training.studies.actions_controls import changed, controls_of

RIGHT, DOWN, LATE = 4, 5, 6
PATHS = ("a.mp4", "b.mp4")


def clips() -> NDArray[np.uint8]:
    """Two clips (2, T, C, S, S) with flow and time, in which every frame differs."""
    channels = len(channels_of(("flow", "time")))
    return np.random.default_rng(0).integers(1, 256, (2, 5, channels, 8, 8), np.uint8)


def test_flow_elsewhere_moves_both_channels_alike_in_all_frames_and_nothing_else() -> None:
    frames = clips()
    made = changed(frames, "flow elsewhere", PATHS)
    kept = [channel for channel in range(frames.shape[2]) if channel not in (RIGHT, DOWN)]
    assert np.array_equal(made[:, :, kept], frames[:, :, kept])
    offsets = []
    for clip, new in zip(frames, made, strict=True):
        fits = [
            (down, right)
            for down in range(8)
            for right in range(8)
            if np.array_equal(np.roll(clip[:, RIGHT : DOWN + 1], (down, right), (-2, -1)), new[:, RIGHT : DOWN + 1])
        ]
        offsets += fits
        assert len(fits) == 1
        assert 0 not in fits[0]
    assert offsets[0] != offsets[1]


def test_turned_flow_is_the_opposite_velocity_and_nothing_else_changes() -> None:
    velocity = np.array([[0.0, 0.03], [-0.4, 2.0]], np.float32)
    frames = np.full((1, 1, len(channels_of(("flow",))), 2, 2), 7, np.uint8)
    frames[:, :, RIGHT], frames[:, :, DOWN] = velocity_bytes(velocity), velocity_bytes(-2 * velocity)
    made = changed(frames, "flow turned", PATHS[:1])
    assert np.array_equal(velocity_of_bytes(made[0, 0, RIGHT]), -velocity_of_bytes(frames[0, 0, RIGHT]))
    assert np.array_equal(velocity_of_bytes(made[0, 0, DOWN]), -velocity_of_bytes(frames[0, 0, DOWN]))
    assert np.array_equal(made[:, :, : ALPHA + 1], frames[:, :, : ALPHA + 1])
    assert np.array_equal(reversed_flow(made), frames)


def test_shuffled_frames_are_the_same_frames_each_with_its_own_time() -> None:
    frames = clips()
    made = changed(frames, "frames shuffled", PATHS)
    for clip, new in zip(frames, made, strict=True):
        order = [next(at for at in range(5) if np.array_equal(clip[at], frame)) for frame in new]
        assert sorted(order) == [0, 1, 2, 3, 4]
    assert not np.array_equal(made, frames)


@pytest.mark.parametrize("control", ["flow elsewhere", "frames shuffled"])
def test_what_is_random_hangs_on_the_clip_alone(control: str) -> None:
    frames = clips()
    together = changed(frames, control, PATHS)
    assert np.array_equal(changed(frames[1:], control, PATHS[1:]), together[1:])


@pytest.mark.parametrize(
    ("settings", "names"),
    [
        ([], ()),
        (["data.motion=subject+time"], ()),
        (["data.motion=subject+flow"], ("flow elsewhere", "flow turned", "frames shuffled")),
        (["model.temporal_layers=1", "data.frames=12"], ("frames shuffled",)),
    ],
)
def test_controls_are_those_of_what_the_encoder_is_given(settings: list[str], names: tuple[str, ...]) -> None:
    assert controls_of(override(RECIPES["actions"], settings)) == names
