"""Clips shown backwards: opposites of sentences, and squares that go right or, backwards, left."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from deltaclip.captions import Caption, Split, VideoFiles
from deltaclip.encoder import Encoder, EncoderSpec
from deltaclip.errors import CaptionError, VideoError
from deltaclip.evaluation import Material, Opposites, by_appearance, by_motion, evaluate_reversed, material_of_split
from deltaclip.motion import MotionSpec
from deltaclip.reader import ReaderSpec, read_both_ways, read_video
from deltaclip.video import write_mp4
from tests.evaluation.toy_motion import ToyMotion
from tests.helpers import moving_square, small_checkpoint


@pytest.mark.parametrize(
    ("sentence", "opposite"),
    [
        ("A car moves from left to right.", "A car moves from right to left."),
        ("he goes upstairs and opens the door", "he goes downstairs and closes the door"),
        ("Walking up the hill", "Walking down the hill"),
        ("the camera zooms in", "the camera zooms out"),
        ("he gets into the boat", "he gets out of the boat"),
        ("Opening a box", "Closing a box"),
        ("the man on the left sits", None),
        ("he left the room with his right hand up", None),
        ("it moves to the left of the tree", None),
        ("a dog runs around", None),
        ("he jumps up and down", None),
        ("she walks down the street holding up signs", None),
        ("a boy gets out of the car", "a boy gets into the car"),
        ("a closed box", None),
    ],
)
def test_a_sentence_has_the_opposite_that_people_would_say(sentence: str, opposite: str | None) -> None:
    assert Opposites.load().of(sentence) == opposite


def test_only_phrases_with_two_opposites_do_not_hold_both_ways() -> None:
    pairs = Opposites.load().pairs
    one_way = {phrase for phrase, other in pairs.items() if pairs[other] != phrase}
    assert one_way == {"anticlockwise", "toward", "approaches", "approaching"}


@pytest.fixture
def material(tmp_path: Path) -> Material:
    square = moving_square(24)
    for name, frames in (("right", square), ("left", square[::-1])):
        write_mp4(tmp_path / f"{name}.mp4", frames, 12)
    texts = ("it moves to the right", "it is red", "it moves to the left")
    paths = tuple(tmp_path / f"{name}.mp4" for name in ("right", "left"))
    return Material("d", "test", ("right", "left"), paths, texts, np.array([0, 0, 1]))


def test_an_encoder_of_motion_knows_both_showings(material: Material) -> None:
    told: list[tuple[int, int]] = []
    found = evaluate_reversed(
        by_motion(ToyMotion()), material, Opposites.load(), progress=lambda done, total: told.append((done, total))
    )
    document = found.to_json()
    assert {name: document[name]["right"] for name in ("v2t", "t2v", "v2t_forwards", "t2v_opposite")} == {
        "v2t": 100.0,
        "t2v": 100.0,
        "v2t_forwards": 100.0,
        "t2v_opposite": 100.0,
    }
    assert (document["sentences"], document["without_opposite"], document["not_understood"]) == (2, 1, 0)
    assert document["rows"][0]["opposite"] == "it moves to the left"
    assert told == [(1, 2), (2, 2)]
    assert found.lines()[0].startswith("v2t            100.0")


def test_opposites_of_the_data_set_are_asked_in_place_of_the_list(material: Material, tmp_path: Path) -> None:
    own = replace(material, opposites=("it moves to the left", None, None))
    found = evaluate_reversed(by_motion(ToyMotion()), own)
    assert found.sentences == (("right", "it moves to the right", "it moves to the left"),)
    assert (found.without, found.to_json()["opposites"], found.share("v2t")) == (2, "data set", 100.0)
    assert "1 sentence of d, split test, the data set's own opposites; chance is 50" in found.lines()[6]
    with pytest.raises(ValueError, match="d has its own opposites"):
        evaluate_reversed(by_motion(ToyMotion()), own, Opposites.load())


def test_opposites_go_with_the_texts_of_videos_that_are_left_out(material: Material) -> None:
    own = replace(material, opposites=("to the left", None, "to the right"))
    assert own.without(["right"]).opposites == ("to the right",)


def test_a_split_with_opposites_hands_them_on(tmp_path: Path) -> None:
    captions = (Caption("up", "a", opposite="down"), Caption("red", "b"), Caption("in", "c", opposite="out"))
    files = VideoFiles({"a": tmp_path / "a.mp4", "b": tmp_path / "b.mp4"}, ("c",))
    made = material_of_split("rtime", "test", Split(("a", "b", "c"), captions), files, allow_missing=True)
    assert made.opposites == ("down", None)
    plain = Split(("a",), (Caption("up", "a"),))
    assert material_of_split("d", "test", plain, files).opposites is None


def test_a_mean_of_frames_cannot_be_right_of_both_showings(material: Material, tmp_path: Path) -> None:
    folder = small_checkpoint(tmp_path / "small", motion="full", num_frames=6)
    encoder = Encoder.load(folder, EncoderSpec(device="cpu", precision="float32"))
    found = evaluate_reversed(by_appearance(encoder), material, Opposites.load())
    assert not (found.right["v2t_forwards"] & found.right["v2t_backwards"]).any()
    # rounding does not choose between two showings of one vector
    assert (found.share("t2v_sentence"), found.share("t2v_opposite")) == (0.0, 0.0)


def test_what_is_not_understood_counts_as_wrong(material: Material, tmp_path: Path) -> None:
    file = tmp_path / "own.toml"
    file.write_text('pairs = [["red", "blue"]]\n')
    found = evaluate_reversed(by_motion(ToyMotion()), material, Opposites.load(file))
    assert (found.not_understood, found.share("v2t"), found.sentences[0][2]) == (1, 0.0, "it is blue")


@pytest.mark.parametrize("content", ["pairs = 3", 'pairs = [["a"]]', "pairs = []", "pairs = [", 'pairs = [["a", 3]]'])
def test_a_file_of_another_form_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "own.toml").write_text(content)
    with pytest.raises(CaptionError, match=r"own\.toml"):
        Opposites.load(tmp_path / "own.toml")


def test_nothing_to_ask_and_broken_videos_are_refused(material: Material, tmp_path: Path) -> None:
    file = tmp_path / "own.toml"
    file.write_text('pairs = [["green", "blue"]]\n')
    with pytest.raises(CaptionError, match="no sentence of it has an opposite"):
        evaluate_reversed(by_motion(ToyMotion()), material, Opposites.load(file))
    material.paths[0].write_bytes(b"no video")
    with pytest.raises(VideoError, match="1 video cannot be read: right"):
        evaluate_reversed(by_motion(ToyMotion()), material, Opposites.load())
    kept = evaluate_reversed(by_motion(ToyMotion()), material, Opposites.load(), allow_missing=True)
    assert ([name for name, _, _ in kept.sentences], list(kept.broken)) == (["left"], ["right"])


def test_the_second_showing_is_the_first_from_its_end(material: Material) -> None:
    spec = ReaderSpec(image_size=32, motion=MotionSpec.parse("subject+flow"), num_frames=4)
    path = material.paths[0]
    ahead, back = read_both_ways(path, spec)
    assert (ahead.frames == read_video(path, spec).frames).all()
    assert (back.frames[:, :3] == ahead.frames[::-1, :3]).all()
    moving = np.abs(ahead.frames[:, 4].astype(int) - 128) > 20
    to_right, to_left = (clip.frames[:, 4].astype(int) - 128 for clip in (ahead, back))
    assert moving.any()
    assert np.sign(np.median(to_right[moving])) == -np.sign(np.median(to_left[::-1][moving]))
