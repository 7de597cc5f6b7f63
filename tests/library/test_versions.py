"""A library whose vectors an older deltaclip made: it says why they are of no use now, and `index` renews it."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest

from deltaclip.errors import LibraryError
from deltaclip.library import Library
from deltaclip.library.sqlite.errors import DATABASE_NAME
from deltaclip.provenance import VECTOR_CHANGES, VECTOR_VERSION, vector_changes_since
from tests.library.fakes import FakeEncoder, Shelf

WHY = VECTOR_CHANGES[3][0]


@contextmanager
def meta(shelf: Shelf) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(shelf.library_path / DATABASE_NAME)) as db, db:
        yield db


def made_by_version_2(shelf: Shelf) -> None:
    """Nothing is left of version 3: neither its number, which version 2 did not write, nor its fingerprint."""
    with meta(shelf) as db:
        db.execute("DELETE FROM meta WHERE key = 'vector_version'")
        db.execute("UPDATE meta SET value = 'of version 2' WHERE key = 'fingerprint'")


def test_a_library_writes_down_the_version_of_its_vectors(shelf: Shelf) -> None:
    shelf.library.index([])
    remembered = shelf.library.remembered_encoder()
    assert remembered is not None
    assert (remembered.vector_version, remembered.outdated) == (VECTOR_VERSION, None)


def test_an_older_one_is_not_searched_and_says_why_and_what_to_do(shelf: Shelf) -> None:
    shelf.library.index([shelf.write("a.mp4", "a 1")])
    made_by_version_2(shelf)
    with shelf.open() as library, pytest.raises(LibraryError) as caught:
        library.search("a 0")
    assert f"its vectors are of version 2, and this deltaclip makes version {VECTOR_VERSION}: {WHY}" in str(
        caught.value
    )
    assert "`deltaclip index` again with the same folders" in caught.value.remedy


def test_indexing_the_same_folders_again_renews_it(shelf: Shelf) -> None:
    for name in ("a.mp4", "b.mp4"):
        shelf.write(name, f"{name[0]} 2")
    shelf.library.index([shelf.videos])
    made_by_version_2(shelf)
    shelf.reader.opened.clear()
    with shelf.open() as library:
        report = library.index([shelf.videos])
        assert (report.indexed, report.unchanged, report.failed) == (2, 0, 0)
        assert shelf.reader.opened == ["a.mp4", "b.mp4"]
        assert library.verify().ok
        assert library.index([shelf.videos]).unchanged == 2
    assert shelf.found("b 1") == ["b.mp4"]


def test_what_is_missing_meanwhile_stays_known_and_comes_back(shelf: Shelf) -> None:
    away = shelf.write("away.mp4", "c 3")
    shelf.library.index([shelf.videos, shelf.write("a.mp4", "a 1")])
    away.rename(away.with_suffix(".gone"))
    shelf.library.index([shelf.videos])
    made_by_version_2(shelf)
    with shelf.open() as library:
        library.index([shelf.videos])
        assert library.status().missing == 1
        assert library.verify().ok
        away.with_suffix(".gone").rename(away)
        assert library.index([shelf.videos]).indexed == 1
        assert (library.status().missing, library.status().videos) == (0, 2)
    assert shelf.found("c 2") == ["away.mp4"]


def test_what_was_not_indexed_again_is_named_as_a_failure_and_never_found(shelf: Shelf) -> None:
    shelf.library.index([shelf.write("a.mp4", "a 1"), shelf.write("b.mp4", "b 1")])
    made_by_version_2(shelf)
    with shelf.open() as library:
        library.index([shelf.videos / "a.mp4"])
        [left] = library.failures()
        assert left.path.name == "b.mp4"
        assert WHY in left.reason
        assert "Index it again" in left.reason
    assert shelf.found("b 0", limit=5) == ["a.mp4"]


def test_a_copy_of_an_outdated_video_takes_nothing_over(shelf: Shelf) -> None:
    shelf.library.index([shelf.write("a.mp4", "a 1")])
    made_by_version_2(shelf)
    shelf.reader.opened.clear()
    with shelf.open() as library:
        library.index([shelf.write("copy.mp4", "a 1")])
    assert shelf.reader.opened == ["copy.mp4"]


def test_a_different_encoder_is_still_refused(shelf: Shelf) -> None:
    shelf.library.index([shelf.write("a.mp4", "a 1")])
    made_by_version_2(shelf)
    with pytest.raises(LibraryError, match=r"made by the encoder fake .*not by the encoder other"):
        shelf.open(FakeEncoder("other"))


def test_a_newer_one_is_left_alone(shelf: Shelf) -> None:
    shelf.library.index([shelf.write("a.mp4", "a 1")])
    with meta(shelf) as db:
        db.execute("UPDATE meta SET value = ? WHERE key = 'vector_version'", (str(VECTOR_VERSION + 1),))
        db.execute("UPDATE meta SET value = 'newer' WHERE key = 'fingerprint'")
    with pytest.raises(LibraryError, match="Use the newer deltaclip"):
        shelf.open()
    with Library.open(shelf.library_path) as library:
        assert library.status().segments == 1


def test_each_version_has_its_reasons() -> None:
    assert vector_changes_since(VECTOR_VERSION) == ()
    assert vector_changes_since(None) == vector_changes_since(2)
    assert vector_changes_since(2)[0] == WHY
