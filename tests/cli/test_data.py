"""`deltaclip data`: its contract, exit codes and words."""

from functools import partial
from pathlib import Path
from typing import Any

import pytest

from deltaclip.captions import DATASETS
from deltaclip.captions.folder import load_folder
from tests.cli.calls import Call


@pytest.fixture
def data(deltaclip: Call) -> Call:
    """Calls the command in this process: data("folder", "--annotations", path)."""
    return partial(deltaclip, "data")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Captions of eight videos, and one of the videos."""
    (tmp_path / "captions.csv").write_text("path,caption,split\n" + "".join(f"v{n},a dog,test\n" for n in range(8)))
    (tmp_path / "clips").mkdir()
    (tmp_path / "clips" / "v0.webm").touch()
    return tmp_path


def test_json_has_counts_by_split_and_all_missing_ids(folder: Path, data: Any) -> None:
    code, out, _ = data("folder", "--annotations", folder, "--videos", folder / "clips", "--json")
    assert code == 1
    assert out == {
        "dataset": "folder",
        "splits": {"test": {"videos": 8, "captions": 8, "missing": 7}},
        "notes": ["captions: 8 from captions.csv."],
        "missing_videos": {"test": [f"v{number}" for number in range(1, 8)]},
    }


def test_without_a_folder_of_videos_nothing_is_missing(folder: Path, data: Any) -> None:
    code, out, _ = data("folder", "--annotations", folder / "captions.csv", "--json")
    assert code == 0
    assert out["splits"] == {"test": {"videos": 8, "captions": 8, "missing": None}}
    assert "missing_videos" not in out


def test_words_name_the_first_missing_ids(folder: Path, data: Any) -> None:
    code, out, err = data("folder", "--annotations", folder, "--videos", folder / "clips")
    assert code == 1
    assert out.splitlines() == ["split      videos  captions   missing", "test            8         8         7"]
    assert "missing in test: v1, v2, v3, v4, v5 and 2 more (use --json to list all)" in err


def test_all_videos_there_is_done(folder: Path, data: Any) -> None:
    for number in range(1, 8):
        (folder / "clips" / f"v{number}.mp4").touch()
    code, out, _ = data("folder", "--annotations", folder, "--videos", folder, "--json")
    assert (code, out["splits"]["test"]["missing"]) == (0, 0)


def test_captions_are_null_where_their_file_is_absent(tmp_path: Path, data: Any) -> None:
    (tmp_path / "test_list.txt").write_text("-a_1_2")
    code, out, _ = data("msvd", "--annotations", tmp_path, "--json")
    assert (code, out["splits"]) == (0, {"test": {"videos": 1, "captions": None, "missing": None}})


def test_a_bad_file_is_told_in_json_and_words_without_a_traceback(folder: Path, data: Any) -> None:
    (folder / "captions.csv").write_text("path,caption\nv0,\n")
    code, out, err = data("folder", "--annotations", folder, "--json")
    told = out["error"]
    assert (code, told["what"], told["found"]) == (1, f"{folder / 'captions.csv'}, line 2", "caption is empty")
    assert "Traceback" not in err


def test_an_unknown_data_set_is_wrong_usage_and_near_names_are_told(folder: Path, data: Any) -> None:
    code, _, err = data("msrvtt_7k", "--annotations", folder)
    assert code == 2
    assert "did you mean msrvtt-7k?" in err.replace("\n", " ")


def test_a_new_data_set_is_one_function_and_one_line_in_the_table(
    folder: Path, data: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(DATASETS, "mine", load_folder)

    code, out, _ = data("mine", "--annotations", folder, "--json")
    _, _, refused = data("min", "--annotations", folder)

    assert (code, out["splits"]["test"]["videos"]) == (0, 8)
    assert "did you mean mine" in refused
