"""A table of moments: read as people write tables; a row that cannot be used is named by its line."""

from pathlib import Path

import pytest

from deltaclip.captions import load_moments
from deltaclip.errors import CaptionError

HEAD = "path,sentence,start,end\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a.mp4", "b.mp4"):
        (tmp_path / name).write_bytes(b"not opened by a reader of tables")
    return tmp_path


def write(folder: Path, rows: str, name: str = "moments.csv") -> Path:
    (folder / name).write_bytes(rows.encode())
    return folder


def test_rows_keep_their_order_lines_and_seconds(folder: Path) -> None:
    found = load_moments(write(folder, HEAD + "b.mp4,a man falls,1.5,3\n\na.mp4,it turns,0,2\nb.mp4,it turns,4,9\n"))
    assert [(row.line, row.path.name, row.sentence, *row.windows[0]) for row in found.rows] == [
        (2, "b.mp4", "a man falls", 1.5, 3.0),
        (4, "a.mp4", "it turns", 0.0, 2.0),
        (5, "b.mp4", "it turns", 4.0, 9.0),
    ]
    assert [path.name for path in found.paths] == ["b.mp4", "a.mp4"]


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbfpath,sentence,start,end\r\na.mp4,it turns,0,2\r\n",
        "path,sentence,start,end\na.mp4,it turns,0,2\n".encode("utf-16"),
        b"path;sentence;start;end\na.mp4;it turns;0;2\n",
        b"source,end,start,sentence,path\nweb,2,0,it turns,a.mp4\n",
    ],
)
def test_marks_separators_and_further_columns_do_not_matter(folder: Path, content: bytes) -> None:
    (folder / "moments.csv").write_bytes(content)
    [row] = load_moments(folder).rows
    assert (row.path.name, row.sentence, *row.windows[0]) == ("a.mp4", "it turns", 0.0, 2.0)


@pytest.mark.parametrize(
    ("row", "found"),
    [
        ("a.mp4,it turns,3,2", "'3' to '2' is not a span of time"),
        ("a.mp4,it turns,2,2", "'2' to '2' is not a span of time"),
        ("a.mp4,it turns,-1,2", "'-1' to '2' is not a span of time"),
        ("a.mp4,it turns,0,nan", "'0' to 'nan' is not a span of time"),
        ("a.mp4,it turns,soon,2", "'soon' to '2' is not a span of time"),
        ("a.mp4,it turns,0,", "'0' to None is not a span of time"),
        ("a.mp4, ,0,2", "sentence is empty"),
        (",it turns,0,2", "path is empty"),
        ("c.mp4,it turns,0,2", "c.mp4 is not there"),
        (f"{'x' * 300},it turns,0,2", f"{'x' * 300} is not there"),
        ("b.mp4,it falls,1,2", "the same row as line 2"),
    ],
)
def test_a_row_that_cannot_be_used_is_refused_with_its_line(folder: Path, row: str, found: str) -> None:
    write(folder, HEAD + "b.mp4,it falls,1,2\n" + row + "\n")
    with pytest.raises(CaptionError) as caught:
        load_moments(folder)
    assert (caught.value.what, caught.value.found) == (f"{folder / 'moments.csv'}, line 3", found)


@pytest.mark.parametrize("column", ["path", "sentence", "start", "end"])
def test_a_missing_column_is_named(folder: Path, column: str) -> None:
    write(folder, HEAD.replace(column, f"{column}s") + "a.mp4,it turns,0,2\n")
    with pytest.raises(CaptionError, match=f"no column {column}"):
        load_moments(folder)


def test_a_folder_without_a_table_and_a_table_without_rows_are_refused(folder: Path) -> None:
    with pytest.raises(CaptionError, match=r"no moments\.csv here"):
        load_moments(folder)
    with pytest.raises(CaptionError, match="contains no moment"):
        load_moments(write(folder, HEAD))
    with pytest.raises(CaptionError, match="not a folder"):
        load_moments(folder / "nothing")
