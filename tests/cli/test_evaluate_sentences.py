"""`deltaclip evaluate actions` and `evaluate moments`: contracts, exit codes and refusals."""

import json
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from deltaclip import encoder as encoders
from deltaclip.cli import evaluate_sentences
from tests.cli.calls import Call
from tests.evaluation.toy_motion import ToyMotion
from tests.helpers import small_checkpoint, write_actions, write_square


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A set of actions, a table of moments, and a CLIP."""
    folder = tmp_path_factory.mktemp("home")
    actions = write_actions(folder / "sets" / "drawn")
    (actions / "classes.json").write_text(
        '{"swipe_left": ["it goes left"], "swipe_right": ["it goes right"], "stay": ["all is still"]}'
    )
    write_actions(folder / "sets" / "other", folds=None)
    small_checkpoint(folder / "encoder", motion="full", num_frames=2)
    (folder / "films").mkdir()
    write_square(folder / "films" / "a.mp4")
    (folder / "films" / "moments.csv").write_text("path,sentence,start,end\na.mp4,it goes right,0,2\n")
    return folder


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the command loads it, not where it is told from others: those rooms have the real one by now."""
    for room in ("sentence_encoders", "ranked_moments"):
        import_module(f"deltaclip.evaluation.{room}")
    monkeypatch.setattr(encoders, "MotionEncoder", ToyMotion)


def evaluate(deltaclip: Call, kind: str, folder: Path, *words: object) -> Any:
    return deltaclip("evaluate", kind, "--data", folder, *words)


@pytest.mark.usefixtures("toy")
def test_actions_as_json_has_both_directions_classes_and_intervals(home: Path, deltaclip: Call) -> None:
    words = ("--encoder", "motion", "--folds", "1", "--json")
    code, found, _ = evaluate(deltaclip, "actions", home / "sets" / "drawn", *words)
    assert code == 0
    assert {"t2v", "v2t", "by_class", "confusion", "motion_to_motion", "intervals", "not_understood"} <= set(found)
    assert found["by_class"]["swipe_left"] == {"right": 2, "n": 2}
    assert (found["folds"], found["encoder"], found["v2t"]["queries"]) == ([1], "toy", 6)


@pytest.mark.usefixtures("toy")
def test_actions_for_people_has_a_line_for_each_class(home: Path, deltaclip: Call) -> None:
    code, text, _ = evaluate(deltaclip, "actions", home / "sets" / "drawn", "--encoder", "motion")
    assert code == 0
    assert "swipe_left    4 of   4" in text
    assert "V2T R@1" in text


def test_actions_take_a_clip_by_its_appearance(home: Path, deltaclip: Call) -> None:
    words = ("--encoder", home / "encoder", "--json")
    code, found, err = evaluate(deltaclip, "actions", home / "sets" / "drawn", *words)
    assert (code, found["encoder"], found["not_understood"]) == (0, str(home / "encoder"), {})
    assert "by appearance" in err


@pytest.mark.usefixtures("toy")
def test_several_sets_are_refused_with_their_names(home: Path, deltaclip: Call) -> None:
    code, found, _ = evaluate(deltaclip, "actions", home / "sets", "--encoder", "motion", "--json")
    assert code == 1
    assert found["error"]["found"] == "2 sets below it (drawn, other)"


@pytest.mark.usefixtures("toy")
def test_moments_by_motion_need_no_other_encoder(home: Path, deltaclip: Call) -> None:
    code, found, _ = evaluate(deltaclip, "moments", home / "films", "--by", "motion", "--json")
    assert (code, found["by"], found["R1"]) == (0, "motion", {"IoU0.3": 100.0, "IoU0.5": 100.0, "IoU0.7": 100.0})


@pytest.mark.usefixtures("toy")
def test_moments_of_a_data_set_are_looked_for(home: Path, tmp_path: Path, deltaclip: Call) -> None:
    (tmp_path / "charades_sta_test.txt").write_text("a 0.0 2.4##it goes right\n")
    of_set = ("evaluate", "charades-sta", "--annotations", tmp_path, "--videos", home / "films")
    code, found, _ = deltaclip(*of_set, "--moments", "--by", "motion", "--json")
    assert (code, found["set"]) == (0, "charades-sta, split test")
    assert found["R1"] == {"IoU0.3": 100.0, "IoU0.5": 100.0, "IoU0.7": 100.0}
    for words, said in (
        (("--moments", "--by", "motion", "--ranks", "x"), "--ranks cannot be used with charades-sta --moments"),
        (("--by", "motion", "--encoder", "shapes"), "--by cannot be used with charades-sta"),
    ):
        code, _, err = deltaclip(*of_set, *words)
        assert code == 2
        assert said in " ".join(err.replace("│", " ").split())


@pytest.mark.usefixtures("toy")
def test_videos_are_shown_backwards_too(home: Path, tmp_path: Path, deltaclip: Call) -> None:
    (tmp_path / "captions.csv").write_text("path,caption\na.mp4,it moves to the right\na.mp4,it is red\n")
    of_set = ("evaluate", "folder", "--annotations", tmp_path / "captions.csv", "--videos", home / "films")
    code, found, _ = deltaclip(*of_set, "--reversed", "--encoder", "motion", "--json")
    assert (code, found["v2t"]["right"], found["t2v"]["right"], found["sentences"]) == (0, 100.0, 100.0, 1)
    code, text, _ = deltaclip(*of_set, "--reversed", "--encoder", home / "encoder")
    assert (code, "chance is 50" in text) == (0, True)
    for words, said in (
        (("--reversed", "--encoder", "motion", "--post", "dsl"), "--post cannot be used with folder --reversed"),
        (("--reversed",), "give one encoder"),
        (("--opposites", "x.toml", "--encoder", "shapes"), "--opposites cannot be used with folder"),
    ):
        code, _, err = deltaclip(*of_set, *words)
        assert code == 2
        assert said in " ".join(err.replace("│", " ").split())


@pytest.mark.usefixtures("toy")
def test_rtime_is_asked_with_its_own_opposites(home: Path, tmp_path: Path, deltaclip: Call) -> None:
    said = {
        "reverse": True,
        "forward_captions": ["it moves to the right"],
        "reverse_captions": ["it moves to the left"],
    }
    (tmp_path / "test.json").write_text(json.dumps({"a": said}))
    of_set = ("evaluate", "rtime", "--annotations", tmp_path, "--videos", home / "films", "--encoder", "motion")
    code, found, _ = deltaclip(*of_set, "--reversed", "--json")
    assert (code, found["opposites"], found["v2t"]["right"], found["t2v"]["right"]) == (0, "data set", 100.0, 100.0)
    (tmp_path / "own.toml").write_text('pairs = [["left", "right"]]\n')
    code, _, err = deltaclip(*of_set, "--reversed", "--opposites", tmp_path / "own.toml")
    assert code == 2
    assert "rtime has its own opposites" in err


@pytest.mark.usefixtures("toy")
def test_moments_by_both_name_both_encoders(home: Path, deltaclip: Call) -> None:
    words = ("--encoder", home / "encoder", "--moment-seconds", "1", "--json")
    code, found, _ = evaluate(deltaclip, "moments", home / "films", *words)
    assert (code, found["by"], found["moments"], found["moment_seconds"]) == (0, "both", 2, 1.0)
    assert (found["appearance"]["encoder"], found["motion"]["encoder"]) == (str(home / "encoder"), "toy")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("actions",), "give one encoder"),
        (("actions", "--encoder", "motion", "--encoder", "shapes"), "give one encoder"),
        (("actions", "--encoder", "motion", "--folds", "1,x"), "not a list of folds"),
        (("actions", "--encoder", "motion", "--folds", "1,1"), "not a list of folds"),
        (("actions", "--encoder", "motion", "--by", "motion"), "--by cannot be used with actions"),
        (("actions", "--encoder", "motion", "--seed", "1"), "--seed cannot be used with actions"),
        (
            ("actions", "--encoder", "motion", "--num-frames", "8"),
            "--num-frames cannot be used with the encoder motion",
        ),
        (("moments", "--folds", "1"), "--folds cannot be used with moments"),
        (("moments", "--ranks", "a"), "--ranks cannot be used with moments"),
        (("moments",), "--by both needs an encoder of appearance"),
        (("moments", "--by", "motion", "--encoder", "shapes"), "shapes would not be used with --by motion"),
        (("moments", "--by", "appearance", "--encoder", "motion"), "--by appearance needs an encoder of appearance"),
    ],
)
def test_what_would_be_ignored_is_refused(home: Path, deltaclip: Call, words: tuple[str, ...], said: str) -> None:
    code, _, err = evaluate(deltaclip, words[0], home / "films", *words[1:])
    assert code == 2
    assert said in " ".join(err.replace("│", " ").split())


@pytest.mark.parametrize("kind", evaluate_sentences.SENTENCE_SETS)
@pytest.mark.parametrize(
    ("folder", "said"),
    [("", "an empty path"), ("a\0b", "NUL"), ("x" * 300, "too long"), ("a\ud800", "half a character")],
)
def test_a_folder_that_cannot_be_is_wrong_usage(deltaclip: Call, kind: str, folder: str, said: str) -> None:
    code, _, err = deltaclip("evaluate", kind, "--data", folder, "--encoder", "motion")
    assert code == 2
    assert said in " ".join(err.replace("│", " ").split())


@pytest.mark.parametrize("kind", evaluate_sentences.SENTENCE_SETS)
def test_the_folder_is_required(deltaclip: Call, kind: str) -> None:
    code, _, err = deltaclip("evaluate", kind, "--encoder", "motion")
    assert code == 2
    assert "--data DIR" in err
