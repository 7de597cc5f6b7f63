"""A library of format 3 as earlier versions of deltaclip wrote it: one file of vectors, and nothing about motion."""

import sqlite3
import zlib
from contextlib import closing

import numpy as np

from deltaclip.library.content import sample_of, with_digest
from deltaclip.provenance import VECTOR_VERSION
from tests.library.fakes import FakeEncoder, Shelf, vector_of

# Written by hand from the code of this format: nothing of today's code may change it.
FORMAT_3 = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS unused_files (name TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE videos (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    path BLOB NOT NULL UNIQUE,
    size_bytes INTEGER,
    mtime_ns INTEGER,
    ctime_ns INTEGER,
    sample BLOB,
    digest BLOB,
    status TEXT NOT NULL CHECK (status IN ('indexed', 'damaged', 'failed')),
    reason TEXT CHECK ((reason IS NULL) = (status = 'indexed')),
    notes TEXT,
    missing INTEGER NOT NULL DEFAULT 0 CHECK (missing IN (0, 1)),
    num_segments INTEGER NOT NULL,
    duration_seconds REAL,
    first_row INTEGER UNIQUE CHECK ((first_row IS NULL) = (num_segments = 0)),
    crc INTEGER
);
CREATE INDEX videos_by_sample ON videos (sample, status);
CREATE INDEX videos_by_digest ON videos (digest, status);
CREATE INDEX videos_missing ON videos (first_row, num_segments) WHERE missing;
CREATE TABLE moments (
    video_id INTEGER NOT NULL REFERENCES videos (id) ON DELETE CASCADE,
    number INTEGER NOT NULL,
    start_seconds REAL NOT NULL,
    end_seconds REAL NOT NULL,
    coverage REAL,
    PRIMARY KEY (video_id, number)
) WITHOUT ROWID;
CREATE TABLE dead_rows (first_row INTEGER PRIMARY KEY, num_rows INTEGER NOT NULL);
CREATE TRIGGER rows_die AFTER DELETE ON videos WHEN OLD.first_row IS NOT NULL
    BEGIN INSERT INTO dead_rows VALUES (OLD.first_row, OLD.num_segments) ; END;
PRAGMA application_id = 1684829283;
PRAGMA user_version = 3;
"""
VECTORS = "vectors-0123abcd.f32"


def write_format_3(shelf: Shelf, **counts: int) -> None:
    """A library of these videos and their numbers of moments, with a dead row before them; `gone` is missing."""
    shelf.library.close()
    for file in shelf.library_path.iterdir():
        file.unlink()
    rows = [np.ones(16, np.float32) / 4]
    with closing(sqlite3.connect(shelf.library_path / "library.sqlite")) as db, db:
        db.execute("PRAGMA journal_mode = WAL")
        db.executescript(FORMAT_3)
        db.execute("INSERT INTO dead_rows VALUES (0, 1)")
        for name, count in counts.items():
            path = shelf.write(f"{name}.mp4", f"{name} {count}")
            content = with_digest(path, sample_of(path))
            stamp = content.stamp
            vectors = np.stack([vector_of(name, number) for number in range(count)])
            db.execute(
                "INSERT INTO videos VALUES (NULL, ?, ?, ?, ?, ?, ?, 'indexed', NULL, 'dark', ?, ?, ?, ?, ?)",
                (
                    bytes(path),
                    stamp.size_bytes,
                    stamp.mtime_ns,
                    stamp.ctime_ns,
                    content.sample,
                    content.digest,
                    name == "gone",
                    count,
                    15.0 * count,
                    len(rows),
                    zlib.crc32(vectors.tobytes()),
                ),
            )
            [(video,)] = db.execute("SELECT max(id) FROM videos")
            moments = [(video, n, 15.0 * n, 15.0 * n + 15, 0.25) for n in range(count)]
            db.executemany("INSERT INTO moments VALUES (?, ?, ?, ?, ?)", moments)
            rows += [*vectors]
        meta = {"encoder": "fake", "motion": "difference", "num_frames": "1", "dimension": "16", "max_words": "77"}
        meta |= {"fingerprint": FakeEncoder().fingerprint, "vector_version": str(VECTOR_VERSION), "commits": "7"}
        meta |= {"sampling": "uniform", "vectors_file": VECTORS, "vectors_rows": str(len(rows))}
        db.executemany("INSERT INTO meta VALUES (?, ?)", meta.items())
    (shelf.library_path / VECTORS).write_bytes(np.stack(rows).astype("<f4").tobytes())
    if "gone" in counts:
        (shelf.videos / "gone.mp4").rename(shelf.videos.parent / "elsewhere.mp4")
