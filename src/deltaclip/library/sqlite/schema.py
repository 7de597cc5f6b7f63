"""The tables of a library, and how those of an earlier format become those of this one."""

import sqlite3

__all__ = ["APPLICATION_ID", "SCHEMA_VERSION", "identity", "make_tables", "upgrade"]

APPLICATION_ID = 0x646C7463
"""Four bytes in the head of the file ("dltc") that tell our databases from those of other programs."""
SCHEMA_VERSION = 2

# Paths are bytes, as file systems have them. A failed video has no segments, a damaged one those before the damage.
# What is known of the file (size to digest) is NULL if it could not even be read. mtime_ns, ctime_ns and digest are
# NULL as well in rows that format 1 had, which knew a file by its sample alone. See `content.Content`.
# num_segments and duration_seconds (end of the last segment) repeat what the segments say so that `verify` can compare.
# notes: sentences, one a line, or NULL.
_TABLES = """
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
CREATE TABLE segments (
    video_id INTEGER NOT NULL REFERENCES videos (id) ON DELETE CASCADE,
    start_seconds REAL NOT NULL,
    end_seconds REAL NOT NULL,
    coverage REAL,
    vector BLOB NOT NULL,
    PRIMARY KEY (video_id, start_seconds)
);
"""
_SINCE_FORMAT_2 = """
ALTER TABLE videos ADD COLUMN mtime_ns INTEGER;
ALTER TABLE videos ADD COLUMN ctime_ns INTEGER;
ALTER TABLE videos ADD COLUMN digest BLOB;
ALTER TABLE videos ADD COLUMN notes TEXT;
DROP INDEX IF EXISTS videos_by_content;
CREATE INDEX videos_by_content ON videos (content_key, status);
CREATE INDEX videos_by_digest ON videos (digest, status);
"""
_SAMPLED_WHOLE = 1024 * 1024
"""Up to this size the sample of format 1 was of every byte, so that it is the digest."""


def identity(db: sqlite3.Connection) -> tuple[int, int, bool]:
    """Application id, schema version, and whether there is no table at all."""
    owner, version = (db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version"))
    return owner, version, db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0


def make_tables(db: sqlite3.Connection) -> None:
    """Makes the tables in an empty database, inside the transaction of the caller."""
    _run(db, _TABLES + _SINCE_FORMAT_2)
    db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


def upgrade(db: sqlite3.Connection) -> None:
    """Brings tables of format 1 to this format, inside the transaction of the caller. No row is lost."""
    _run(db, _SINCE_FORMAT_2)
    db.execute("UPDATE videos SET digest = content_key WHERE size_bytes <= ?", (_SAMPLED_WHOLE,))
    db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


def _run(db: sqlite3.Connection, statements: str) -> None:
    for statement in filter(str.strip, statements.split(";")):
        db.execute(statement)
