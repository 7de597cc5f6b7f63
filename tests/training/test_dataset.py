"""Chance applied to a clip: frame and mask always go through one geometry."""

from dataclasses import replace

import numpy as np
import pytest

from deltaclip.channels import velocity_bytes
from deltaclip.errors import DeltaclipError
from deltaclip.training import DataRecipe, Pictures
from deltaclip.training.dataset import DIRECTION_WORDS, _Pairs, drop_words, model_frames
from tests.training.tiny import tiny_clips, tiny_recipe

PLAIN = DataRecipe(alpha_dropout=0.0)


def marked(height: int = 40, width: int = 64) -> Pictures:
    """Clips whose mask is the red channel, so that both can be compared after any geometry."""
    red = np.zeros((2, height, width), np.uint8)
    red[0, 5:20, 10:30] = 255
    red[1, 15:35, 30:60] = 255
    rgb = np.stack([red, red // 2, 255 - red], -1)
    return Pictures(rgb, red.astype(np.float32) / np.float32(255))


@pytest.mark.parametrize(
    "changes", [{"crop": 0.3}, {"flip": 1.0}, {"turn": True}, {"crop": 0.5, "flip": 0.5, "turn": True}]
)
@pytest.mark.parametrize("seed", range(5))
def test_frame_and_mask_go_through_the_same(changes: dict[str, float | bool], seed: int) -> None:
    recipe = replace(PLAIN, **changes)  # type: ignore[arg-type]
    four = model_frames(marked(), 32, recipe, np.random.default_rng(seed)).astype(int)
    assert four.shape == (2, 4, 32, 32)
    assert np.abs(four[:, 0] - four[:, 3]).max() <= 1  # rounding of uint8 against float32


def test_without_chance_it_is_the_scaled_centre() -> None:
    everything = replace(PLAIN, crop=0.2, flip=1.0, turn=True, alpha_dropout=1.0)
    pictures = Pictures(marked().rgb[:, :32, 16:48], marked().alpha[:, :32, 16:48])
    four = model_frames(pictures, 32, everything, None)
    assert np.array_equal(four[:, :3], np.moveaxis(pictures.rgb, -1, 1))
    assert np.array_equal(four[:, 3], np.round(pictures.alpha * 255))


def test_crops_differ_and_keep_their_share_of_the_picture() -> None:
    recipe = replace(PLAIN, crop=0.25)
    ramp = np.broadcast_to(np.arange(64, dtype=np.uint8)[None, None, :, None], (1, 64, 64, 3)).copy()
    pictures = Pictures(ramp, np.ones((1, 64, 64), np.float32))
    spans = set()
    for seed in range(20):
        row = model_frames(pictures, 16, recipe, np.random.default_rng(seed))[0, 0, 0].astype(int)
        spans.add((row.min(), row.max()))
        assert row.max() - row.min() >= 28  # half of 64 pixels, less the averaging at both ends
    assert len(spans) > 5


def test_dropped_masks_are_all_ones_for_the_whole_clip() -> None:
    recipe = replace(PLAIN, alpha_dropout=0.3)
    dropped = [
        bool((model_frames(marked(), 32, recipe, np.random.default_rng(seed))[:, 3] == 255).all())
        for seed in range(300)
    ]
    assert 60 < sum(dropped) < 120


def test_dropped_words_become_unknown_ones() -> None:
    assert drop_words("a red circle", 1.0, np.random.default_rng(0)) == "unheard unheard unheard"
    assert drop_words("a red circle", 0.0, np.random.default_rng(0)) == "a red circle"


def test_directed_clips_are_neither_turned_nor_mirrored() -> None:
    everything = replace(PLAIN, flip=1.0, turn=True)
    four = model_frames(replace(marked(), directed=True), 32, everything, np.random.default_rng(0))
    assert np.array_equal(four, model_frames(marked(), 32, everything, None))


FLOW = replace(PLAIN, motion="subject+flow+time")
RIGHT, DOWN, LATE = 4, 5, 6


def to_the_right(right: float = 0.5, down: float = 0.25) -> Pictures:
    """The marked clips, whose marks move."""
    pictures = marked()
    return replace(pictures, velocity=pictures.alpha[..., None] * np.array((right, down), np.float32))


def test_channels_of_motion_follow_alpha() -> None:
    frames = model_frames(to_the_right(), 32, FLOW, None)
    assert frames.shape == (2, 7, 32, 32)
    inside = frames[:, 3] == 255
    assert (frames[:, RIGHT][inside] == velocity_bytes(np.array([0.5], np.float32))).all()
    assert (frames[:, DOWN][inside] == velocity_bytes(np.array([0.25], np.float32))).all()
    assert (frames[:, RIGHT][frames[:, 3] == 0] == 128).all()
    assert [set(frames[number, LATE][inside[number]].tolist()) for number in (0, 1)] == [{64}, {191}]


def test_a_flip_turns_velocity_about() -> None:
    plain, flipped = (
        model_frames(to_the_right(), 32, replace(FLOW, flip=f), np.random.default_rng(0)) for f in (0.0, 1.0)
    )
    assert (flipped[:, RIGHT] == 256 - plain[:, RIGHT, :, ::-1].astype(int)).all()
    assert (flipped[:, DOWN] == plain[:, DOWN, :, ::-1]).all()


def test_what_is_dropped_is_dropped_with_its_motion() -> None:
    frames = model_frames(to_the_right(), 32, replace(FLOW, alpha_dropout=1.0), np.random.default_rng(0))
    assert (frames[:, 3] == 255).all()
    assert (frames[:, [RIGHT, DOWN]] == 128).all()
    assert (frames[:, LATE] == 0).all()


@pytest.mark.parametrize(
    ("caption", "named"),
    [
        ("a car turns LEFT", True),
        ("someone looks upwards", True),
        ("a wheel turns anti-clockwise", True),
        ("the rightful owner waves", False),
        ("a dog runs", False),
    ],
)
def test_captions_that_name_a_direction_are_known(caption: str, named: bool) -> None:
    assert bool(DIRECTION_WORDS.search(caption)) == named


@pytest.mark.parametrize(("sampling", "alike"), [("uniform", True), ("jittered", False)])
def test_uniform_frames_are_the_same_in_every_epoch_and_jittered_ones_are_not(sampling: str, alike: bool) -> None:
    recipe = tiny_recipe(f"data.sampling={sampling}", "data.alpha_dropout=0")
    pairs = _Pairs(tiny_clips(), recipe, 32)
    read = [pairs[3, epoch] for epoch in range(6)]
    frames = [pair[0] for pair in read if not isinstance(pair, DeltaclipError)]
    assert len(frames) == 6
    assert all(np.array_equal(frames[0], other) for other in frames[1:]) == alike
    again = pairs[3, 0]
    assert not isinstance(again, DeltaclipError)
    assert np.array_equal(again[0], frames[0])


def test_uniform_training_frames_are_the_middles_of_equal_spans() -> None:
    recipe = tiny_recipe("data.sampling=uniform", "data.alpha_dropout=0")
    clips = tiny_clips()
    pair = _Pairs(clips, recipe, 32)[3, 0]
    assert not isinstance(pair, DeltaclipError)
    assert np.array_equal(pair[0][:, :3], np.moveaxis(clips.rgb[3, [1, 3]], -1, 1))  # of four cached frames
