"""A run that could learn nothing is refused before its first step; a step that can is told of."""

from pathlib import Path

import numpy as np
import pytest

from deltaclip.errors import TrainingError
from deltaclip.training import MemoryClips, TrainingData, override, train
from tests.training.tiny import WORDS, tiny_clips, tiny_data, tiny_recipe

RECIPE = tiny_recipe("optim.steps=2")


@pytest.mark.parametrize(
    ("clips", "words"),
    [
        (tiny_clips(1, captions=5), "all captions belong to video0: no pair has a negative"),
        (MemoryClips(np.zeros((3, 4, 32, 32, 3), np.uint8), np.zeros((3, 4, 32, 32), np.uint8), ["a dog"] * 3,
                     np.arange(3), ["a", "b", "c"]), "all have the caption 'a dog'"),
    ],
)  # fmt: skip
def test_clips_without_negatives_are_refused(tmp_path: Path, clips: MemoryClips, words: str) -> None:
    with pytest.raises(TrainingError, match=words):
        train(RECIPE, TrainingData(clips, None, WORDS), tmp_path / "out", device="cpu")
    assert not (tmp_path / "out").exists()


def test_a_batch_of_one_pair_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"optim\.batch: a batch of 1 pair"):
        train(override(RECIPE, ["optim.batch=1"]), tiny_data(), tmp_path / "out", device="cpu")


@pytest.mark.parametrize(("same_video", "told"), [("mask", 1), ("negative", 0)])
def test_a_batch_of_one_video_by_chance_is_told_once(tmp_path: Path, same_video: str, told: int) -> None:
    notes: list[str] = []
    recipe = override(RECIPE, ["optim.steps=12", "optim.batch=2", f"optim.same_video={same_video}"])
    clips = TrainingData(tiny_clips(2, captions=4), None, WORDS)
    train(recipe, clips, tmp_path / "out", device="cpu", note=notes.append)
    assert len([text for text in notes if "all captions of this batch belong to one video" in text]) == told
