"""Labelled actions: what is missing, unknown or in two places at once is named before anything is trained."""

import json
from pathlib import Path

import pytest

from deltaclip.captions import find_action_sets, load_actions
from deltaclip.errors import CaptionError
from tests.helpers import write_actions


@pytest.fixture
def actions(tmp_path: Path) -> Path:
    return write_actions(tmp_path / "drawn")


def rewrite(actions: Path, old: str, new: str, times: int = 1) -> None:
    path = actions / "captions.csv"
    path.write_text(path.read_text().replace(old, new, times))


def test_clips_keep_their_labels_groups_splits_and_folds(actions: Path) -> None:
    found = load_actions(actions)
    assert (found.name, len(found.clips), found.folds) == ("drawn", 12, (0, 1))
    assert list(found.wordings) == ["swipe_left", "swipe_right", "stay"]
    first = found.clips[0]
    assert (first.label, first.group, first.split, first.fold) == ("swipe_left", "scene 0", "test", 0)
    assert (actions / first.path).is_file()


def test_a_set_without_the_column_fold_has_no_folds(tmp_path: Path) -> None:
    found = load_actions(write_actions(tmp_path / "set", folds=None))
    assert found.folds == ()
    assert {clip.split for clip in found.clips} == {"train", "val", "test"}


def test_a_folder_is_one_set_or_holds_several(actions: Path) -> None:
    write_actions(actions.parent / "another")
    assert find_action_sets(actions) == {"drawn": actions}
    assert list(find_action_sets(actions.parent)) == ["another", "drawn"]
    with pytest.raises(CaptionError, match=r"no captions\.csv"):
        find_action_sets(actions / "clips")
    for nothing in ("nothing", "x" * 300):
        with pytest.raises(CaptionError, match="not a folder"):
            find_action_sets(actions / nothing)


@pytest.mark.parametrize("column", ["path", "label", "group", "split"])
def test_a_missing_column_is_named(actions: Path, column: str) -> None:
    rewrite(actions, f"{column},", f"{column}s,")
    with pytest.raises(CaptionError, match=f"no column {column}"):
        load_actions(actions)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (",swipe_left,", ",swipe_lift,", "label 'swipe_lift'"),
        (",test,", ",tset,", "split is 'tset'"),
        (",train,1", ",train,", "fold is ''"),
        (",train,1", f",train,{'1' * 5000}", "Write a whole number"),
        ("clips/stay_0_0.mp4", f"clips/{'x' * 300}.mp4", r"line 6: .* is not there"),
        ("clips/stay_0_0.mp4", "clips/gone.mp4", "gone.mp4 is not there"),
        ("clips/stay_0_0.mp4", "clips/stay_0_1.mp4", "is listed twice"),
        ("scene 0,test,0", "scene 1,test,0", "'scene 1' is in two folds"),
        (",train,1", ",test,1", "'scene 1' is in two folds, or in both train and test"),
    ],
)
def test_a_row_that_cannot_be_is_refused(actions: Path, old: str, new: str, said: str) -> None:
    rewrite(actions, old, new)
    with pytest.raises(CaptionError, match=said):
        load_actions(actions)


@pytest.mark.parametrize(
    ("wordings", "said"),
    [
        ([], "not an object"),
        ({}, "names no label"),
        ({"": ["it stays"]}, "a label is empty"),
        ({"stay": []}, "no wording"),
        ({"stay": "it stays"}, "not a list"),
        ({"stay": [""]}, "empty"),
    ],
)
def test_wordings_that_are_none_are_refused(actions: Path, wordings: object, said: str) -> None:
    (actions / "classes.json").write_text(json.dumps(wordings))
    with pytest.raises(CaptionError, match=said):
        load_actions(actions)


def test_a_missing_classes_file_is_named(actions: Path) -> None:
    (actions / "classes.json").unlink()
    with pytest.raises(CaptionError, match=r"classes\.json"):
        load_actions(actions)
