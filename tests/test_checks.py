"""Paths that no file can have are refused where they enter, in plain words."""

import os
from pathlib import Path

import pytest

from deltaclip.checks import check_path, check_paths, path_problem
from deltaclip.errors import DeltaclipError, PathError
from deltaclip.library import Library

IMPOSSIBLE = [
    ("", "an empty path"),
    ("a\0b.mp4", "NUL character"),
    ("a\ud800b.mp4", "half a character"),
    ("x" * 300 + ".mp4", "too long"),
    ("y/" * 3000 + "a.mp4", "too long"),
]


@pytest.mark.parametrize(("path", "said"), IMPOSSIBLE)
def test_a_path_that_no_file_can_have_is_refused_in_one_short_line(path: str, said: str) -> None:
    with pytest.raises(PathError, match=said) as caught:
        check_path(path, "masks")
    assert isinstance(caught.value, DeltaclipError)
    assert isinstance(caught.value, ValueError)
    assert len(str(caught.value)) < 250
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(("path", "said"), IMPOSSIBLE)
def test_a_library_and_a_list_of_paths_refuse_it(tmp_path: Path, path: str, said: str) -> None:
    with pytest.raises(PathError, match="in place 1 of the list"):
        check_paths([tmp_path, path], "index")
    with pytest.raises(PathError, match=said):
        Library.open(path)
    with pytest.raises(PathError, match=said):
        Library.exists(path)


@pytest.mark.parametrize("path", ["a.mp4", "no/such/folder/a.mp4", "~no_such_person/a.mp4", os.fsdecode(b"a\xffb.mp4")])
def test_a_path_that_a_file_can_have_passes_whether_there_is_one_or_not(path: str) -> None:
    assert path_problem(path) is None
