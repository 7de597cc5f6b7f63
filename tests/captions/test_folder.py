"""Anybody's csv or jsonl."""

from pathlib import Path

import pytest

from deltaclip.captions import load_captions
from tests.captions.drawn import refusal, texts, write

CSV = 'path,caption,label\nclips/a.mp4,"a dog, running",x\nclips/b.mp4,a cat,y\nclips/a.mp4, the dog ,x\n'


def test_rows_without_split_belong_to_test_and_other_columns_are_ignored(tmp_path: Path) -> None:
    found = load_captions("folder", write(tmp_path, captions__csv=CSV))
    assert found.splits["test"].videos == ("clips/a.mp4", "clips/b.mp4")
    assert texts(found, "test") == [
        ("clips/a.mp4", "a dog, running"),
        ("clips/b.mp4", "a cat"),
        ("clips/a.mp4", " the dog "),
    ]
    assert "3 of them name no split and belong to test." in found.notes


def test_splits_and_moments_are_read_from_a_table(tmp_path: Path) -> None:
    write(tmp_path, mine__csv="split,path,start,end,caption\nval,b,,,a cat\ntrain,a,1.5,3,a dog\n")
    found = load_captions("folder", tmp_path)
    assert list(found.splits) == ["train", "val"]
    assert found.splits["train"].captions is not None
    assert found.splits["train"].captions[0].windows == ((1.5, 3.0),)
    assert texts(found, "val") == [("b", "a cat")]


def test_jsonl_says_the_same(tmp_path: Path) -> None:
    row = '{"path": "a", "caption": "a\\ndog", "start": 0, "end": 2, "split": null}\n\n'
    found = load_captions("folder", write(tmp_path, captions__jsonl=row))
    assert texts(found, "test") == [("a", "a\ndog")]
    assert found.splits["test"].captions is not None
    assert found.splits["test"].captions[0].windows == ((0.0, 2.0),)


def test_the_file_itself_may_be_named_and_must_be_where_there_are_several(tmp_path: Path) -> None:
    write(tmp_path, one__csv=CSV, two__jsonl='{"path": "z", "caption": "a cow"}')
    assert "holds 2 tables (one.csv, two.jsonl)" in refusal("folder", tmp_path).found
    assert texts(load_captions("folder", tmp_path / "two.jsonl"), "test") == [("z", "a cow")]
    write(tmp_path, captions__csv="path,caption\ny,a hen\n")
    assert texts(load_captions("folder", tmp_path), "test") == [("y", "a hen")]


def test_a_video_in_two_splits_is_told(tmp_path: Path) -> None:
    write(tmp_path, captions__csv="path,caption,split\na,a dog,train\na,a dog,test\n")
    assert "In both train and test: 1 of the videos." in load_captions("folder", tmp_path).notes


@pytest.mark.parametrize(
    ("rows", "line", "found"),
    [
        ("file,caption\na,b\n", 1, "no path, only file, caption"),
        ("path|caption\na|b\n", 1, "no path, only path|caption"),
        ("path,caption,,\na,b,,\na,b,,c\n", 3, "'c' is in a column without a name"),
        ("path,caption\na,b,\na,b,c,\n", 3, "4 fields under 2 columns (path, caption)"),
        ("path,caption,split,\na,b\n", 2, "2 fields under 3 columns (path, caption, split)"),
        ("path;caption;start;end\na;b;1,5;2\n", 2, "'1,5' to '2' is not a span of time"),
        ("path,caption\na,b,c\n", 2, "3 fields under 2 columns (path, caption)"),
        ("path,caption\na,b\n\nb,\n", 4, "caption is empty"),
        ("path,caption\na,\u200b\n", 2, "caption is empty"),
        ("path,caption\n ,b\n", 2, "path is empty"),
        ("path,caption,split\na,b,dev\n", 2, "split is 'dev'"),
        ("path,caption,start,end\na,b,2,\n", 2, "'2' to None is not a span of time"),
        ("path,caption,start,end\na,b,2,nan\n", 2, "'2' to 'nan' is not a span of time"),
        ("path,path,caption\na,a,b\n", 1, "a column name occurs twice"),
        ('path,caption\na,"b\nc,d\n', 3, "not a table (unexpected end of data)"),
    ],
)
def test_a_bad_table_is_refused_with_its_line(tmp_path: Path, rows: str, line: int, found: str) -> None:
    error = refusal("folder", write(tmp_path, captions__csv=rows))
    assert (error.what, error.found) == (f"{tmp_path / 'captions.csv'}, line {line}", found)


@pytest.mark.parametrize(
    ("row", "found"),
    [
        ('{"path": "a"', "not json"),
        ("[1]", "a list, not an object"),
        ('{"path": "a", "caption": 3}', "caption is a int, not a text"),
        ('{"path": "a", "path": "b", "caption": "c"}', "the key path occurs twice"),
        ('{"path": "a", "caption": "\\ud83d"}', "caption holds half a character"),
        ('{"path": "a", "caption": "b", "split": 3}', "split is 3"),
        ('{"path": "a", "caption": "b", "split": []}', "split is []"),
        ('{"path": "a", "caption": "b", "start": true, "end": 3}', "True to 3 is not a span of time"),
        ('{"path": "a", "caption": "b", "n": ' + "1" * 5000 + "}", "not a usable json object"),
        ("[" * 100_000, "not a usable json object"),
    ],
)
def test_a_bad_line_of_jsonl_is_refused_with_its_line(tmp_path: Path, row: str, found: str) -> None:
    error = refusal("folder", write(tmp_path, captions__jsonl='{"path": "a", "caption": "b"}\n' + row))
    assert error.what == f"{tmp_path / 'captions.jsonl'}, line 2"
    assert found in error.found


@pytest.mark.parametrize("name", ["captions__csv", "captions__jsonl"])
def test_an_empty_file_is_refused(tmp_path: Path, name: str) -> None:
    assert refusal("folder", write(tmp_path, **{name: ""})).found == "contains no caption"


def test_another_kind_of_file_and_a_folder_without_any_are_refused(tmp_path: Path) -> None:
    assert "captions.csv" in refusal("folder", write(tmp_path, notes__txt="a")).remedy
    assert refusal("folder", tmp_path / "notes.txt").found == "not a table of captions"
    assert refusal("folder", tmp_path / "nothing").found == "not a folder"


@pytest.mark.parametrize("name", ["captions.csv", "more.jsonl.gz", "none/captions.tsv"])
def test_a_file_that_is_missing_is_not_called_a_folder(tmp_path: Path, name: str) -> None:
    error = refusal("folder", tmp_path / name)
    assert (error.what, error.found) == (str(tmp_path / name), "no such file")
