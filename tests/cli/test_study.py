"""`study` and `compare` as their users meet them: files, json, and words for what does not fit."""

import inspect
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from deltaclip.cli.groups import flattened
from deltaclip.cli.study import MEASURED_ONLY, STUDY_NAMES, TRAINED_NAMES, TRAINED_ONLY, study
from deltaclip.evaluation.runs import SavedRanks, write_ranks
from deltaclip.evaluation.studies import STUDIES
from deltaclip.shapes import ShapesSpec, make_world, write_world
from deltaclip.training.studies import STUDIES as TRAINED_STUDIES
from tests.helpers import small_checkpoint, write_actions


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_checkpoint(tmp_path_factory.mktemp("e") / "encoder", motion="difference")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three clips and a csv of captions, as `--dataset folder` takes them; the split is test."""
    home = tmp_path_factory.mktemp("set")
    clips = make_world(3, 3, ShapesSpec(num_frames=12))
    paths = write_world(home / "clips", clips)
    lines = [f"{path.name},{clip.caption},test" for path, clip in zip(paths, clips, strict=True)]
    (home / "captions.csv").write_text("\n".join(["path,caption,split", *lines]) + "\n")
    return home


def test_the_help_knows_every_study() -> None:
    assert set(STUDY_NAMES) == STUDIES.keys()
    assert set(TRAINED_NAMES) == TRAINED_STUDIES.keys()


def test_every_option_is_of_one_kind_of_study_or_of_both() -> None:
    both = {"context", "name", "out", "clips", "stall_limit", "as_json"}
    assert {*both, *MEASURED_ONLY, *TRAINED_ONLY} == inspect.signature(flattened(study)).parameters.keys()


def test_a_study_that_trains_stops_in_time_goes_on_and_writes_the_same_json(tmp_path: Path, deltaclip: Any) -> None:
    tiny = ["world.groups=2", "world.validation_groups=1", "data.test_frames=2", "model.image_size=32"]
    tiny += ["model.width=32", "model.heads=2", "model.layers=1", "model.text_layers=1"]
    words = ["study", "shapes", "--out", tmp_path, "--steps", 2, "--seeds", 1, "--mask", "full", "--camera", "pan"]
    words += ["--clips", 6, "--jobs", 1, "--json", *(word for each in tiny for word in ("--set", each))]
    code, told, err = deltaclip(*words, "--time-limit", 0)
    assert code == 0
    assert told == {"study": "shapes", "finished": False, "runs_finished": 0, "runs": 1}
    assert "run the same command again to continue" in err
    code, told, _ = deltaclip(*words)
    assert code == 0
    assert told["finished"]
    assert told["files"] == [str(tmp_path / f"shapes.{suffix}") for suffix in ("json", "png", "pdf", "csv", "md")]
    assert told["command"].startswith("deltaclip study shapes")
    assert {"steps", "seeds", "machine", "commit"} <= told["protocol"].keys()
    [row] = told["rows"]
    assert row["setting"] == {"camera": "pan", "mask": "full"}
    assert row["figures"]["T2V R@1"].keys() == {"value", "low", "high", "runs"}
    assert json.loads((tmp_path / "shapes.json").read_text())["rows"] == told["rows"]


def test_study_writes_its_files_and_one_json_object(encoder: Path, tmp_path: Path, deltaclip: Any) -> None:
    words = ("study", "diagnose", "--encoder", encoder, "--clips", 6, "--seed", 5, "--out", tmp_path / "new", "--json")
    code, told, _ = deltaclip(*words)
    assert code == 0
    assert told["files"] == [
        str(tmp_path / "new" / f"diagnose.{suffix}") for suffix in ("json", "png", "pdf", "csv", "md")
    ]
    assert told["protocol"]["dataset"] == "shapes"
    assert (told["protocol"]["videos"], told["protocol"]["seed"]) == (6, 5)
    assert told["command"].startswith("deltaclip study diagnose")
    written = json.loads((tmp_path / "new" / "diagnose.json").read_text())
    assert written["rows"] == told["rows"]


def test_study_goes_on_a_data_set(encoder: Path, folder: Path, tmp_path: Path, deltaclip: Any) -> None:
    where = ("--dataset", "folder", "--annotations", folder / "captions.csv", "--videos", folder / "clips")
    code, told, _ = deltaclip("study", "static", *where, "--encoder", encoder, "--out", tmp_path, "--json")
    assert code == 0
    assert (told["protocol"]["dataset"], told["protocol"]["texts"]) == ("folder", 3)


def test_actions_are_trained_stopped_in_time_and_told(tmp_path: Path, deltaclip: Any) -> None:
    tiny = ["model.image_size=16", "model.width=32", "model.heads=2", "model.layers=1", "model.text_layers=1"]
    tiny += ["data.frames=2", "data.test_frames=2", "optim.batch=4"]
    words = ["study", "actions", "--data", write_actions(tmp_path / "drawn"), "--out", tmp_path, "--steps", 2]
    words += ["--seeds", 1, "--mask", "full", "--fold", 1, "--jobs", 1, *(w for each in tiny for w in ("--set", each))]
    code, told, _ = deltaclip(*words, "--time-limit", 0, "--json")
    assert (code, told) == (0, {"study": "actions", "finished": False, "runs_finished": 0, "runs": 1})
    code, told, _ = deltaclip(*words, "--json")
    assert (code, told["finished"], told["protocol"]["folds"]) == (0, True, "drawn 1 of 2")
    assert [row["setting"] for row in told["rows"]] == [
        {"set": "drawn", "classes": classes, "mask": "full", "clips": "as they are"} for classes in (3, 2)
    ]
    code, told, _ = deltaclip(*words)
    assert code == 0
    assert "sd of folds -" in told
    assert "None" not in told
    code, told, _ = deltaclip(*words, "--fold", 7, "--json")
    assert code == 1
    assert "no fold 7" in told["error"]["found"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("lenght",), "did you mean length"),
        (("static", "--dataset", "msvdd"), "'msvdd' is not a known data set"),
        (("static", "--dataset", "msvd"), "needs --annotations and --videos"),
        (("static", "--videos", "x"), "shapes draws its clips"),
        (("static", "--dataset", "msvd", "--clips", "9"), "it only applies to drawn clips"),
        (("static", "--motion", "diffrence"), "did you mean difference"),
        (("static", "--steps", "9"), "the study static does not train"),
        (("shapes", "--encoder", "shapes"), "the study shapes trains its own encoders on clips that it draws"),
        (("shapes", "--mask", "diffrence"), "did you mean difference"),
        (("actions", "--data", "x", "--twins", "order"), "the study actions trains on the clips in --data"),
        (("shapes", "--twins", "order", "--clips", "7"), "twins of order are pairs"),
        (("shapes", "--fold", "1"), "the study shapes trains its own encoders on clips that it draws"),
        (("shapes", "--device", "foo"), "device 'foo' is not one of auto, cpu"),
        (("actions",), "needs the folder of its clips"),
        (("actions", "--data", "x", "--camera", "pan"), "the study actions trains on the clips in --data"),
    ],
)
def test_what_does_not_fit_is_said_with_exit_code_2(
    words: tuple[str, ...], said: str, tmp_path: Path, deltaclip: Any
) -> None:
    code, _, err = deltaclip("study", *words, "--out", tmp_path / "new")
    assert code == 2
    assert said in " ".join(err.replace("│", " ").split())


def test_a_folder_that_cannot_be_written_is_said_before_the_work(tmp_path: Path, deltaclip: Any) -> None:
    (tmp_path / "file").write_text("")
    code, _, err = deltaclip("study", "static", "--out", tmp_path / "file")
    assert code == 1
    assert "cannot be written" in err


def test_compare_measures_a_mask_against_none(encoder: Path, tmp_path: Path, deltaclip: Any) -> None:
    page = tmp_path / "new" / "compare.html"
    words = ("compare", encoder, f"{encoder}@full", "--clips", 6, "--report", page, "--json")
    code, told, err = deltaclip(*words)
    assert code == 0
    [compared] = told["comparisons"]
    assert (compared["first"], compared["second"]) == (str(encoder), f"{encoder}@full")
    assert {"first", "second", "difference", "interval", "p_value"} == compared["metrics"]["R1"].keys()
    assert compared["wins"] + compared["losses"] + compared["ties"] == compared["queries"] == 6
    assert list(compared["by_kind"]) == ["motion"]
    assert "masks difference" in err
    assert "masks full" in err
    assert page.read_text().startswith("<!doctype html>")


def test_compare_reads_saved_ranks_and_finds_their_videos(folder: Path, tmp_path: Path, deltaclip: Any) -> None:
    names = tuple(path.name for path in sorted((folder / "clips").glob("*.mp4")))
    for name, ranks in (("a", [1, 2, 3]), ("b", [2, 2, 1])):
        saved = SavedRanks("t2v", names, names, np.array(ranks), ("he runs", "a room", "x"))
        write_ranks(tmp_path / name, saved)
    page = tmp_path / "compare.html"
    words = ("compare", tmp_path / "a", tmp_path / "b", "--videos", folder / "clips", "--report", page)
    code, told, _ = deltaclip(*words, "--json")
    assert code == 0
    assert told["comparisons"][0]["metrics"]["MnR"]["difference"] == pytest.approx(1 / 3)
    assert page.read_text().count("data:image/jpeg") == 2
    code, out, _ = deltaclip(*words)
    assert code == 0
    assert "1 won, 1 lost, 1 tied" in out


def test_compare_refuses_other_queries_and_names_one(tmp_path: Path, deltaclip: Any) -> None:
    for name, queries in (("a", ("q1", "q2")), ("b", ("q1", "q3"))):
        write_ranks(tmp_path / name, SavedRanks("t2v", queries, queries, np.array([1, 2])))
    code, told, err = deltaclip("compare", tmp_path / "a", tmp_path / "b", "--json")
    assert code == 1
    assert "q2" in err
    assert "error" in told


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("shapes",), "at least two"),
        (("shapes", "shapes"), "given twice"),
        (("shapes", "shapes@ful"), "did you mean full"),
        (("shapes", "shapes@full", "--dataset", "msvd"), "needs --annotations and --videos"),
    ],
)
def test_what_cannot_be_compared_is_said(words: tuple[str, ...], said: str, deltaclip: Any) -> None:
    code, _, err = deltaclip("compare", *words)
    assert code == 2
    assert said in " ".join(err.replace("│", " ").split())
