"""A library of format 1, as an earlier deltaclip wrote it, opened by this one."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from deltaclip.errors import LibraryError
from deltaclip.library import Failure, Library
from deltaclip.library.content import sample_of
from deltaclip.provenance import VECTOR_VERSION
from tests.library.fakes import FakeEncoder, Shelf, vector_of

# Written by hand from the code of format 1: nothing of today's code may change it.
FORMAT_1 = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;
CREATE TABLE videos (
    id INTEGER PRIMARY KEY,
    path BLOB NOT NULL UNIQUE,
    size_bytes INTEGER,
    content_key BLOB,
    status TEXT NOT NULL CHECK (status IN ('indexed', 'damaged', 'failed')),
    reason TEXT CHECK ((reason IS NULL) = (status = 'indexed')),
    missing INTEGER NOT NULL DEFAULT 0 CHECK (missing IN (0, 1)),
    num_segments INTEGER NOT NULL,
    duration_seconds REAL
);
CREATE INDEX videos_by_content ON videos (content_key);
CREATE TABLE segments (
    video_id INTEGER NOT NULL REFERENCES videos (id) ON DELETE CASCADE,
    start_seconds REAL NOT NULL,
    end_seconds REAL NOT NULL,
    coverage REAL,
    vector BLOB NOT NULL,
    PRIMARY KEY (video_id, start_seconds)
);
PRAGMA application_id = 1684829283;
PRAGMA user_version = 1;
"""


def write_format_1(shelf: Shelf) -> None:
    """small and large: indexed. gone: missing. bad: failed."""
    files = {
        "small.mp4": shelf.write("small.mp4", "small 1"),
        "large.mp4": shelf.write("large.mp4", "large 1".ljust(2**21)),
        "gone.mp4": shelf.write("gone.mp4", "gone 1"),
        "bad.mp4": shelf.write("bad.mp4", "rubbish"),
    }
    shelf.library.close()
    file = shelf.library_path / "library.sqlite"
    file.unlink()
    with closing(sqlite3.connect(file)) as db, db:
        db.execute("PRAGMA journal_mode = WAL")
        db.executescript(FORMAT_1)
        encoder = FakeEncoder()
        # Vectors of today's version, which format 1 never held: otherwise all of them would be read again.
        meta = {"encoder": "fake", "motion": "difference", "num_frames": "1", "dimension": "16"}
        meta |= {"fingerprint": encoder.fingerprint, "vector_version": str(VECTOR_VERSION)}
        db.executemany("INSERT INTO meta VALUES (?, ?)", meta.items())
        for number, (name, path) in enumerate(files.items(), 1):
            content = sample_of(path)
            status, reason = ("failed", "not a video") if name == "bad.mp4" else ("indexed", None)
            moments = int(status == "indexed")
            db.execute(
                "INSERT INTO videos VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    number,
                    bytes(path),
                    content.stamp.size_bytes,
                    content.sample,
                    status,
                    reason,
                    int(name == "gone.mp4"),
                    moments,
                    15.0 if moments else None,
                ),
            )
            if moments:
                vector = vector_of(name.removesuffix(".mp4"), 0).tobytes()
                db.execute("INSERT INTO segments VALUES (?, 0, 15, 0.25, ?)", (number, vector))
    files["gone.mp4"].rename(shelf.videos.parent / "elsewhere.mp4")


def test_an_older_library_is_brought_up_to_date_and_nothing_is_lost(shelf: Shelf) -> None:
    write_format_1(shelf)
    with Library.open(shelf.library_path) as library:
        status = library.status()
        assert (status.videos, status.segments, status.failed, status.missing) == (2, 2, 1, 1)
        assert library.failures() == (Failure(shelf.videos / "bad.mp4", "not a video"),)
        # What was known by samples alone cannot be told from another file of the same sample.
        (problem,) = library.verify().problems
        large = shelf.videos / "large.mp4"
        assert problem.startswith(f"1 video ({large}): indexed by an earlier deltaclip")
        assert library.verify().unsure == (large,)
    with shelf.open() as library:
        assert [hit.path.name for hit in library.search("large 0", limit=1)] == ["large.mp4"]


def test_obeying_verify_reads_again_only_what_was_not_known_whole(shelf: Shelf) -> None:
    write_format_1(shelf)
    shelf.library = shelf.open()
    (shelf.videos.parent / "elsewhere.mp4").rename(shelf.videos / "gone.mp4")
    (shelf.videos / "bad.mp4").unlink()
    report = shelf.library.index([shelf.videos])
    assert (report.unchanged, report.indexed, report.failed) == (2, 1, 0)
    assert shelf.reader.opened == ["large.mp4"]
    assert shelf.library.verify().ok


def test_an_upgrade_that_is_broken_off_leaves_the_older_library(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    write_format_1(shelf)
    with monkeypatch.context() as patch:
        patch.setattr("deltaclip.library.sqlite.schema._SAMPLED_WHOLE", "no number")
        patch.setattr("deltaclip.library.sqlite.schema.SCHEMA_VERSION", "no number")
        with pytest.raises(LibraryError):
            Library.open(shelf.library_path)
    with closing(sqlite3.connect(shelf.library_path / "library.sqlite")) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (1,)
        assert len(db.execute("PRAGMA table_info(videos)").fetchall()) == 9
    with Library.open(shelf.library_path) as library:
        assert library.status().videos == 2


def test_two_processes_may_upgrade_at_once(shelf: Shelf, tmp_path: Path) -> None:
    write_format_1(shelf)
    with Library.open(shelf.library_path) as one, Library.open(shelf.library_path) as other:
        assert one.status() == other.status()


def test_videos_of_an_older_library_that_folders_pass_over_are_named_and_read_if_they_are_given(shelf: Shelf) -> None:
    write_format_1(shelf)
    with closing(sqlite3.connect(shelf.library_path / "library.sqlite")) as db, db:
        hidden = [shelf.videos / f".{number}.mp4" for number in range(5)]
        for number, path in enumerate(hidden):
            path.write_text(f"hidden{number} 1".ljust(2**21))
            row = (10 + number, bytes(path), 2**21, sample_of(path).sample)
            db.execute("INSERT INTO videos VALUES (?, ?, ?, ?, 'indexed', NULL, 0, 1, 15.0)", row)
            vector = vector_of(f"hidden{number}", 0).tobytes()
            db.execute("INSERT INTO segments VALUES (?, 0.0, 15.0, NULL, ?)", (10 + number, vector))
    shelf.library = shelf.open()
    shelf.library.index([shelf.videos])
    report = shelf.library.verify()
    names = ", ".join(map(str, hidden[:3]))
    assert report.problems[0].startswith(f"5 videos ({names} and 2 more): indexed by an earlier deltaclip")
    assert report.problems[0].endswith("what is passed over there is read if the file itself is given to index.")
    assert report.unsure == tuple(hidden)
    shelf.library.index(report.unsure)
    assert shelf.library.verify().ok
