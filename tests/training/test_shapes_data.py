"""Drawn clips as training data: the same from any number of processes, kept for further runs, seen as in searching."""

from pathlib import Path

import numpy as np
import pytest

from deltaclip.channels import ALPHA
from deltaclip.motion import MotionSpec
from deltaclip.reader import ReaderSpec, read_video
from deltaclip.shapes import write_world
from deltaclip.training import RECIPES, MemoryClips, Recipe, draw_shapes, override
from deltaclip.training.shapes_data import DrawnClips, drawn_file

TINY = override(RECIPES["shapes"], ["world.groups=3", "world.validation_groups=2"])


def drawn(recipe: Recipe, workers: int = 0, cache: Path | None = None) -> tuple[DrawnClips, DrawnClips]:
    data = draw_shapes(recipe, workers=workers, cache=cache)
    assert isinstance(data.train, DrawnClips)
    assert isinstance(data.validation, DrawnClips)
    return data.train, data.validation


def same(one: MemoryClips, other: MemoryClips) -> bool:
    return np.array_equal(one.rgb, other.rgb) and np.array_equal(one.alpha, other.alpha)


def test_they_are_the_same_from_any_number_of_processes() -> None:
    assert same(drawn(TINY)[0], drawn(TINY, workers=1)[0])


def test_twins_stand_together_and_validation_has_other_groups() -> None:
    train, validation = drawn(TINY)
    assert (train.unit, len(train.owner), len(validation.owner)) == (3, 9, 6)
    groups = [[clip.group for clip in clips.clips] for clips in (train, validation)]
    assert groups == [[0, 0, 0, 1, 1, 1, 2, 2, 2], [3, 3, 3, 4, 4, 4]]


def test_drawn_clips_are_kept_for_further_runs_of_that_world_and_mask(tmp_path: Path) -> None:
    first, _ = drawn(TINY, cache=tmp_path)
    other = override(TINY, ["data.motion=full"])
    drawn(other, cache=tmp_path)
    assert len(list(tmp_path.iterdir())) == 2
    seen: list[float] = []
    again = draw_shapes(override(TINY, ["seed=5"]), seen.append, workers=0, cache=tmp_path)
    assert isinstance(again.train, DrawnClips)
    assert same(first, again.train)
    assert not seen


def test_cameras_take_turns() -> None:
    train, _ = drawn(override(TINY, ["world.cameras=still,pan"]))
    assert [clip.spec.camera for clip in train.clips[::3]] == ["still", "pan", "still"]


def test_a_share_of_the_groups_tells_directions_and_their_clips_say_so() -> None:
    train, _ = drawn(override(TINY, ["world.directions=0.5", "world.groups=12"]))
    directed = [train.pictures(number, 2, np.random.default_rng(0)).directed for number in range(36)]
    told = [any(word in caption.split() for word in ("left", "right", "up", "down")) for caption in train.captions]
    assert directed == told
    assert 0 < sum(told[::3]) < 12


def test_captions_vary_with_a_generator_and_are_true_to_their_clip() -> None:
    train, _ = drawn(TINY)
    assert train.caption(0, None) == train.clips[0].caption
    said = {train.caption(0, np.random.default_rng(seed)) for seed in range(10)}
    assert len(said) > 1


def test_the_first_epochs_tell_the_mover_alone_and_draw_no_other_clips(tmp_path: Path) -> None:
    beginning, _ = drawn(override(TINY, ["world.mover_epochs=2"]), cache=tmp_path)
    never, _ = drawn(override(TINY, ["world.mover_epochs=0"]), cache=tmp_path)
    assert len(list(tmp_path.iterdir())) == 1

    def stayers_told(clips: DrawnClips, epoch: int) -> int:
        return sum("while" in clips.caption(0, np.random.default_rng(seed), epoch) for seed in range(20))

    assert [stayers_told(beginning, epoch) for epoch in (0, 1)] == [0, 0]
    assert stayers_told(beginning, 2) == stayers_told(never, 0) > 0
    assert beginning.caption(0, None, 0) == never.caption(0, None, 0)
    # An epoch is one step here.
    short, _ = drawn(override(TINY, ["world.mover_epochs=2", "optim.steps=19"]), cache=tmp_path)
    assert (stayers_told(short, 0), stayers_told(short, 1)) == (0, stayers_told(never, 1))


@pytest.mark.parametrize("motion", ["difference", "subject"])
def test_masks_are_near_those_of_the_same_clip_read_from_a_file(motion: str, tmp_path: Path) -> None:
    recipe = override(TINY, [f"data.motion={motion}", "world.groups=1", "world.validation_groups=0"])
    train = draw_shapes(recipe, workers=0).train
    assert isinstance(train, DrawnClips)
    [path] = write_world(tmp_path, [train.clips[0]])
    read = read_video(path, ReaderSpec(48, 6, MotionSpec.parse(motion)))
    ours, theirs = train.alpha[0].mean((1, 2)) / 255, read.frames[:, ALPHA].mean((1, 2)) / 255
    # Other moments of the same spans, and a lossy file: alike in how much of the picture most frames hold.
    assert abs(np.median(ours) - np.median(theirs)) < 0.03
    assert 0.005 < np.median(ours) < 0.3


def test_drawn_clips_know_how_their_movers_move(tmp_path: Path) -> None:
    recipe = override(TINY, ["data.motion=subject+flow", "world.groups=1", "world.validation_groups=0"])
    for _ in range(2):  # drawn, and from the file that keeps them
        train = draw_shapes(recipe, workers=0, cache=tmp_path).train
        assert isinstance(train, DrawnClips)
        pictures = train.pictures(0, 3, None)
        assert pictures.velocity is not None
        assert pictures.velocity.shape == (*pictures.alpha.shape, 2)
        assert np.abs(pictures.velocity).max() > 0.05


def test_pairs_of_directions_are_never_turned_and_their_movers_go_opposite_ways() -> None:
    pairs = ["world.twins=direction", "world.directions=0", "data.motion=subject+flow"]
    train, validation = drawn(override(TINY, pairs))
    assert (train.unit, len(train.clips), len(validation.clips)) == (2, 6, 4)
    assert all(train.pictures(number, 2, np.random.default_rng(0)).directed for number in range(6))
    for number in (0, 2, 4):
        ways = [train.pictures(each, 6, None).velocity for each in (number, number + 1)]
        one, other = (way.sum((0, 1, 2)) for way in ways if way is not None)
        axis = int(np.argmax(np.abs(one)))
        assert one[axis] * other[axis] < 0
        assert abs(one[axis] + other[axis]) < 0.4 * abs(one[axis])


def test_pairs_of_orders_may_be_turned_and_bring_words_of_their_own() -> None:
    recipe = override(TINY, ["world.twins=order", "world.directions=0"])
    data = draw_shapes(recipe, workers=0)
    assert isinstance(data.train, DrawnClips)
    assert not any(data.train.pictures(number, 2, np.random.default_rng(0)).directed for number in range(6))
    assert {"first", "then"} <= set(data.words)
    assert "first" not in draw_shapes(TINY, workers=0).words


def test_twins_of_mover_keep_the_name_of_their_file_and_their_facts() -> None:
    # Runs and drawn clips from before there were other twins continue.
    assert drawn_file(RECIPES["shapes"], Path()).name == "shapes-c8ed9500d1e0bd95.npz"
    assert "twins" not in RECIPES["shapes"].facts()["world"]
    ordered = override(RECIPES["shapes"], ["world.twins=order", "world.directions=0"])
    assert ordered.facts()["world"]["twins"] == "order"


def test_twins_of_other_kinds_are_refused_beside_directions() -> None:
    with pytest.raises(ValueError, match=r"world\.directions is for world\.twins=mover: set it to 0 for order"):
        override(RECIPES["shapes"], ["world.twins=order"])
