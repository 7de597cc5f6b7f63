"""A run small enough for tests: a handful of random clips, a CLIP of two layers and 32 pixels."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from deltaclip.model import load_checkpoint
from deltaclip.training import MemoryClips, Recipe, TrainingData, override
from deltaclip.training.recipes import RECIPES

WORDS = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]
SETTINGS = (
    "data.motion=difference",
    "data.frames=2",
    "data.test_frames=4",
    "model.init=fresh",
    "model.image_size=32",
    "model.width=32",
    "model.layers=2",
    "model.heads=2",
    "model.text_layers=1",
    "model.max_words=8",
    "optim.lr=1e-3",
    "optim.batch=4",
    "optim.steps=6",
    "loop.validate_every=2",
    "loop.log_every=1",
)


def tiny_recipe(*settings: str, name: str = "own") -> Recipe:
    """The recipe of that name made tiny: 6 steps of 4 pairs, validated and saved every 2."""
    return override(RECIPES[name], [*SETTINGS, *settings])


def tiny_clips(num: int = 10, *, seed: int = 0, captions: int = 1, side: int = 32) -> MemoryClips:
    """`num` random clips of 4 frames, `captions` texts each."""
    rng = np.random.default_rng(seed)
    rgb = rng.integers(0, 256, (num, 4, side, side, 3), np.uint8)
    alpha = (rng.random((num, 4, side, side)) < 0.5).astype(np.uint8) * 255
    texts = [f"{WORDS[video % len(WORDS)]} {WORDS[text]}" for video in range(num) for text in range(captions)]
    return MemoryClips(rgb, alpha, texts, np.repeat(np.arange(num), captions), [f"video{i}" for i in range(num)])


def tiny_data(num: int = 10, captions: int = 1) -> TrainingData:
    """Clips to train on and four others to validate with."""
    return TrainingData(tiny_clips(num, captions=captions), tiny_clips(4, seed=1), WORDS, {"clips": num})


def weights(folder: Path) -> dict[str, torch.Tensor]:
    """The weights of a checkpoint by name."""
    return load_checkpoint(folder).model.state_dict()


def same_weights(one: Path, other: Path) -> bool:
    """Whether two checkpoints hold the same bits."""
    ours, theirs = weights(one), weights(other)
    return ours.keys() == theirs.keys() and all(torch.equal(ours[name], theirs[name]) for name in ours)


def names(clips: Sequence[int]) -> list[str]:
    """What `tiny_clips` calls these videos."""
    return [f"video{number}" for number in clips]
