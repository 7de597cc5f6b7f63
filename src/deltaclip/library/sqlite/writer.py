"""The SQLite store: writing."""

import os
import sqlite3
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path

from deltaclip.library.content import Stamp
from deltaclip.library.encoders import outdated_reason, require_same_encoder
from deltaclip.library.results import RememberedEncoder, RememberedMotionEncoder
from deltaclip.library.sqlite import meta
from deltaclip.library.sqlite.database import Database
from deltaclip.library.sqlite.errors import disk_error
from deltaclip.library.sqlite.forgetting import forget_motion
from deltaclip.library.sqlite.rows import insert_video, moments_of, no_motion
from deltaclip.library.sqlite.tidying import delete_unused_files
from deltaclip.library.sqlite.vectors import LostRowsError, VectorFile, append, as_bytes, give_back, read_rows
from deltaclip.library.store import NewVideo, VideoRow

__all__ = ["SqliteWriter"]


class SqliteWriter:
    """As `store.Writer`, while its maker holds the lock. New vectors are on disk before the commit that names them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self) -> None:
        """Deletes what a writer that was killed left behind."""
        delete_unused_files(self._database)

    def remember(self, encoder: RememberedEncoder, motion: RememberedMotionEncoder | None = None) -> None:
        """As `store.Writer.remember`."""
        with self._database.writing() as db:
            known = meta.read_meta(db)
            stored = meta.stored_encoder(known)
            require_same_encoder(str(self._database.folder), stored, meta.has_moments(db), encoder, renewing=True)
            if (reason := outdated_reason(stored)) is not None:
                db.execute("DELETE FROM moments")
                db.execute(
                    "UPDATE videos SET status = 'failed', reason = ?, num_segments = 0, duration_seconds = NULL,"
                    " first_row = NULL, crc = NULL, num_motion = 0, motion_crc = NULL WHERE status <> 'failed'",
                    (reason,),
                )
            first: int | None = int(known.get("vectors_rows") or 0)
            renewed = stored is None or stored.fingerprint != encoder.fingerprint
            if renewed:  # of none of the vectors that there were
                meta.use_new_file(db, known)
                first = 0
            stored_motion = meta.stored_motion_encoder(known)
            if renewed or (stored_motion and stored_motion.fingerprint) != (motion and motion.fingerprint):
                db.execute("UPDATE videos SET num_motion = 0, motion_crc = NULL WHERE num_motion > 0")
                meta.use_new_motion_file(db, known, None if motion is None else first)
            meta.remember(db, encoder, motion)

    def put(self, videos: Sequence[NewVideo]) -> None:
        """As `store.Writer.put`."""
        with self._database.writing() as db:
            file, motion = self._files(db)
            row, pieces = file.num_rows, list[tuple[bytes, bytes]]()
            motion_dimension = None if motion is None else motion.dimension
            for video in videos:
                pieces.append(insert_video(db, video, row, file.dimension, motion_dimension))
                row += len(video.moments)
            self._append(db, row - file.num_rows, file, motion, *map(b"".join, zip(*pieces, strict=True)))

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
            file, motion = self._files(db)
            [video] = moments_of(db, [int(row.id)]).values()
            data = moves = b""
            if video.first_row is not None:
                data = self._read(file, video.first_row, video.num_rows)
                if motion is not None and video.num_motion:
                    moves = self._read(motion, video.first_row, video.num_rows)
                elif motion is not None:
                    moves = as_bytes(no_motion(video.num_rows, motion.dimension))
            db.execute("DELETE FROM videos WHERE path = ? AND id <> ?", (os.fsencode(path), video.id))
            number = db.execute(
                "INSERT INTO videos (path, size_bytes, mtime_ns, ctime_ns, sample, digest, status, reason, notes,"
                " num_segments, duration_seconds, first_row, crc, num_motion, motion_crc)"
                " SELECT ?, size_bytes, ?, ?, sample, digest, status, reason, notes, num_segments, duration_seconds,"
                " ?, ?, num_motion, ? FROM videos WHERE id = ?",
                (
                    os.fsencode(path),
                    stamp.mtime_ns,
                    stamp.ctime_ns,
                    file.num_rows if data else None,
                    zlib.crc32(data) if data else None,
                    zlib.crc32(moves) if video.num_motion else None,
                    video.id,
                ),
            ).lastrowid
            db.execute(
                "INSERT INTO moments (video_id, number, start_seconds, end_seconds, coverage)"
                " SELECT ?, number, start_seconds, end_seconds, coverage FROM moments WHERE video_id = ?",
                (number, video.id),
            )
            self._append(db, video.num_rows if data else 0, file, motion, data, moves)
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

    def forget_motion(self, rows: Iterable[VideoRow]) -> None:
        """As `store.Writer.forget_motion`."""
        forget_motion(self._database, [int(row.id) for row in rows])

    def _files(self, db: sqlite3.Connection) -> tuple[VectorFile, VectorFile | None]:
        """Of vectors and of motion vectors."""
        known = meta.read_meta(db)
        file = meta.vector_file(known, self._database.folder)
        assert file is not None, "no vectors come before their encoder: `remember` is called first"
        return file, meta.motion_file(known, self._database.folder)

    def _read(self, file: VectorFile, first: int, count: int) -> bytes:
        try:
            return as_bytes(read_rows(file, first, count))
        except FileNotFoundError as err:
            raise LostRowsError.missing(file) from err
        except OSError as err:
            raise disk_error(self._database.folder, err) from err

    def _append(
        self,
        db: sqlite3.Connection,
        num_rows: int,
        file: VectorFile,
        motion: VectorFile | None,
        data: bytes = b"",
        moves: bytes = b"",
    ) -> None:
        """So many vectors and motion vectors behind the others, in the transaction of `db`."""
        if num_rows:
            try:
                append(file, data)
                if motion is not None:
                    self._append_motion(file, motion, moves)
            except OSError as err:
                raise disk_error(self._database.folder, err) from err
            meta.use_rows(db, file.num_rows + num_rows)

    def _append_motion(self, file: VectorFile, motion: VectorFile, moves: bytes) -> None:
        try:
            append(motion, moves)
        except (OSError, LostRowsError):
            give_back(file)
            raise
