"""Libraries of earlier formats become ones of this format, in one transaction: a kill leaves the old one as it was."""

import sqlite3
import zlib
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from deltaclip.library.sqlite import meta
from deltaclip.library.sqlite.schema import SCHEMA_VERSION, UNUSED_FILES_TABLE, VIDEO_TABLES, identity, run
from deltaclip.library.sqlite.vectors import ROW_TYPE, write_rows

__all__ = ["announce", "upgrade"]

_FORMAT_4 = """
ALTER TABLE videos ADD COLUMN num_motion INTEGER NOT NULL DEFAULT 0;
ALTER TABLE videos ADD COLUMN motion_crc INTEGER;
"""
_FORMAT_2 = """
ALTER TABLE videos ADD COLUMN mtime_ns INTEGER;
ALTER TABLE videos ADD COLUMN ctime_ns INTEGER;
ALTER TABLE videos ADD COLUMN digest BLOB;
ALTER TABLE videos ADD COLUMN notes TEXT;
"""
_SAMPLED_WHOLE = 1024 * 1024
"""Up to this size the sample of format 1 was of every byte, so that it is the digest."""
_BEGIN_FORMAT_3 = """
DROP INDEX IF EXISTS videos_by_content;
DROP INDEX IF EXISTS videos_by_digest;
ALTER TABLE videos RENAME TO old_videos;
"""
_COPY_VIDEOS = """
INSERT INTO videos (id, path, size_bytes, mtime_ns, ctime_ns, sample, digest, status, reason, notes, missing,
    num_segments) SELECT id, path, size_bytes, mtime_ns, ctime_ns, content_key, digest, status, reason, notes, missing,
    0 FROM old_videos;
"""
_OLD_MOMENTS = (
    "SELECT id, num_segments, duration_seconds, start_seconds, end_seconds, coverage, vector FROM old_videos"
    " JOIN segments ON video_id = id ORDER BY id, start_seconds"
)
_END_FORMAT_3 = """
UPDATE videos SET status = 'failed', reason = 'its moments in the earlier format were damaged. Index it again.'
    WHERE num_segments = 0 AND id IN (SELECT id FROM old_videos WHERE num_segments > 0);
DROP TABLE segments;
DROP TABLE old_videos;
"""


def announce(db: sqlite3.Connection, name: str) -> None:
    """Says in a library of an earlier format, in a transaction before `upgrade`, which file that may leave behind."""
    db.execute(UNUSED_FILES_TABLE)
    db.execute("INSERT INTO unused_files VALUES (?)", (name,))


def upgrade(db: sqlite3.Connection, folder: Path, name: str) -> None:
    """Brings the tables of an earlier format to this one, inside the transaction of the caller. No row is lost.

    The vectors of formats 1 and 2, which were in the tables, are in the file `name` afterwards. No moment has a motion
    vector. Raises OSError.
    """
    if identity(db)[1] == 3:
        run(db, _FORMAT_4)
    else:
        _move_vectors_out(db, folder, name)
    db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


def _move_vectors_out(db: sqlite3.Connection, folder: Path, name: str) -> None:
    """Formats 1 and 2 had vectors in their tables."""
    if identity(db)[1] == 1:
        run(db, _FORMAT_2)
        db.execute("UPDATE videos SET digest = content_key WHERE size_bytes <= ?", (_SAMPLED_WHOLE,))
    run(db, _BEGIN_FORMAT_3 + VIDEO_TABLES + _COPY_VIDEOS)
    known = meta.read_meta(db)
    if known.get("dimension") is not None:
        write_rows(folder / name, _moved_moments(db, int(known["dimension"] or 0)))
        num_rows = db.execute("SELECT coalesce(sum(num_segments), 0) FROM videos").fetchone()[0]
        meta.use_new_file(db, known, name, num_rows)
    # Video by video: to drop a full table takes as much memory as that has bytes, and twice the time.
    db.executemany("DELETE FROM segments WHERE video_id = ?", db.execute("SELECT id FROM old_videos").fetchall())
    run(db, _END_FORMAT_3)


def _moved_moments(db: sqlite3.Connection, dimension: int) -> Iterator[bytes]:
    """Writes the moments of every video whose vectors are whole into their table, and gives these vectors."""
    row, size = 0, dimension * ROW_TYPE.itemsize
    for (number, count, duration), group in groupby(db.execute(_OLD_MOMENTS), key=lambda moment: moment[:3]):
        moments = list(group)
        if len(moments) != count or any(len(vector) != size for *_, vector in moments):
            continue
        data = b"".join(vector for *_, vector in moments)
        db.executemany(
            "INSERT INTO moments (video_id, number, start_seconds, end_seconds, coverage) VALUES (?, ?, ?, ?, ?)",
            [(number, place, *times) for place, (_, _, _, *times, _) in enumerate(moments)],
        )
        db.execute(
            "UPDATE videos SET num_segments = ?, duration_seconds = ?, first_row = ?, crc = ? WHERE id = ?",
            (count, duration, row, zlib.crc32(data), number),
        )
        row += count
        yield data
