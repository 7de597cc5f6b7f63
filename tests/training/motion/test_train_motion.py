"""A motion encoder from nothing: small, but the whole way."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from deltaclip.encoder import MotionEncoder, MotionSizes
from deltaclip.motion_words import CONCEPTS
from deltaclip.training.motion import MotionRecipe, train_motion
from deltaclip.training.motion.drawn import draw_parts
from deltaclip.training.motion.learning import MotionStep, learn

SMALL = MotionRecipe(
    scenes=24, steps=6, batch=16, text_steps=6, text_batch=16, sizes=MotionSizes(16, layers=1, text_layers=1, heads=2)
)


def silent(done: int, total: int) -> None:
    """Nobody looks."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With 24 scenes drawn."""
    made = tmp_path_factory.mktemp("drawn")
    draw_parts(made, 0, SMALL.scenes, 2, silent)
    return made


def test_drawing_depends_on_the_seed_and_not_on_the_number_of_processes(folder: Path, tmp_path: Path) -> None:
    kept, again = draw_parts(folder, 0, 24, 1, silent), draw_parts(tmp_path, 0, 24, 1, silent)
    other = draw_parts(tmp_path, 1, 24, 1, silent)
    np.testing.assert_array_equal(kept.truths, again.truths)
    for one, two in zip(kept.tracks, again.tracks, strict=True):
        np.testing.assert_array_equal(one[0].maps, two[0].maps)
    assert not np.array_equal(kept.truths, other.truths)
    assert kept.truths.shape == (24, 4, len(CONCEPTS))


def test_what_is_drawn_is_kept(folder: Path) -> None:
    before = {file: file.stat().st_mtime_ns for file in folder.iterdir()}
    draw_parts(folder, 0, SMALL.scenes, 2, silent)
    assert {file: file.stat().st_mtime_ns for file in folder.iterdir()} == before


def test_the_same_recipe_makes_the_same_network(folder: Path) -> None:
    drawn = draw_parts(folder, 0, SMALL.scenes, 1, silent)
    one, two, other = (
        learn(recipe, drawn, lambda step: None).state_dict() for recipe in (SMALL, SMALL, replace(SMALL, seed=1))
    )
    assert all(bool((one[name] == two[name]).all()) for name in one)
    assert not all(bool((one[name] == other[name]).all()) for name in one)


def test_the_loss_falls_and_what_was_learnt_is_measured_at_the_end(folder: Path) -> None:
    drawn = draw_parts(folder, 0, SMALL.scenes, 1, silent)
    told: list[MotionStep] = []
    learn(replace(SMALL, steps=40, text_steps=40), drawn, told.append)
    losses = [step.loss for step in told]
    assert np.mean(losses[30:40]) < np.mean(losses[:5])
    assert np.mean(losses[70:80]) < np.mean(losses[40:45])
    assert [step.step for step in told] == list(range(1, 81))
    assert told[-1].held is not None


def test_each_network_of_tracks_learns_from_its_own_beginning(folder: Path) -> None:
    drawn = draw_parts(folder, 0, SMALL.scenes, 1, silent)
    recipe = replace(SMALL, steps=40, text_steps=1, sizes=replace(SMALL.sizes, track_networks=2))
    told: list[MotionStep] = []
    learnt = learn(recipe, drawn, told.append)
    assert [step.step for step in told] == list(range(1, recipe.all_steps + 1))
    assert recipe.all_steps == 81
    losses = [step.loss for step in told]
    for begin in (0, 40):
        assert np.mean(losses[begin + 30 : begin + 40]) < np.mean(losses[begin : begin + 5])
    one, other = (network.state_dict()["frame_in.weight"] for network in learnt.tracks)
    assert not torch.equal(one, other)


def test_the_whole_way_ends_in_a_folder_that_loads(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "drawn").symlink_to(folder)
    outcome = train_motion(tmp_path / "mine", SMALL, jobs=1, drawing=silent, learning=lambda step: None)
    assert (outcome.scenes, outcome.steps) == (24, 12)
    assert 0 <= outcome.held_out <= 1
    loaded = MotionEncoder.load(outcome.out)
    assert loaded.dimension == SMALL.sizes.dimension
    assert loaded.record["made"]["recipe"]["scenes"] == 24
