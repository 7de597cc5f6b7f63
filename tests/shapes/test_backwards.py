"""Twins that are one clip played forwards and backwards: no picture tells them apart, and captions say what does."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from deltaclip.channels import ALPHA
from deltaclip.reader import ReaderSpec, read_video
from deltaclip.shapes import VOCABULARY, ShapesSpec, Twins, make_twins, make_world, vocabulary, write_world
from deltaclip.shapes.spec import Camera
from deltaclip.shapes.world import ShapesClip

DIRECTION, ORDER = (ShapesSpec.of_twins(twins, "still") for twins in ("direction", "order"))
BACKWARDS: tuple[Twins, ...] = ("direction", "order")


def centre(clip: ShapesClip, frame: int) -> Any:
    """y and x of what moves at a native frame."""
    return np.argwhere(clip.true_motion([frame])[0]).mean(0)


@pytest.mark.parametrize("camera", ["still", "pan", "shake"])
@pytest.mark.parametrize("twins", BACKWARDS)
def test_a_pair_shows_the_same_pictures_in_the_opposite_order(twins: Twins, camera: Camera) -> None:
    spec = ShapesSpec(num_frames=49, camera=camera, twins=twins, noise=3.0, flicker=0.1)
    one, other = make_twins(3, spec)
    numbers = np.array([0, 4, 12, 24, 31, 48])
    assert np.array_equal(one.frames(numbers), other.frames(48 - numbers))
    assert np.array_equal(one.true_motion(numbers), other.true_motion(48 - numbers))
    assert not np.array_equal(one.frames([4]), other.frames([4]))


@pytest.mark.parametrize("num_frames", [2, 6, 12])
@pytest.mark.parametrize("twins", BACKWARDS)
def test_a_pair_read_from_files_shows_the_same_pictures(twins: Twins, num_frames: int, tmp_path: Path) -> None:
    paths = write_world(tmp_path, list(make_twins(3, ShapesSpec.of_twins(twins, "pan"))))
    one, other = (read_video(path, ReaderSpec(96, num_frames, None)).frames[:, :ALPHA].astype(int) for path in paths)
    assert np.abs(one - other[::-1]).mean() < 2  # compressed; with one frame more or less the mover's edges differ
    assert np.abs(one - other[::-1]).max(1).max() < 90
    assert np.abs(one - other).max() > 120


@pytest.mark.parametrize("group", range(6))
def test_captions_of_a_pair_name_opposite_directions_each_the_one_that_is_taken(group: int) -> None:
    pair = make_twins(1, DIRECTION, group)
    said = [clip.caption.split(" moves ")[1].split()[0] for clip in pair]
    assert set(said) in ({"left", "right"}, {"up", "down"})
    for clip, way in zip(pair, said, strict=True):
        down, right = centre(clip, 48) - centre(clip, 0)
        assert (
            way == max((("down", down), ("up", -down), ("right", right), ("left", -right)), key=lambda each: each[1])[0]
        )
    without = {clip.caption.replace(f"moves {way}", "moves") for clip, way in zip(pair, said, strict=True)}
    assert len(without) == 1


@pytest.mark.parametrize("group", range(6))
def test_captions_of_an_order_name_first_what_moves_first(group: int) -> None:
    pair = make_twins(1, ORDER, group)
    for clip in pair:
        [shot] = clip.shots
        names = [str(shot.things[number]) for number in shot.movers]
        assert clip.caption.startswith(f"first the {names[0]} moves, then the {names[1]}, while the ")
        for number, frames in zip(shot.movers, ((4, 20), (28, 44)), strict=True):
            for frame in frames:
                place = shot.place(number, int(shot.forwards(np.array([frame]))[0]))
                assert centre(clip, frame)[::-1] == pytest.approx(place * 96 / 224 - 0.5, abs=1)
    assert pair[0].shots[0].movers == pair[1].shots[0].movers[::-1]


def test_of_two_that_move_in_turn_one_moves_at_a_time() -> None:
    one = make_twins(1, ORDER)[0]
    [shot] = one.shots
    first, second = (np.array([shot.place(number, frame) for frame in range(49)]) for number in shot.movers)
    assert (np.ptp(first[:25], axis=0).sum(), np.ptp(second[24:], axis=0).sum()) > (10, 10)
    assert np.ptp(first[24:], axis=0).sum() == np.ptp(second[:25], axis=0).sum() == 0


def test_every_wording_of_an_order_is_true_and_in_known_words() -> None:
    rng = np.random.default_rng(0)
    other_names = {"violet": "purple", "turquoise": "cyan"}
    said: set[str] = set()
    for clip in make_world(2, 40, ORDER):
        [shot] = clip.shots
        colours = [shot.things[number].colour for number in shot.movers]
        if len({thing.colour for thing in shot.things}) < 3:
            continue
        for say in (clip.varied_caption, clip.mover_caption):
            words = [other_names.get(word, word) for word in say(rng).replace(",", "").split()]
            found = [word for word in words if word in colours]
            assert found == (colours[::-1] if "after" in words else colours)
            said |= set(words)
    assert said <= set(vocabulary("order"))
    assert {"first", "then", "before", "after"} <= said


def test_words_of_an_order_are_known_to_its_twins_only() -> None:
    assert vocabulary("mover") == vocabulary("direction") == VOCABULARY
    assert set(vocabulary("order")) - set(VOCABULARY) == {"first", "then", "before", "after"}


def test_two_objects_in_order_leave_none_that_stays() -> None:
    caption = make_twins(1, ShapesSpec(num_frames=49, num_objects=2, twins="order"))[0].caption
    assert caption.startswith("first the ")
    assert "while" not in caption


def test_a_world_of_pairs_has_two_clips_a_group() -> None:
    clips = make_world(2, 40, ORDER)
    assert [clip.group for clip in clips[::2]] == [clip.group for clip in clips[1::2]]
    assert len({clip.caption for clip in clips}) == 40


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"num_frames": 48}, "num_frames 48: .* odd"),
        ({"cuts": 1}, "one scene without cuts"),
        ({"scenes": 2}, "one scene without cuts"),
        ({"directions": True}, "directions is for twins of mover"),
    ],
)
def test_pairs_that_could_not_be_played_backwards_are_refused(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        ShapesSpec(**{"num_frames": 49, "twins": "order", **wrong})


def test_twins_of_mover_are_drawn_as_before_there_were_others() -> None:
    one, other = (make_twins(0, ShapesSpec(directions=directions))[0] for directions in (False, True))
    assert one.caption == "the yellow ring moves while the red ring and the green triangle stay"
    assert other.caption == "the yellow ring moves down while the red ring and the green triangle stay"
    for clip, start, seed in ((one, (185.38863, 130.96002), 87989972), (other, (142.33731, 138.17054), 1073683463)):
        assert clip.shots[0].paths[0].start == pytest.approx(start, abs=1e-5)
        assert clip.shots[0].seed == seed
