"""Training, thin: the same seed gives the same weights, the loss falls, the checkpoint remembers how it was made."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from deltaclip.encoder import Encoder, EncoderSpec
from deltaclip.model import load_checkpoint
from deltaclip.shapes import ShapesSpec
from deltaclip.training import ShapesRecipe, train_shapes
from deltaclip.training.shapes_data import Pool, batches, draw_pool

TINY = ShapesRecipe(steps=3, pool_groups=4, twin_groups=2, width=32, layers=1, heads=2, text_layers=1)


def quiet(phase: str, share: float, loss: float | None) -> None:
    """Progress that nobody watches."""


def drawn(recipe: ShapesRecipe, workers: int = 0) -> Pool:
    *_, pool = draw_pool(recipe, ShapesSpec(), workers)
    assert isinstance(pool, Pool)
    return pool


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_checkpoint(folder).model.state_dict()


def test_the_same_seed_gives_the_same_weights_to_the_bit(tmp_path: Path) -> None:
    for name in ("one", "two"):
        train_shapes(TINY, tmp_path / name, quiet, device="cpu", workers=0)
    one, two = weights(tmp_path / "one"), weights(tmp_path / "two")
    assert all(torch.equal(one[key], two[key]) for key in one)


def test_another_seed_gives_other_weights(tmp_path: Path) -> None:
    train_shapes(TINY, tmp_path / "one", quiet, device="cpu", workers=0)
    train_shapes(replace(TINY, seed=1), tmp_path / "two", quiet, device="cpu", workers=0)
    key = "visual_projection.weight"
    assert not torch.equal(weights(tmp_path / "one")[key], weights(tmp_path / "two")[key])


def test_the_pool_is_the_same_from_any_number_of_processes() -> None:
    assert np.array_equal(drawn(TINY, workers=0).frames, drawn(TINY, workers=2).frames)


def test_a_batch_holds_all_twins_of_its_groups_with_true_captions() -> None:
    batch = next(batches(drawn(TINY), TINY))
    assert batch.frames.shape == (6, 3, 4, 48, 48)
    assert len(batch.captions) == 6


def test_frames_and_alpha_are_turned_and_mirrored_together() -> None:
    pool = drawn(TINY)
    pool.frames[:, :, :, 3] = pool.frames[:, :, :, 0]  # alpha now equals red
    batch = next(batches(pool, TINY))
    assert np.array_equal(batch.frames[:, :, 3], batch.frames[:, :, 0])


def test_the_loss_falls(tmp_path: Path) -> None:
    losses: list[float] = []

    def watch(phase: str, share: float, loss: float | None) -> None:
        if loss is not None:
            losses.append(loss)

    train_shapes(replace(TINY, steps=30), tmp_path / "out", watch, device="cpu", workers=0)
    assert np.mean(losses[-5:]) < np.mean(losses[:5]) - 0.1


def test_the_checkpoint_is_an_encoder_and_tells_how_it_was_made(tmp_path: Path) -> None:
    train_shapes(replace(TINY, motion="inverted", seed=3), tmp_path / "out", quiet, device="cpu", workers=0)
    encoder = Encoder.load(tmp_path / "out", EncoderSpec(device="cpu"))
    assert encoder.alpha_acts
    assert encoder.reader_spec.motion == "inverted"
    assert encoder.record.training is not None
    assert encoder.record.training["seed"] == 3
    assert encoder.record.training["commit"]
    assert encoder.encode_texts(["the red circle moves"]).shape == (1, 32)


@pytest.mark.parametrize("wrong", [{"steps": 0}, {"num_frames": 7}, {"pool_groups": 0}])
def test_an_impossible_recipe_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        replace(TINY, **wrong)  # type: ignore[arg-type]
