"""The tables of a library."""

import sqlite3

__all__ = ["APPLICATION_ID", "SCHEMA_VERSION", "UNUSED_FILES_TABLE", "VIDEO_TABLES", "identity", "make_tables", "run"]

APPLICATION_ID = 0x646C7463
"""Four bytes in the head of the file ("dltc") that tell our databases from those of other programs."""
SCHEMA_VERSION = 4

# meta: see meta.py. unused_files: files of vectors that are no longer needed, to be deleted by the next writer; a name
# is here before its file is made, so that a kill leaves none behind.
#
# videos: paths are bytes, as file systems have them. A failed video has no moments, a damaged one those before the
# damage. What is known of the file (size to digest) is NULL if it could not even be read; mtime_ns, ctime_ns and digest
# are also NULL in rows that format 1 had, which knew a file by its sample alone. See `content.Content`. notes:
# sentences, one a line, or NULL. num_segments and duration_seconds (end of the last moment) repeat what the moments
# say, so that `verify` can compare. An id is never given twice.
#
# first_row: the vectors of a video are so many rows of the file of vectors, from here on; crc: zlib.crc32 of them.
# dead_rows: rows of the file that belong to no video any more. A row that counts is of one video or dead.
#
# Motion vectors are in a file of their own, whose rows are those of the file of vectors from the row `motion_first` in
# meta on: one number is one moment in both. num_motion: how many moments of a video have a motion vector; the rows of
# the others are NaN. motion_crc: zlib.crc32 of the rows of the video in that file, NULL if it has no motion vector.
META_TABLE = "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID"
UNUSED_FILES_TABLE = "CREATE TABLE IF NOT EXISTS unused_files (name TEXT PRIMARY KEY) WITHOUT ROWID"
VIDEO_TABLES = """
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
    crc INTEGER,
    num_motion INTEGER NOT NULL DEFAULT 0,
    motion_crc INTEGER
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
"""


def identity(db: sqlite3.Connection) -> tuple[int, int, bool]:
    """Application id, schema version, and whether there is no table at all."""
    owner, version = (db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version"))
    return owner, version, db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0


def make_tables(db: sqlite3.Connection) -> None:
    """Makes the tables in an empty database, inside the transaction of the caller."""
    run(db, f"{META_TABLE};\n{UNUSED_FILES_TABLE};\n{VIDEO_TABLES}")
    db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


def run(db: sqlite3.Connection, statements: str) -> None:
    """Statements that each end with ";" at the end of a line, inside the transaction of the caller."""
    for statement in filter(str.strip, statements.split(";\n")):
        db.execute(statement)
