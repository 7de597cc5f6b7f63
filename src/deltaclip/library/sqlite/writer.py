"""The SQLite store: writing."""

import os
import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path

from deltaclip.library.content import Content, Stamp
from deltaclip.library.encoders import outdated_reason, require_same_encoder
from deltaclip.library.results import RememberedEncoder
from deltaclip.library.sqlite.database import Database
from deltaclip.library.store import NewVideo, VideoRow

__all__ = ["SqliteWriter", "has_moments", "stored_encoder"]

_CONTENT = "size_bytes, mtime_ns, ctime_ns, content_key, digest"


def stored_encoder(db: sqlite3.Connection) -> RememberedEncoder | None:
    """The encoder that the library names, read in the transaction of `db`."""
    meta = dict(db.execute("SELECT key, value FROM meta").fetchall())
    if "fingerprint" not in meta:
        return None

    def number(key: str) -> int | None:
        value = meta.get(key)
        return None if value is None else int(value)

    return RememberedEncoder(
        name=meta["encoder"],
        fingerprint=meta["fingerprint"],
        dimension=int(meta["dimension"]),
        motion=meta["motion"],
        num_frames=int(meta["num_frames"]),
        sampling=meta.get("sampling"),
        max_words=number("max_words"),
        vector_version=number("vector_version"),
    )


def has_moments(db: sqlite3.Connection) -> bool:
    """Whether there is any vector, read in the transaction of `db`."""
    return bool(db.execute("SELECT EXISTS (SELECT 1 FROM segments)").fetchone()[0])


class SqliteWriter:
    """As `store.Writer`, while its maker holds the lock."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def remember(self, encoder: RememberedEncoder) -> None:
        """As `store.Writer.remember`."""
        values = {
            "encoder": encoder.name,
            "motion": encoder.motion,
            "num_frames": encoder.num_frames,
            "sampling": encoder.sampling,
            "max_words": encoder.max_words,
            "fingerprint": encoder.fingerprint,
            "dimension": encoder.dimension,
            "vector_version": encoder.vector_version,
        }
        with self._database.writing() as db:
            stored = stored_encoder(db)
            require_same_encoder(str(self._database.folder), stored, has_moments(db), encoder, renewing=True)
            if (reason := outdated_reason(stored)) is not None:
                db.execute("DELETE FROM segments")
                db.execute(
                    "UPDATE videos SET status = 'failed', reason = ?, num_segments = 0, duration_seconds = NULL"
                    " WHERE status <> 'failed'",
                    (reason,),
                )
            db.executemany("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", values.items())

    def put(self, videos: Sequence[NewVideo]) -> None:
        """As `store.Writer.put`."""
        with self._database.writing() as db:
            for video in videos:
                _insert(db, video)

    def move(self, row: VideoRow, path: Path, stamp: Stamp) -> bool:
        """As `store.Writer.move`."""
        with self._database.writing() as db:
            if not db.execute("SELECT EXISTS (SELECT 1 FROM videos WHERE id = ?)", (int(row.id),)).fetchone()[0]:
                return False
            db.execute("DELETE FROM videos WHERE path = ? AND id <> ?", (os.fsencode(path), int(row.id)))
            db.execute(
                "UPDATE videos SET path = ?, mtime_ns = ?, ctime_ns = ?, missing = 0 WHERE id = ?",
                (os.fsencode(path), stamp.mtime_ns, stamp.ctime_ns, int(row.id)),
            )
            return True

    def copy(self, row: VideoRow, path: Path, stamp: Stamp) -> str:
        """As `store.Writer.copy`."""
        with self._database.writing() as db:
            db.execute("DELETE FROM videos WHERE path = ? AND id <> ?", (os.fsencode(path), int(row.id)))
            cursor = db.execute(
                f"INSERT INTO videos (path, {_CONTENT}, status, reason, num_segments, duration_seconds, notes)"
                " SELECT ?, size_bytes, ?, ?, content_key, digest, status, reason, num_segments, duration_seconds,"
                " notes FROM videos WHERE id = ?",
                (os.fsencode(path), stamp.mtime_ns, stamp.ctime_ns, int(row.id)),
            )
            db.execute(
                "INSERT INTO segments (video_id, start_seconds, end_seconds, coverage, vector)"
                " SELECT ?, start_seconds, end_seconds, coverage, vector FROM segments WHERE video_id = ?",
                (cursor.lastrowid, int(row.id)),
            )
            return str(cursor.lastrowid)

    def seen_again(self, row: VideoRow, stamp: Stamp) -> None:
        """As `store.Writer.seen_again`."""
        with self._database.writing() as db:
            db.execute(
                "UPDATE videos SET missing = 0, mtime_ns = ?, ctime_ns = ? WHERE id = ?",
                (stamp.mtime_ns, stamp.ctime_ns, int(row.id)),
            )

    def set_missing(self, rows: Iterable[VideoRow], missing: bool) -> None:
        """As `store.Writer.set_missing`."""
        with self._database.writing() as db:
            db.executemany("UPDATE videos SET missing = ? WHERE id = ?", [(missing, int(row.id)) for row in rows])

    def delete(self, rows: Iterable[VideoRow]) -> None:
        """As `store.Writer.delete`."""
        with self._database.writing() as db:
            db.executemany("DELETE FROM videos WHERE id = ?", [(int(row.id),) for row in rows])


def _insert(db: sqlite3.Connection, video: NewVideo) -> None:
    """Writes a video and its moments in place of whatever was known under its path."""
    end = video.moments[-1].end if video.moments else None
    db.execute("DELETE FROM videos WHERE path = ?", (os.fsencode(video.path),))
    cursor = db.execute(
        f"INSERT INTO videos (path, {_CONTENT}, status, reason, num_segments, duration_seconds, notes)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            os.fsencode(video.path),
            *_columns(video.content),
            video.status,
            video.reason,
            len(video.moments),
            end,
            "\n".join(video.notes) or None,
        ),
    )
    db.executemany(
        "INSERT INTO segments (video_id, start_seconds, end_seconds, coverage, vector) VALUES (?, ?, ?, ?, ?)",
        [(cursor.lastrowid, m.start, m.end, m.coverage, m.vector.astype("<f4").tobytes()) for m in video.moments],
    )


def _columns(content: Content | None) -> tuple[int | bytes | None, ...]:
    """What is known of a file, in the order of _CONTENT."""
    if content is None:
        return (None,) * 5
    stamp = content.stamp
    return stamp.size_bytes, stamp.mtime_ns, stamp.ctime_ns, content.sample, content.digest
