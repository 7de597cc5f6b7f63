"""What SQLite's errors are called, and what becomes of somebody who does what they say."""

import shutil
import sqlite3
from pathlib import Path

import pytest

from deltaclip.errors import LibraryError
from deltaclip.library import Library, NotWritableError
from deltaclip.library.sqlite.errors import sqlite_error
from tests.library.fakes import FakeEncoder, FakeMotionEncoder, Shelf

NAMES = sorted(name for name in dir(sqlite3) if name.startswith("SQLITE_") and name.isupper())


def error_of(name: str) -> LibraryError:
    error = sqlite3.OperationalError("words of SQLite")
    error.sqlite_errorname = name
    return sqlite_error(Path("/library"), error)


@pytest.mark.parametrize("name", NAMES)
def test_only_what_sqlite_calls_damaged_is_called_damaged(name: str) -> None:
    words = str(error_of(name))
    assert ("damaged" in words) == name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB"))
    assert "words of SQLite" in words


@pytest.mark.parametrize("name", [*NAMES, ""])
def test_no_remedy_has_anything_deleted(name: str) -> None:
    assert not {"delete", "remove", "overwrite", "replace"} & {*error_of(name).remedy.lower().split()}


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("SQLITE_FULL", "the disk is full"),
        ("SQLITE_BUSY_SNAPSHOT", "a different program has locked the database"),
        ("SQLITE_IOERR_WRITE", "the disk could not be read or written"),
        ("SQLITE_CANTOPEN", "cannot be opened"),
        ("SQLITE_NOMEM", "memory ran out"),
        ("SQLITE_ERROR", "could not be used"),
    ],
)
def test_other_errors_have_words_of_their_own(name: str, words: str) -> None:
    assert words in error_of(name).found


def test_a_read_only_database_is_a_refusal() -> None:
    error = error_of("SQLITE_READONLY_DBMOVED")
    assert isinstance(error, NotWritableError)
    assert error.refused


def test_errors_of_the_module_itself_are_not_called_damage() -> None:
    error = sqlite_error(Path("/library"), sqlite3.ProgrammingError("Incorrect number of bindings supplied"))
    assert error.found == "the database could not be used (Incorrect number of bindings supplied)"


@pytest.mark.parametrize("copied", [True, False])
def test_who_obeys_the_message_of_a_damaged_database_loses_nothing(shelf: Shelf, copied: bool) -> None:
    shelf.write("a.mp4", "a 40")
    shelf.library.index([shelf.videos])
    shelf.library.close()
    file = shelf.library_path / "library.sqlite"
    shutil.copytree(shelf.library_path, shelf.videos.parent / "copy")
    file.write_bytes(file.read_bytes()[:4096] + bytes(9000))
    files = r"library.sqlite, its -wal and -shm files, vectors-\*.f32 and motion-\*.f32"
    with pytest.raises(LibraryError, match=f"damaged .*{files}"):
        shelf.open().search("a 0")
    aside = shelf.videos.parent / "aside"
    aside.mkdir()
    for part in [*shelf.library_path.glob("library.sqlite*"), *shelf.library_path.glob("*.f32")]:
        part.rename(aside / part.name)
    if copied:
        shutil.copytree(shelf.videos.parent / "copy", shelf.library_path, dirs_exist_ok=True)
    with Library.open(
        shelf.library_path, FakeEncoder(), FakeMotionEncoder(), create=True, open_reader=shelf.reader.reader()
    ) as library:
        library.index([shelf.videos])
        assert library.verify().ok
        assert len(library.search("a 0", limit=99)) == 40
    assert len([*aside.glob("library.sqlite"), *aside.glob("vectors-*.f32")]) == 2


def test_who_obeys_verify_about_a_file_that_is_gone_keeps_its_moments(shelf: Shelf) -> None:
    path = shelf.write("a.mp4", "a 2")
    shelf.library.index([shelf.videos])
    path.rename(shelf.videos.parent / "unplugged.mp4")
    (problem,) = shelf.library.verify().problems
    assert problem.endswith(
        "Index its folder again: it is then no longer found, and its moments are kept until it is back."
    )
    shelf.library.index([shelf.videos])
    assert shelf.library.verify().ok
    (shelf.videos.parent / "unplugged.mp4").rename(path)
    shelf.library.index([shelf.videos])
    assert shelf.found("a 1") == ["a.mp4"]
    assert shelf.reader.opened == ["a.mp4"]
