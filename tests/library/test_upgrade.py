"""Libraries of earlier formats, as earlier versions of deltaclip wrote them, opened by this one."""

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from deltaclip.errors import LibraryError
from deltaclip.library import Failure, Library, LockedError, Note
from deltaclip.library.content import Content, Stamp, sample_of, with_digest
from deltaclip.library.lock import writer_lock
from deltaclip.library.sqlite import upgrade as upgrade_module
from deltaclip.library.sqlite import vectors as vectors_module
from deltaclip.provenance import VECTOR_VERSION
from tests.library.fakes import FakeEncoder, Shelf, vector_of

# Written by hand from the code of these formats: nothing of today's code may change them.
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
FORMAT_2 = """
ALTER TABLE videos ADD COLUMN mtime_ns INTEGER;
ALTER TABLE videos ADD COLUMN ctime_ns INTEGER;
ALTER TABLE videos ADD COLUMN digest BLOB;
ALTER TABLE videos ADD COLUMN notes TEXT;
DROP INDEX IF EXISTS videos_by_content;
CREATE INDEX videos_by_content ON videos (content_key, status);
CREATE INDEX videos_by_digest ON videos (digest, status);
PRAGMA user_version = 2;
"""
OPEN = """
import sys
from deltaclip.library import Library
print("ready", flush=True)
sys.stdin.readline()
with Library.open(sys.argv[1]) as library:
    print(library.status().segments, library.verify().ok, flush=True)
"""


def write_library(shelf: Shelf, version: int) -> None:
    """small and large: indexed, of 1 and 3 moments. gone: missing. cut: damaged. bad: failed."""
    texts = {
        "small.mp4": "small 1",
        "large.mp4": "large 3".ljust(2**21),
        "gone.mp4": "gone 1",
        "cut.mp4": "cut 2 damaged",
        "bad.mp4": "rubbish",
    }
    files = {name: shelf.write(name, text) for name, text in texts.items()}
    shelf.library.close()
    file = shelf.library_path / "library.sqlite"
    file.unlink()
    with closing(sqlite3.connect(file)) as db, db:
        db.execute("PRAGMA journal_mode = WAL")
        db.executescript(FORMAT_1 + FORMAT_2 * (version == 2))
        # Vectors of today's version, which these formats never held: otherwise all of them would be read again.
        meta = {"encoder": "fake", "motion": "difference", "num_frames": "1", "dimension": "16"}
        meta |= {"fingerprint": FakeEncoder().fingerprint, "vector_version": str(VECTOR_VERSION)}
        db.executemany("INSERT INTO meta VALUES (?, ?)", meta.items())
        for number, path in enumerate(files.values(), 1):
            insert_video(db, version, 10 * number, path)
    files["gone.mp4"].rename(shelf.videos.parent / "elsewhere.mp4")


def insert_video(db: sqlite3.Connection, version: int, number: int, path: Path) -> None:
    words = path.read_text().split()
    seed, count = words[0], int(words[1]) if len(words) > 1 else 0
    content = with_digest(path, sample_of(path))
    states = {"bad": ("failed", "not a video"), "cut": ("damaged", "cut off")}
    status, reason = states.get(path.stem, ("indexed", None))
    row = {
        "id": number,
        "path": bytes(path),
        "size_bytes": content.stamp.size_bytes,
        "content_key": content.sample,
        "status": status,
        "reason": reason,
        "missing": int(path.stem == "gone"),
        "num_segments": count,
        "duration_seconds": 15.0 * count if count else None,
    }
    if version == 2:
        row |= {"mtime_ns": content.stamp.mtime_ns, "ctime_ns": content.stamp.ctime_ns, "digest": content.digest}
        row |= {"notes": "dark\nshort" if path.stem == "small" else None}
    db.execute(f"INSERT INTO videos ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})", [*row.values()])
    for place in range(count):
        values = (number, 15.0 * place, 15.0 * place + 15, 0.1 * place or None, vector_of(seed, place).tobytes())
        db.execute("INSERT INTO segments VALUES (?, ?, ?, ?, ?)", values)


def format_of(shelf: Shelf) -> int:
    with closing(sqlite3.connect(shelf.library_path / "library.sqlite")) as db:
        return int(db.execute("PRAGMA user_version").fetchone()[0])


@pytest.mark.parametrize("version", [1, 2])
def test_an_older_library_is_brought_up_to_date_and_nothing_is_lost(shelf: Shelf, version: int) -> None:
    write_library(shelf, version)
    with shelf.open() as library:
        status = library.status()
        assert (status.videos, status.segments, status.failed, status.missing) == (3, 6, 2, 1)
        cut, bad = shelf.videos / "cut.mp4", shelf.videos / "bad.mp4"
        assert library.failures() == (Failure(bad, "not a video"), Failure(cut, "cut off"))
        read = [(m.path.stem, m.start, m.end, m.coverage, m.vector.tobytes()) for m in library.moments()]
        assert read == [
            (name, 15.0 * n, 15.0 * n + 15, 0.1 * n or None, vector_of(name, n).tobytes())
            for name, count in (("cut", 2), ("gone", 1), ("large", 3), ("small", 1))
            for n in range(count)
        ]
        hits = library.search("large 2", limit=9)
        assert (hits[0].path.stem, hits[0].start, len(hits)) == ("large", 30.0, 6)
        assert "gone" not in {hit.path.stem for hit in hits}
        remembered = library.remembered_encoder()
        assert remembered is not None
        assert (remembered.name, remembered.motion, remembered.num_frames) == ("fake", "difference", 1)
        assert remembered.options == {"motion": "difference", "num_frames": 1}
    assert format_of(shelf) == 4


def test_what_format_2_knew_of_files_is_known(shelf: Shelf) -> None:
    write_library(shelf, 2)
    with shelf.open() as library:
        small = shelf.videos / "small.mp4"
        assert library.notes() == (Note(small, "dark"), Note(small, "short"))
        row = next(row for row in library.videos() if row.path == small)
        assert row.stamp is not None
        assert row.sample is not None
        assert Content(row.stamp, row.sample, row.digest) == with_digest(small, sample_of(small))
        assert Stamp.of(small) == row.stamp
        assert library.verify().ok
    (shelf.videos / "cut.mp4").unlink()
    (shelf.videos / "bad.mp4").unlink()
    with shelf.open() as library:
        assert library.index([shelf.videos], motion_words=False).unchanged == 2
    assert shelf.reader.opened == []


def test_what_format_1_knew_by_samples_alone_is_read_again_if_one_obeys_verify(shelf: Shelf) -> None:
    write_library(shelf, 1)
    with Library.open(shelf.library_path) as library:
        # What was known by samples alone cannot be told from another file of the same sample.
        (problem,) = library.verify().problems
        large = shelf.videos / "large.mp4"
        assert problem.startswith(f"1 video ({large}): indexed by an earlier deltaclip")
        assert library.verify().unsure == (large,)
    shelf.library = shelf.open()
    (shelf.videos.parent / "elsewhere.mp4").rename(shelf.videos / "gone.mp4")
    (shelf.videos / "bad.mp4").unlink()
    (shelf.videos / "cut.mp4").unlink()
    report = shelf.library.index([shelf.videos], motion_words=False)
    assert (report.unchanged, report.indexed, report.failed) == (2, 1, 0)
    assert shelf.reader.opened == ["large.mp4"]
    assert shelf.library.verify().ok


def test_the_room_of_the_old_tables_is_given_back(shelf: Shelf) -> None:
    write_library(shelf, 2)
    file = shelf.library_path / "library.sqlite"
    with closing(sqlite3.connect(file)) as db, db:
        blobs = [(10, 100.0 + n, 101.0 + n, bytes(16 * 1024)) for n in range(300)]
        db.executemany("INSERT INTO segments VALUES (?, ?, ?, NULL, ?)", blobs)
    assert file.stat().st_size > 4_000_000
    with Library.open(shelf.library_path):
        pass
    assert file.stat().st_size < 200_000


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE segments SET vector = x'00' WHERE video_id = 20 AND start_seconds = 15",
        "DELETE FROM segments WHERE video_id = 20 AND start_seconds = 15",
    ],
)
def test_a_video_whose_old_moments_are_damaged_waits_to_be_indexed_again(shelf: Shelf, damage: str) -> None:
    write_library(shelf, 2)
    with closing(sqlite3.connect(shelf.library_path / "library.sqlite")) as db, db:
        db.execute(damage)
    with shelf.open() as library:
        large = shelf.videos / "large.mp4"
        assert Failure(large, "its moments in the earlier format were damaged. Index it again.") in library.failures()
        assert library.status().segments == 3
        assert library.verify().ok
        library.index([large])
        assert [hit.path for hit in library.search("large 2", limit=1)] == [large]
    assert shelf.reader.opened == ["large.mp4"]


def test_an_old_library_before_its_first_video_is_brought_up_to_date(shelf: Shelf) -> None:
    write_library(shelf, 2)
    with closing(sqlite3.connect(shelf.library_path / "library.sqlite")) as db, db:
        db.executescript("DELETE FROM meta; DELETE FROM segments; DELETE FROM videos;")
    with shelf.open() as library:
        assert library.remembered_encoder() is None
        assert library.index([shelf.videos / "small.mp4"]).indexed == 1
        assert library.verify().ok


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("where", ["_moved_moments", "_END_FORMAT_3", "SCHEMA_VERSION"])
def test_an_upgrade_that_is_broken_off_leaves_the_older_library(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch, version: int, where: str
) -> None:
    write_library(shelf, version)
    with monkeypatch.context() as patch:
        patch.setattr(upgrade_module, where, "no number")
        with pytest.raises((LibraryError, TypeError)):
            Library.open(shelf.library_path)
    assert format_of(shelf) == version
    assert not list(shelf.library_path.glob("vectors-*"))
    with closing(sqlite3.connect(shelf.library_path / "library.sqlite")) as db:
        assert len(db.execute("SELECT * FROM segments").fetchall()) == 7
    with Library.open(shelf.library_path) as library:
        assert library.status().segments == 6


def test_a_disk_without_room_for_the_vectors_leaves_the_older_library(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    write_library(shelf, 2)
    with monkeypatch.context() as patch:
        patch.setattr(vectors_module, "_write", full)
        with pytest.raises(LibraryError, match=r"the disk is full \(No space left on device\). Make room"):
            Library.open(shelf.library_path)
    assert format_of(shelf) == 2
    assert not list(shelf.library_path.glob("vectors-*"))


def test_many_processes_may_open_an_older_library_at_once(shelf: Shelf) -> None:
    write_library(shelf, 2)
    command = [sys.executable, "-c", OPEN, str(shelf.library_path)]
    pipe = subprocess.PIPE
    processes = [subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) for _ in range(4)]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    assert [process.communicate()[0] for process in processes] == ["6 True\n"] * 4
    assert len(list(shelf.library_path.glob("vectors-*"))) == 1


def test_an_older_deltaclip_that_indexes_is_not_disturbed(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    write_library(shelf, 2)
    monkeypatch.setattr("deltaclip.library.sqlite.opening.UPGRADE_SECONDS", 0.2)
    with writer_lock(shelf.library_path / "library.lock"), pytest.raises(LockedError):
        Library.open(shelf.library_path)
    assert format_of(shelf) == 2


def test_videos_of_an_older_library_that_folders_pass_over_are_named_and_read_if_they_are_given(shelf: Shelf) -> None:
    write_library(shelf, 1)
    with closing(sqlite3.connect(shelf.library_path / "library.sqlite")) as db, db:
        hidden = [shelf.videos / f".{number}.mp4" for number in range(5)]
        for number, path in enumerate(hidden):
            path.write_text(f"hidden{number} 1".ljust(2**21))
            insert_video(db, 1, 100 + number, path)
    shelf.library = shelf.open()
    (shelf.videos / "cut.mp4").unlink()
    (shelf.videos / "bad.mp4").unlink()
    shelf.library.index([shelf.videos])
    report = shelf.library.verify()
    names = ", ".join(map(str, hidden[:3]))
    assert report.problems[0].startswith(f"5 videos ({names} and 2 more): indexed by an earlier deltaclip")
    assert report.problems[0].endswith("files that are skipped there are read if they are given to index by name.")
    assert report.unsure == tuple(hidden)
    shelf.library.index(report.unsure)
    assert shelf.library.verify().ok
