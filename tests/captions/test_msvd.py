"""MSVD: the pickle that may hold anything, and the lists."""

import json
import lzma
import os
import pickle
from pathlib import Path

import pytest

from deltaclip.captions import load_captions
from tests.captions.drawn import refusal, texts, write

CAPTIONS = {"-4wsuPCjDBc_5_15": [["in", "it", "s", "shell"], ["oh"]], "_O9_k_1_2": [["ok"], ["ok"]], "aB_1_2": [["no"]]}


class Evil:
    """What runs a command when an ordinary unpickler reads it."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.marker),)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "raw-captions.pkl.xz").write_bytes(lzma.compress(pickle.dumps(CAPTIONS, protocol=3)))
    return write(tmp_path, train_list__txt="-4wsuPCjDBc_5_15", test_list__txt="aB_1_2\n_O9_k_1_2\n")


def test_words_are_joined_and_ids_that_begin_with_a_dash_and_captions_that_repeat_are_kept(folder: Path) -> None:
    found = load_captions("msvd", folder)
    assert texts(found, "train") == [("-4wsuPCjDBc_5_15", "in it s shell"), ("-4wsuPCjDBc_5_15", "oh")]
    assert texts(found, "test") == [("_O9_k_1_2", "ok"), ("_O9_k_1_2", "ok"), ("aB_1_2", "no")]
    assert found.splits["test"].videos == ("aB_1_2", "_O9_k_1_2")
    assert "val is absent: val_list.txt is not there." in found.notes


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_every_protocol_of_pickle_is_read(tmp_path: Path, protocol: int) -> None:
    (tmp_path / "raw-captions.pkl").write_bytes(pickle.dumps(CAPTIONS, protocol=protocol))
    write(tmp_path, val_list__txt="aB_1_2")
    assert texts(load_captions("msvd", tmp_path), "val") == [("aB_1_2", "no")]


def test_json_has_strings_and_is_read_where_the_pickle_is_not_there(folder: Path) -> None:
    (folder / "raw-captions.pkl.xz").unlink()
    assert load_captions("msvd", folder).splits["test"].captions is None
    write(folder, captions_msvd__json={"aB_1_2": ["no"], "_O9_k_1_2": ["ok"], "-4wsuPCjDBc_5_15": ["oh"]})
    assert texts(load_captions("msvd", folder), "test") == [("aB_1_2", "no"), ("_O9_k_1_2", "ok")]


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_that_tries_to_run_code_is_refused_and_nothing_runs(tmp_path: Path, protocol: int) -> None:
    marker = tmp_path / "ran"
    evil = pickle.dumps({"aB_1_2": [Evil(marker)]}, protocol=protocol)
    write(tmp_path, raw_captions__pkl="", test_list__txt="aB_1_2")
    (tmp_path / "raw-captions.pkl").write_bytes(evil)
    error = refusal("msvd", tmp_path)
    assert "GLOBAL" in error.found
    assert not marker.exists()
    pickle.loads(evil)  # the pickle is a working one
    assert marker.exists()


@pytest.mark.parametrize(
    ("document", "found"),
    [
        ([["a"]], "not a dict of lists"),
        ({"aB_1_2": "a"}, "not a dict of lists"),
        ({3: [["a"]]}, "builds something other than dict, list and str"),
        ({"aB_1_2": [("a",)]}, "builds something other than dict, list and str"),
        ({"aB_1_2": [["a", 3]]}, "builds something other"),
        ({"aB_1_2": [["a", ["b"]]]}, "caption 0 of aB_1_2 is a list, not a text"),
        ({"aB_1_2": [["a"], []]}, "caption 1 of aB_1_2 is empty"),
    ],
)
def test_a_pickle_of_something_else_is_refused(tmp_path: Path, document: object, found: str) -> None:
    (tmp_path / "raw-captions.pkl").write_bytes(pickle.dumps(document))
    write(tmp_path, test_list__txt="aB_1_2")
    assert found in refusal("msvd", tmp_path).found


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"no pickle",
        pickle.dumps(CAPTIONS)[:-9],
        pickle.dumps(CAPTIONS)[:-1],
        b"\x80\x03]r\xff\xff\xff\xff.",  # asks for 64 GB of memory
        b"\x80\x03h\x05.",  # a thing that was never remembered
        b"\x80\x03.",  # nothing to give back
    ],
)
def test_bytes_that_are_no_pickle_are_refused(tmp_path: Path, raw: bytes) -> None:
    (tmp_path / "raw-captions.pkl").write_bytes(raw)
    write(tmp_path, test_list__txt="aB_1_2")
    assert "raw-captions.pkl" in refusal("msvd", tmp_path).what


def test_an_id_that_stands_twice_in_a_list_is_refused_with_both_lines(folder: Path) -> None:
    write(folder, test_list__txt="aB_1_2\n_O9_k_1_2\n\naB_1_2\n")
    error = refusal("msvd", folder)
    assert (error.what, error.found) == (
        f"{folder / 'test_list.txt'}, line 4",
        "aB_1_2 is listed twice, first in line 1",
    )


def test_ids_differ_by_the_case_of_their_letters(folder: Path) -> None:
    write(folder, test_list__txt="Ab_1_2\n")
    assert refusal("msvd", folder).found.startswith("Ab_1_2 has no caption")


def test_a_list_and_captions_that_compose_an_id_differently_are_of_one_video(tmp_path: Path) -> None:
    typed, kept = "caf\u00e9_1_2", "cafe\u0301_1_2"
    write(tmp_path, captions_msvd__json=json.dumps({kept: ["a dog"]}), test_list__txt=typed)
    found = load_captions("msvd", tmp_path)
    assert found.splits["test"].videos == (kept,)
    assert texts(found, "test") == [(kept, "a dog")]
