"""The SQLite store: writing."""

import os
import sqlite3
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path

from deltaclip.library.content import Stamp
from deltaclip.library.encoders import outdated_reason, require_same_encoder
from deltaclip.library.results import RememberedEncoder
from deltaclip.library.sqlite import meta
from deltaclip.library.sqlite.database import Database
from deltaclip.library.sqlite.errors import disk_error
from deltaclip.library.sqlite.rows import insert_video, moments_of
from deltaclip.library.sqlite.tidying import delete_unused_files
from deltaclip.library.sqlite.vectors import LostRowsError, VectorFile, append, as_bytes, read_rows
from deltaclip.library.store import NewVideo, VideoRow

__all__ = ["SqliteWriter"]


class SqliteWriter:
    """As `store.Writer`, while its maker holds the lock. New vectors are on disk before the commit that names them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self) -> None:
        """Deletes what a writer that was killed left behind."""
        delete_unused_files(self._database)

    def remember(self, encoder: RememberedEncoder) -> None:
        """As `store.Writer.remember`."""
        with self._database.writing() as db:
            known = meta.read_meta(db)
            stored = meta.stored_encoder(known)
            require_same_encoder(str(self._database.folder), stored, meta.has_moments(db), encoder, renewing=True)
            if (reason := outdated_reason(stored)) is not None:
                db.execute("DELETE FROM moments")
                db.execute(
                    "UPDATE videos SET status = 'failed', reason = ?, num_segments = 0, duration_seconds = NULL,"
                    " first_row = NULL, crc = NULL WHERE status <> 'failed'",
                    (reason,),
                )
            if stored is None or stored.fingerprint != encoder.fingerprint:  # of none of the vectors that there were
                meta.use_new_file(db, known)
            meta.remember(db, encoder)

    def put(self, videos: Sequence[NewVideo]) -> None:
        """As `store.Writer.put`."""
        with self._database.writing() as db:
            file = self._file(db)
            row, pieces = file.num_rows, list[bytes]()
            for video in videos:
                pieces.append(insert_video(db, video, row, file.dimension))
                row += len(video.moments)
            self._append(db, file, b"".join(pieces))

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
            file = self._file(db)
            [video] = moments_of(db, [int(row.id)]).values()
            data = b""
            if video.first_row is not None:
                data = self._read(file, video.first_row, video.num_rows)
            db.execute("DELETE FROM videos WHERE path = ? AND id <> ?", (os.fsencode(path), video.id))
            number = db.execute(
                "INSERT INTO videos (path, size_bytes, mtime_ns, ctime_ns, sample, digest, status, reason, notes,"
                " num_segments, duration_seconds, first_row, crc) SELECT ?, size_bytes, ?, ?, sample, digest, status,"
                " reason, notes, num_segments, duration_seconds, ?, ? FROM videos WHERE id = ?",
                (
                    os.fsencode(path),
                    stamp.mtime_ns,
                    stamp.ctime_ns,
                    file.num_rows if data else None,
                    zlib.crc32(data) if data else None,
                    video.id,
                ),
            ).lastrowid
            db.execute(
                "INSERT INTO moments (video_id, number, start_seconds, end_seconds, coverage)"
                " SELECT ?, number, start_seconds, end_seconds, coverage FROM moments WHERE video_id = ?",
                (number, video.id),
            )
            self._append(db, file, data)
            return str(number)

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

    def _file(self, db: sqlite3.Connection) -> VectorFile:
        file = meta.vector_file(meta.read_meta(db), self._database.folder)
        assert file is not None, "no vectors come before their encoder: `remember` is called first"
        return file

    def _read(self, file: VectorFile, first: int, count: int) -> bytes:
        try:
            return as_bytes(read_rows(file, first, count))
        except FileNotFoundError as err:
            raise LostRowsError.missing(file) from err
        except OSError as err:
            raise disk_error(self._database.folder, err) from err

    def _append(self, db: sqlite3.Connection, file: VectorFile, data: bytes) -> None:
        """Vectors behind the others, in the transaction of `db`."""
        if data:
            try:
                append(file, data)
            except OSError as err:
                raise disk_error(self._database.folder, err) from err
            meta.use_rows(db, file.num_rows + len(data) // file.row_bytes)
