"""Libraries of format 3, without motion: nothing is lost, and the next `index` measures what is missing."""

import sqlite3
from contextlib import closing

import pytest

from deltaclip.errors import LibraryError
from deltaclip.library import Library, Note
from deltaclip.library.sqlite import upgrade as upgrade_module
from tests.library.fakes import Shelf, vector_of
from tests.library.format_3 import VECTORS, write_format_3
from tests.library.test_upgrade import format_of


def test_a_library_of_format_3_is_searched_as_before_and_nothing_is_lost(shelf: Shelf) -> None:
    write_format_3(shelf, a=2, b=3, gone=1)
    with shelf.open() as library:
        read = [(m.path.stem, m.start, m.end, m.coverage, m.vector.tobytes(), m.motion) for m in library.moments()]
        assert read == [
            (name, 15.0 * n, 15.0 * n + 15, 0.25, vector_of(name, n).tobytes(), None)
            for name, count in (("a", 2), ("b", 3), ("gone", 1))
            for n in range(count)
        ]
        status = library.status()
        assert (status.segments, status.missing, status.motion_encoder, status.without_motion) == (5, 1, None, 5)
        assert [hit.path.stem for hit in library.search("b 2", limit=9)][:1] == ["b"]
        assert library.notes() == tuple(Note(shelf.videos / f"{name}.mp4", "dark") for name in "ab")
        assert library.verify().ok
    assert format_of(shelf) == 4
    assert [file.name for file in shelf.library_path.glob("*.f32")] == [VECTORS]


@pytest.mark.parametrize("where", ["_FORMAT_4", "SCHEMA_VERSION"])
def test_an_upgrade_from_format_3_that_is_broken_off_leaves_the_older_library(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    write_format_3(shelf, a=2)
    with monkeypatch.context() as patch:
        patch.setattr(upgrade_module, where, "no number")
        with pytest.raises(LibraryError):
            Library.open(shelf.library_path)
    assert format_of(shelf) == 3
    with closing(sqlite3.connect(shelf.library_path / "library.sqlite")) as db:
        assert "num_motion" not in {name for _, name, *_ in db.execute("PRAGMA table_info(videos)")}
    with Library.open(shelf.library_path) as library:
        assert library.status().segments == 2
