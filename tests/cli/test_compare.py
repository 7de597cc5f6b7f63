"""`deltaclip compare`: marks and protocols in each form, and refusals before anything is loaded or encoded."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from deltaclip.evaluation.runs import SavedRanks, write_ranks
from tests.cli.calls import Call
from tests.helpers import small_checkpoint, write_square

DSL = "post-processing dsl (temperature 100)"
MISSING = "1 of 3 videos missing, with 1 of 3 captions"
PLAIN = {"dataset": "folder", "split": "test", "videos": 2, "missing": 0, "post": None, "motion": "full", "marks": []}
MARKED = PLAIN | {"post": {"name": "dsl", "temperature": 100.0}, "missing": 1, "marks": [DSL, MISSING]}
SAVED = SavedRanks("t2v", ("a#0", "b#0"), ("a", "b"), np.array([1, 2]), ("red moves", "blue"))

Save = Callable[..., Path]


@pytest.fixture
def save(tmp_path: Path) -> Save:
    """save("ours.ranks", videos=3): a file of two ranks with that changed in its protocol."""

    def write(name: str, base: dict[str, Any] = PLAIN, **changed: object) -> Path:
        write_ranks(tmp_path / name, replace(SAVED, protocol=base | changed))
        return tmp_path / name

    return write


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An encoder, and a data set of two videos with the queries of SAVED."""
    monkeypatch.setenv("DELTACLIP_CACHE", str(tmp_path / "cache"))
    small_checkpoint(tmp_path / "encoder", motion="difference")
    (tmp_path / "videos").mkdir()
    for step, name in enumerate(("a", "b")):
        write_square(tmp_path / "videos" / f"{name}.mp4", step=step)
    (tmp_path / "captions.csv").write_text("path,caption\na,red moves\nb,blue\n")
    return tmp_path


def nothing_is_encoded(*_: object, **__: object) -> None:
    raise AssertionError("something was encoded")


def of_folder(home: Path) -> tuple[object, ...]:
    return "--dataset", "folder", "--annotations", home / "captions.csv", "--videos", home / "videos"


def test_marks_and_protocols_are_in_each_form(deltaclip: Call, save: Save, tmp_path: Path) -> None:
    ours, theirs = save("ours.ranks", MARKED), save("theirs.ranks")
    code, table, _ = deltaclip("compare", ours, theirs, "--report", tmp_path / "page.html")
    assert code == 0
    assert f"ours.ranks [{DSL}; {MISSING}] against " in table
    for form in (table, (tmp_path / "page.html").read_text()):
        assert form.count("dataset folder, split test, videos 2, missing") == 2
        assert f"note: {DSL}" in form
        assert f"note: {MISSING}" in form
    code, result, _ = deltaclip("compare", ours, theirs, "--json")
    assert code == 0
    assert result["protocols"] == [MARKED | {"system": str(ours)}, PLAIN | {"system": str(theirs)}]


def test_files_of_other_galleries_are_refused(deltaclip: Call, save: Save) -> None:
    code, refusal, _ = deltaclip("compare", save("ours.ranks"), save("theirs.ranks", videos=670), "--json")
    assert code == 1
    assert "videos 2 against 670" in refusal["error"]["found"]
    assert "ours.ranks and " in refusal["error"]["what"]


def test_an_encoder_is_measured_beside_a_file_and_tells_its_protocol(deltaclip: Call, save: Save, home: Path) -> None:
    code, result, _ = deltaclip("compare", save("ours.ranks"), home / "encoder", *of_folder(home), "--json")
    assert code == 0
    ours, measured = result["protocols"]
    assert (ours["motion"], measured["motion"]) == ("full", "difference")
    assert (measured["system"], measured["videos"]) == (str(home / "encoder"), 2)
    assert measured["fingerprint"]


def test_ranks_of_another_data_set_are_refused_before_an_encoder_is_loaded(
    deltaclip: Call, save: Save, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deltaclip.cli.compare.load_with", nothing_is_encoded)
    code, refusal, _ = deltaclip("compare", save("ours.ranks", dataset="msvd"), "shapes", "--json")
    assert code == 1
    assert "dataset msvd against shapes" in refusal["error"]["found"]


@pytest.mark.parametrize(
    ("changed", "found"), [({"videos": 3}, "videos 3 against 2"), ({"queries": ("a#0", "z#0")}, "such as 'b#0'")]
)
def test_ranks_of_other_videos_are_refused_before_any_is_encoded(
    deltaclip: Call, save: Save, home: Path, monkeypatch: pytest.MonkeyPatch, changed: dict[str, Any], found: str
) -> None:
    ours = save("ours.ranks", **{name: changed[name] for name in changed if name == "videos"})
    if "queries" in changed:
        write_ranks(ours, replace(SAVED, queries=changed["queries"], protocol=PLAIN))
    monkeypatch.setattr("deltaclip.evaluation.encoding.encode_material", nothing_is_encoded)
    code, refusal, _ = deltaclip("compare", ours, home / "encoder", *of_folder(home), "--json")
    assert code == 1
    assert found in refusal["error"]["found"]


@pytest.mark.parametrize("name", ["absent.ranks", "absent.jsonl", "./runs/ours.run", "absent.json@full", "/a/b.c/d.e"])
def test_a_file_that_is_not_there_is_no_encoder(
    deltaclip: Call, save: Save, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deltaclip.cli.compare.load_with", nothing_is_encoded)
    code, refusal, _ = deltaclip("compare", save("ours.ranks"), name, "--json")
    assert code == 1
    assert refusal["error"]["what"] == name
    assert refusal["error"]["found"] == "no such file"


@pytest.mark.parametrize("name", ["shapes@full", "openai/clip-2.1", "encoder.v2@full"])
def test_names_of_encoders_may_have_dots(
    deltaclip: Call, save: Save, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "encoder.v2").mkdir()
    code, refusal, _ = deltaclip("compare", save("ours.ranks", dataset="msvd"), name, "--json")
    assert code == 1
    assert "dataset msvd against shapes" in refusal["error"]["found"]
