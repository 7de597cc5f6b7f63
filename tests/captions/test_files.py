"""Files as other systems leave them, and damaged ones."""

import contextlib
import gzip
import json
import lzma
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deltaclip.captions import DATASETS, load_captions
from deltaclip.captions.files import read_table
from deltaclip.errors import CaptionError
from tests.captions.drawn import msrvtt_document, refusal, texts, write

CAPTIONS = '{"a_1_2": ["a dog"], "-b_3_4": ["a cat"]}'
ROWS = "path,caption\na,a dog\nb,a cat\n"


@pytest.mark.parametrize(
    "change", ["a_1_2\r\n-b_3_4\r\n", "\ufeffa_1_2\n-b_3_4", "a_1_2\r-b_3_4\r", " a_1_2 \n\n-b_3_4\n\n"]
)
def test_lists_of_any_system_are_read(tmp_path: Path, change: str) -> None:
    write(tmp_path, captions_msvd__json="\ufeff" + CAPTIONS.replace(", ", ",\r\n"), test_list__txt=change)
    found = load_captions("msvd", tmp_path)
    assert found.splits["test"].videos == ("a_1_2", "-b_3_4")
    assert texts(found, "test") == [("a_1_2", "a dog"), ("-b_3_4", "a cat")]


@pytest.mark.parametrize(
    "change", [ROWS, "\ufeff" + ROWS, ROWS.replace("\n", "\r\n"), "\ufeff" + ROWS.replace("\n", "\r\n")]
)
def test_tables_of_any_system_are_read(tmp_path: Path, change: str) -> None:
    found = load_captions("folder", write(tmp_path, captions__csv=change))
    assert texts(found, "test") == [("a", "a dog"), ("b", "a cat")]


@pytest.mark.parametrize(("suffix", "pack"), [(".gz", gzip.compress), (".xz", lzma.compress)])
def test_packed_files_are_read_as_they_are_and_refused_where_they_are_cut_off(
    tmp_path: Path, suffix: str, pack: Callable[[bytes], bytes]
) -> None:
    packed = pack(ROWS.encode() * 50)
    path = tmp_path / f"captions.csv{suffix}"
    path.write_bytes(pack(ROWS.encode()))
    assert len(texts(load_captions("folder", tmp_path), "test")) == 2
    for damaged in (packed[: len(packed) // 2], packed[:5], ROWS.encode(), packed[:-9] + b"\0" * 9):
        path.write_bytes(damaged)
        error = refusal("folder", tmp_path)
        assert error.what == str(path)
        assert error.found.startswith("damaged or cut off")


@pytest.mark.parametrize(
    "raw",
    [
        b"path,caption,,\r\na,a dog,,\r\nb,a cat,,\r\n,,,\r\n",
        b"path,caption\na,a dog,\nb,a cat, ,\n",
        "path;caption\r\na;a dog\r\nb;a cat\r\n".encode("utf-8-sig"),
        "\ufeffpath\tcaption\t\r\na\ta dog\t\r\nb\ta cat\t\r\n".encode("utf-16-le"),
        "\ufeffpath\tcaption\r\na\ta dog\r\nb\ta cat\r\n".encode("utf-16-be"),
        b'\n;;\n"path";"caption"\n"a";"a dog"\nb;a cat\n',
    ],
)
def test_tables_as_spreadsheets_write_them_are_read(tmp_path: Path, raw: bytes) -> None:
    found = load_captions("folder", write(tmp_path, captions__csv=raw))
    assert texts(found, "test") == [("a", "a dog"), ("b", "a cat")]


def test_a_long_field_is_read_and_a_row_with_too_few_fields_says_what_to_add(tmp_path: Path) -> None:
    (tmp_path / "long.csv").write_text(f"path,caption\na.mp4,{'x' * 300_000}\n")
    [(_, row)] = read_table(tmp_path / "long.csv")
    assert len(row["caption"]) == 300_000
    (tmp_path / "short.csv").write_text("path,caption,split\na.mp4,x\n")
    with pytest.raises(CaptionError, match=r"2 fields under 3 columns .* Add the fields that are missing"):
        list(read_table(tmp_path / "short.csv"))


def test_the_line_in_which_excel_is_told_the_separator_is_no_row(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("sep=;\r\npath;caption\r\na.mp4;a, b\r\n")
    assert list(read_table(tmp_path / "a.csv")) == [(3, {"path": "a.mp4", "caption": "a, b"})]


def test_separators_and_line_ends_in_quotes_belong_to_the_field(tmp_path: Path) -> None:
    rows = b'path;"caption";"a, b"\r\na;"a dog;\r\na ""big"" one, too";x\r\n'
    found = load_captions("folder", write(tmp_path, captions__csv=rows))
    assert texts(found, "test") == [("a", 'a dog;\na "big" one, too')]


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ("path,caption\na,b\n".encode("utf-16-le"), "NUL characters"),
        ("path,caption\na,b\n".encode("utf-16")[:-1], "damaged or cut off UTF-16"),
    ],
)
def test_text_in_utf_16_that_cannot_be_understood_is_refused(tmp_path: Path, raw: bytes, words: str) -> None:
    error = refusal("folder", write(tmp_path, captions__csv=raw))
    assert words in error.found
    assert error.remedy == "Save it as UTF-8."


@pytest.mark.parametrize("raw", [b"path,caption\na,caf\xe9\n", b"path,caption\n\x80,b\n"])
def test_text_that_is_not_utf_8_is_refused_with_its_line(tmp_path: Path, raw: bytes) -> None:
    error = refusal("folder", write(tmp_path, captions__csv=raw))
    assert error.what.startswith(f"{tmp_path / 'captions.csv'}, line ")
    assert error.found.startswith("not UTF-8")
    assert error.remedy == "Save it as UTF-8."


def test_json_that_breaks_off_is_refused_with_its_line(tmp_path: Path) -> None:
    write(tmp_path, captions_msvd__json=CAPTIONS.replace(",", ",\n")[:-9], test_list__txt="a_1_2")
    error = refusal("msvd", tmp_path)
    assert error.what == f"{tmp_path / 'captions_msvd.json'}, line 2"
    assert error.found.startswith("not json")


@pytest.mark.parametrize(
    "text", ["3", "null", "[]", '"a"', "[" * 100_000, "1" * 5000, '{"a_1_2": {}}', '{"a_1_2": "a"}']
)
def test_json_of_another_shape_is_refused(tmp_path: Path, text: str) -> None:
    write(tmp_path, captions_msvd__json=text, test_list__txt="a_1_2")
    assert refusal("msvd", tmp_path).what == str(tmp_path / "captions_msvd.json")


def test_hidden_files_are_passed_over(tmp_path: Path) -> None:
    write(tmp_path, captions__csv=ROWS, __hidden___captions__csv="x", __captions__csv=b"\x00\x05\x16\x07")
    (tmp_path / "._captions.csv").write_bytes(b"\x00\x05\x16\x07")
    assert len(texts(load_captions("folder", tmp_path), "test")) == 2


@pytest.mark.parametrize("dataset", [name for name in DATASETS if name != "folder"])
def test_every_data_set_refuses_a_file_and_an_empty_folder(dataset: str, tmp_path: Path) -> None:
    assert refusal(dataset, write(tmp_path, empty__txt="") / "empty.txt").found == "not a folder"
    assert refusal(dataset, tmp_path).found == f"holds no split of {dataset}"


def test_an_unknown_data_set_is_told_what_is_near(tmp_path: Path) -> None:
    with pytest.raises(CaptionError, match="Did you mean msrvtt-7k"):
        load_captions("MSRVTT_7k", tmp_path)
    with pytest.raises(CaptionError, match="Name one of msrvtt, "):
        load_captions("imagenet", tmp_path)


GOOD = {
    "raw-captions.pkl": ("msvd", pickle.dumps({"a": [["a", "dog"]]}, protocol=3)),
    "captions_msvd.json": ("msvd", b'{"a": ["a dog"]}'),
    "test_list.txt": ("msvd", b"a\n"),
    "MSRVTT_data.json": ("msrvtt", json.dumps(msrvtt_document()).encode()),
    "MSRVTT_train.9k.csv": ("msrvtt", b"video_id\nvideo0\n"),
    "test_data.json": ("didemo", b'[{"video": "a.mov", "description": "a dog", "times": [[0, 1]]}]'),
    "val_1.json": ("activitynet", b'{"v_a": {"duration": 1, "timestamps": [[0, 1]], "sentences": ["a dog"]}}'),
    "highlight_val_release.jsonl": (
        "qvhighlights",
        b'{"qid": 1, "query": "a", "vid": "b", "relevant_windows": [[0, 1]]}',
    ),
    "captions.csv": ("folder", b"path,caption,start,end,split\na,b,0,1,test\n"),
    "captions.jsonl": ("folder", b'{"path": "a", "caption": "b", "start": 0, "end": 1}'),
}


@pytest.mark.parametrize("name", GOOD)
@given(data=st.data())
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_file_that_was_spoilt_anywhere_is_read_or_refused(tmp_path: Path, name: str, data: st.DataObject) -> None:
    dataset, good = GOOD[name]
    (tmp_path / "MSRVTT_train.9k.csv").write_text("video_id\nvideo0\n")
    (tmp_path / "test_list.txt").write_text("a\n" if dataset == "msvd" else "a.mov\n")
    start, end = sorted((data.draw(st.integers(0, len(good))), data.draw(st.integers(0, len(good)))))
    pieces = (b"", b"null", b"[]", b"{}", b"3", b'"', b"\n", b"\r", b",", b"\0", b"\xff", b"NaN", b"1e999", b"-1")
    spoilt = good[:start] + data.draw(st.sampled_from(pieces) | st.binary(max_size=6)) + good[end:]
    (tmp_path / name).write_bytes(spoilt)
    with contextlib.suppress(CaptionError):
        load_captions(dataset, tmp_path / name if dataset == "folder" else tmp_path)
