"""What is known of every video: rows in and out of the database."""

import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from deltaclip.library.content import Content, Stamp
from deltaclip.library.database import Database
from deltaclip.library.encoders import drop_outdated, require_same_encoder, stored_encoder
from deltaclip.library.protocols import VectorEncoder
from deltaclip.library.results import Failure, Note, RememberedEncoder, Status
from deltaclip.provenance import VECTOR_VERSION

__all__ = ["Ledger", "Moment", "VideoRow", "VideoStatus"]

VideoStatus = Literal["indexed", "damaged", "failed"]
"""`indexed`: all of it. `damaged`: the moments before the damage. `failed`: no moment at all."""


@dataclass(frozen=True, slots=True, eq=False)
class Moment:
    """A segment of a video and its vector.

    start, end: seconds, start <= second < end. coverage: mean share that moves, None without masks.
    vector: (D,) float32, unit length.
    """

    start: float
    end: float
    coverage: float | None
    vector: NDArray[np.float32] = field(repr=False)


@dataclass(frozen=True, slots=True)
class VideoRow:
    """One video as the database has it.

    size_bytes, sample: None if the file could not be read. stamp, digest: None as well if nobody looked at all of it,
    as in rows of an earlier deltaclip. missing: gone at the last look; its moments are kept and not searched.
    """

    id: int
    path: Path
    size_bytes: int | None
    sample: bytes | None
    stamp: Stamp | None
    digest: bytes | None
    status: VideoStatus
    reason: str | None
    missing: bool
    num_segments: int
    duration_seconds: float | None

    def may_be(self, content: Content) -> bool:
        """Whether size and sample are those of `content`: True for equal bytes, and for few others."""
        return (self.size_bytes, self.sample) == (content.stamp.size_bytes, content.sample)


_ROW = (
    "id, path, size_bytes, content_key, mtime_ns, ctime_ns, digest, status, reason, missing, num_segments,"
    " duration_seconds"
)
_CONTENT = "size_bytes, mtime_ns, ctime_ns, content_key, digest"


class Ledger:
    """The videos of one library. Each method is one transaction."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def encoder(self) -> RememberedEncoder | None:
        """Who made the vectors; None before the first `index`."""
        with self.database.reading() as db:
            return stored_encoder(db)

    def remember(self, encoder: VectorEncoder) -> None:
        """Writes down who makes the vectors. LibraryError where there are vectors of another encoder already.

        Vectors that an older deltaclip made with this encoder are dropped, since they cannot be compared with new ones.
        Their videos stay, those that are missing too, as failed ones that wait to be indexed again.
        """
        values = {
            "encoder": encoder.name,
            "motion": encoder.reader_spec.motion_word,
            "num_frames": str(encoder.reader_spec.num_frames),
            "fingerprint": encoder.fingerprint,
            "dimension": str(encoder.dimension),
            "vector_version": str(VECTOR_VERSION),
        }
        with self.database.writing() as db:
            require_same_encoder(db, encoder, self.database.folder, renewing=True)
            drop_outdated(db)
            db.executemany("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", values.items())

    def video(self, path: Path) -> VideoRow | None:
        """The row of the video under this path."""
        return next(iter(self._rows("path = ?", os.fsencode(path))), None)

    def videos(self) -> list[VideoRow]:
        """All rows, by path."""
        return self._rows("TRUE")

    def below(self, path: Path) -> list[VideoRow]:
        """The rows of `path` itself and of everything under it, by path."""
        own = os.fsencode(path)
        prefix = own if own.endswith(os.fsencode(os.sep)) else own + os.fsencode(os.sep)
        # Bytes compare as memory does: all that begins with "…/" lies before "…" and the byte after "/".
        after = prefix[:-1] + bytes([prefix[-1] + 1])
        return self._rows("path = ? OR (path >= ? AND path < ?)", own, prefix, after)

    def knows_sample(self, content: Content) -> bool:
        """Whether a video that was read to its end may have these bytes."""
        with self.database.reading() as db:
            query = "SELECT EXISTS (SELECT 1 FROM videos WHERE content_key = ? AND status = 'indexed')"
            return bool(db.execute(query, (content.sample,)).fetchone()[0])

    def twins(self, digest: bytes) -> list[VideoRow]:
        """Videos of exactly these bytes that were read to their end, by path."""
        return self._rows("digest = ? AND status = 'indexed'", digest)

    def a_twin(self, digest: bytes, besides: Iterable[int] = ()) -> VideoRow | None:
        """One of them, none with these ids, or None; as fast for thousands of them as for one."""
        condition = "digest = ? AND status = 'indexed' AND id NOT IN (SELECT value FROM json_each(?))"
        return next(iter(self._rows(condition, digest, json.dumps([*besides]), order="id LIMIT 1")), None)

    def store(
        self,
        path: Path,
        content: Content | None,
        status: VideoStatus,
        reason: str | None,
        moments: Sequence[Moment],
        notes: Sequence[str] = (),
    ) -> None:
        """Puts a video and its moments in the place of whatever was known under this path."""
        end = moments[-1].end if moments else None
        with self.database.writing() as db:
            db.execute("DELETE FROM videos WHERE path = ?", (os.fsencode(path),))
            cursor = db.execute(
                f"INSERT INTO videos (path, {_CONTENT}, status, reason, num_segments, duration_seconds, notes)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (os.fsencode(path), *_columns(content), status, reason, len(moments), end, "\n".join(notes) or None),
            )
            db.executemany(
                "INSERT INTO segments (video_id, start_seconds, end_seconds, coverage, vector) VALUES (?, ?, ?, ?, ?)",
                [(cursor.lastrowid, m.start, m.end, m.coverage, m.vector.astype("<f4").tobytes()) for m in moments],
            )

    def move(self, row: VideoRow, path: Path, stamp: Stamp) -> bool:
        """The same video under another path, in the place of whatever was known there. False if it is gone by now."""
        with self.database.writing() as db:
            if not db.execute("SELECT EXISTS (SELECT 1 FROM videos WHERE id = ?)", (row.id,)).fetchone()[0]:
                return False
            db.execute("DELETE FROM videos WHERE path = ? AND id <> ?", (os.fsencode(path), row.id))
            db.execute(
                "UPDATE videos SET path = ?, mtime_ns = ?, ctime_ns = ?, missing = 0 WHERE id = ?",
                (os.fsencode(path), stamp.mtime_ns, stamp.ctime_ns, row.id),
            )
            return True

    def copy(self, row: VideoRow, path: Path, stamp: Stamp) -> int:
        """A second video with the moments of `row`, in the place of whatever was known under `path`; returns its id."""
        with self.database.writing() as db:
            db.execute("DELETE FROM videos WHERE path = ? AND id <> ?", (os.fsencode(path), row.id))
            cursor = db.execute(
                f"INSERT INTO videos (path, {_CONTENT}, status, reason, num_segments, duration_seconds, notes)"
                " SELECT ?, size_bytes, ?, ?, content_key, digest, status, reason, num_segments, duration_seconds,"
                " notes FROM videos WHERE id = ?",
                (os.fsencode(path), stamp.mtime_ns, stamp.ctime_ns, row.id),
            )
            db.execute(
                "INSERT INTO segments (video_id, start_seconds, end_seconds, coverage, vector)"
                " SELECT ?, start_seconds, end_seconds, coverage, vector FROM segments WHERE video_id = ?",
                (cursor.lastrowid, row.id),
            )
            assert cursor.lastrowid is not None, "an INSERT has one"
            return cursor.lastrowid

    def seen_again(self, row: VideoRow, content: Content) -> None:
        """The file of `row` is there with the same bytes; its times may be others."""
        with self.database.writing() as db:
            db.execute(
                "UPDATE videos SET missing = 0, mtime_ns = ?, ctime_ns = ? WHERE id = ?",
                (content.stamp.mtime_ns, content.stamp.ctime_ns, row.id),
            )

    def set_missing(self, rows: Iterable[VideoRow], missing: bool) -> None:
        """Takes videos out of the search without losing their moments, or back into it."""
        with self.database.writing() as db:
            db.executemany("UPDATE videos SET missing = ? WHERE id = ?", [(missing, row.id) for row in rows])

    def delete(self, rows: Iterable[VideoRow]) -> None:
        """Forgets videos and their moments."""
        with self.database.writing() as db:
            db.executemany("DELETE FROM videos WHERE id = ?", [(row.id,) for row in rows])

    def failures(self) -> tuple[Failure, ...]:
        """Files that failed or are damaged and were there at the last look, by path."""
        rows = self._rows("status <> 'indexed' AND NOT missing")
        return tuple(Failure(row.path, row.reason or "") for row in rows)

    def notes(self) -> tuple[Note, ...]:
        """What the readers of the files found worth saying, by path."""
        with self.database.reading() as db:
            rows = db.execute(
                "SELECT path, notes FROM videos WHERE notes IS NOT NULL AND NOT missing ORDER BY path"
            ).fetchall()
        return tuple(Note(Path(os.fsdecode(path)), text) for path, lines in rows for text in lines.split("\n"))

    def status(self) -> Status:
        """Counts, and who made the vectors."""
        with self.database.reading() as db:
            encoder = stored_encoder(db)
            counts = db.execute(
                "SELECT count(*) FILTER (WHERE status <> 'failed' AND NOT missing),"
                " coalesce(sum(num_segments) FILTER (WHERE NOT missing), 0),"
                " count(*) FILTER (WHERE status <> 'indexed' AND NOT missing),"
                " count(*) FILTER (WHERE missing) FROM videos"
            ).fetchone()
        videos, segments, failed, missing = counts
        name, fingerprint = (encoder.name, encoder.fingerprint) if encoder else (None, None)
        return Status(videos, segments, failed, missing, name, fingerprint)

    def _rows(self, condition: str, *values: object, order: str = "path") -> list[VideoRow]:
        with self.database.reading() as db:
            rows = db.execute(f"SELECT {_ROW} FROM videos WHERE {condition} ORDER BY {order}", values).fetchall()
        return [
            VideoRow(
                number,
                Path(os.fsdecode(path)),
                size,
                sample,
                _stamp(size, *times),
                digest,
                status,
                reason,
                bool(missing),
                count,
                duration,
            )
            for number, path, size, sample, *times, digest, status, reason, missing, count, duration in rows
        ]


def _columns(content: Content | None) -> tuple[int | bytes | None, ...]:
    """What is known of a file, in the order of _CONTENT."""
    if content is None:
        return (None,) * 5
    stamp = content.stamp
    return stamp.size_bytes, stamp.mtime_ns, stamp.ctime_ns, content.sample, content.digest


def _stamp(size_bytes: int | None, mtime_ns: int | None, ctime_ns: int | None) -> Stamp | None:
    if size_bytes is None or mtime_ns is None or ctime_ns is None:
        return None
    return Stamp(size_bytes, mtime_ns, ctime_ns)
