"""Evaluating labelled actions from files: what is read, chosen and refused."""

from pathlib import Path

import numpy as np
import pytest

from deltaclip.captions import load_actions
from deltaclip.encoder import Encoder
from deltaclip.errors import CaptionError, VideoError
from deltaclip.evaluation import by_appearance, by_motion, evaluate_actions
from tests.evaluation.toy_motion import ToyMotion
from tests.helpers import write_actions

WORDS = {"swipe_left": "a square goes left", "swipe_right": "a square goes right", "stay": "all is still"}


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Squares that go left, right, or stay, in two folds, asked with plain words."""
    folder = write_actions(tmp_path_factory.mktemp("set") / "drawn")
    lines = ", ".join(f'"{label}": ["{text}", "nobody knows"]' for label, text in WORDS.items())
    (folder / "classes.json").write_text("{" + lines + "}")
    return folder


def test_a_motion_encoder_reads_tracks_and_lists_what_it_does_not_understand(drawn: Path) -> None:
    seen: list[tuple[int, int]] = []
    found = evaluate_actions(by_motion(ToyMotion()), load_actions(drawn), progress=lambda *told: seen.append(told))
    document = found.to_json()
    assert {label: row["right"] for label, row in document["by_class"].items() if label != "stay"} == {
        "swipe_left": 4,
        "swipe_right": 4,
    }
    assert document["not_understood"] == {label: ["nobody knows"] for label in WORDS}
    assert (document["encoder"], document["fingerprint"], document["set"]) == ("toy", "0123456789abcdef", "drawn")
    assert seen[-1] == (12, 12)


def test_only_the_clips_of_the_chosen_folds_are_read(drawn: Path) -> None:
    document = evaluate_actions(by_motion(ToyMotion()), load_actions(drawn), [1]).to_json()
    assert (document["folds"], document["v2t"]["queries"], list(document["by_fold"])) == ([1], 6, ["1"])


def test_a_set_without_folds_is_one_gallery(tmp_path: Path) -> None:
    actions = load_actions(write_actions(tmp_path / "set", folds=None))
    document = evaluate_actions(by_motion(ToyMotion()), actions).to_json()
    assert (document["by_fold"], document["folds"]) == ({}, [])
    with pytest.raises(CaptionError, match="no fold 0"):
        evaluate_actions(by_motion(ToyMotion()), actions, [0])


def test_an_appearance_encoder_understands_every_wording(drawn: Path) -> None:
    encoder = Encoder.load("shapes", device="cpu", num_frames=2, motion="full")
    document = evaluate_actions(by_appearance(encoder), load_actions(drawn), [0]).to_json()
    assert document["not_understood"] == {}
    assert (document["num_frames"], document["fingerprint"]) == (2, encoder.fingerprint)
    assert np.isfinite(document["t2v"]["mAP"])


def test_clips_that_cannot_be_read_are_all_named(tmp_path: Path) -> None:
    folder = write_actions(tmp_path / "set")
    for name in ("stay_0_0.mp4", "stay_1_1.mp4"):
        (folder / "clips" / name).write_text("no video")
    with pytest.raises(VideoError, match=r"2 clips cannot be read: clips/stay_0_0\.mp4 .*clips/stay_1_1\.mp4"):
        evaluate_actions(by_motion(ToyMotion()), load_actions(folder))
