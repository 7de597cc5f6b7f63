"""What is known of every video: rows in and out of the database."""

import os
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from deltaclip.errors import LibraryError
from deltaclip.library.content import Content
from deltaclip.library.database import Database
from deltaclip.library.protocols import VectorEncoder
from deltaclip.library.results import Failure, RememberedEncoder, Status
from deltaclip.provenance import VECTOR_VERSION

__all__ = ["Ledger", "Moment", "VideoRow", "VideoStatus", "require_same_encoder", "stored_encoder"]

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
    """One video as the database has it. content_key: None where the file could not be read. missing: gone at the
    last look; its moments are kept and not searched."""

    id: int
    path: Path
    content_key: bytes | None
    status: VideoStatus
    reason: str | None
    missing: bool
    num_segments: int
    duration_seconds: float | None


_ROW = "id, path, content_key, status, reason, missing, num_segments, duration_seconds"


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
            "motion": encoder.reader_spec.motion,
            "num_frames": str(encoder.reader_spec.num_frames),
            "fingerprint": encoder.fingerprint,
            "dimension": str(encoder.dimension),
            "vector_version": str(VECTOR_VERSION),
        }
        with self.database.writing() as db:
            require_same_encoder(db, encoder, self.database.folder, renewing=True)
            _drop_outdated(db)
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

    def twins(self, content: Content) -> list[VideoRow]:
        """Videos of this content that were read to their end, by path."""
        return self._rows("content_key = ? AND status = 'indexed'", content.key)

    def store(
        self, path: Path, content: Content | None, status: VideoStatus, reason: str | None, moments: Sequence[Moment]
    ) -> None:
        """Puts a video and its moments in the place of whatever was known under this path."""
        size, key = (content.size_bytes, content.key) if content else (None, None)
        end = moments[-1].end if moments else None
        with self.database.writing() as db:
            db.execute("DELETE FROM videos WHERE path = ?", (os.fsencode(path),))
            cursor = db.execute(
                "INSERT INTO videos (path, size_bytes, content_key, status, reason, num_segments, duration_seconds)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                (os.fsencode(path), size, key, status, reason, len(moments), end),
            )
            db.executemany(
                "INSERT INTO segments (video_id, start_seconds, end_seconds, coverage, vector) VALUES (?, ?, ?, ?, ?)",
                [(cursor.lastrowid, m.start, m.end, m.coverage, m.vector.astype("<f4").tobytes()) for m in moments],
            )

    def move(self, row: VideoRow, path: Path) -> None:
        """The same video under another path, in the place of whatever was known there."""
        with self.database.writing() as db:
            db.execute("DELETE FROM videos WHERE path = ? AND id <> ?", (os.fsencode(path), row.id))
            db.execute("UPDATE videos SET path = ?, missing = 0 WHERE id = ?", (os.fsencode(path), row.id))

    def copy(self, row: VideoRow, path: Path) -> None:
        """A second video with the moments of `row`, in the place of whatever was known under `path`."""
        with self.database.writing() as db:
            db.execute("DELETE FROM videos WHERE path = ?", (os.fsencode(path),))
            cursor = db.execute(
                "INSERT INTO videos (path, size_bytes, content_key, status, reason, num_segments, duration_seconds)"
                " SELECT ?, size_bytes, content_key, status, reason, num_segments, duration_seconds"
                " FROM videos WHERE id = ?",
                (os.fsencode(path), row.id),
            )
            db.execute(
                "INSERT INTO segments (video_id, start_seconds, end_seconds, coverage, vector)"
                " SELECT ?, start_seconds, end_seconds, coverage, vector FROM segments WHERE video_id = ?",
                (cursor.lastrowid, row.id),
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

    def _rows(self, condition: str, *values: object) -> list[VideoRow]:
        with self.database.reading() as db:
            rows = db.execute(f"SELECT {_ROW} FROM videos WHERE {condition} ORDER BY path", values).fetchall()
        return [
            VideoRow(number, Path(os.fsdecode(path)), key, status, reason, bool(missing), count, duration)
            for number, path, key, status, reason, missing, count, duration in rows
        ]


def stored_encoder(db: sqlite3.Connection) -> RememberedEncoder | None:
    """The encoder that the library names, read in the transaction of `db`."""
    meta = dict(db.execute("SELECT key, value FROM meta").fetchall())
    if "fingerprint" not in meta:
        return None
    version = meta.get("vector_version")
    return RememberedEncoder(
        name=meta["encoder"],
        motion=meta["motion"],
        num_frames=int(meta["num_frames"]),
        fingerprint=meta["fingerprint"],
        dimension=int(meta["dimension"]),
        vector_version=None if version is None else int(version),
    )


def require_same_encoder(
    db: sqlite3.Connection, encoder: VectorEncoder, folder: Path, *, renewing: bool = False
) -> None:
    """Raises LibraryError where the vectors come from another encoder: scores between two mean nothing.

    Without any vector a library takes whatever encoder comes. renewing: whether those of the same encoder in an older
    deltaclip pass, because they are not compared with new ones but replaced.
    """
    stored = stored_encoder(db)
    if stored is None or stored.fingerprint == encoder.fingerprint:
        return
    if not db.execute("SELECT EXISTS (SELECT 1 FROM segments)").fetchone()[0]:
        return
    spec = encoder.reader_spec
    if stored.vector_version is not None and stored.vector_version > VECTOR_VERSION:
        found = f"its vectors are of version {stored.vector_version}, and this deltaclip makes version {VECTOR_VERSION}"
        raise LibraryError(str(folder), found, "Use the newer deltaclip, or give another folder with --library.")
    is_asked_for = (stored.name, stored.motion, stored.num_frames) == (encoder.name, spec.motion, spec.num_frames)
    if stored.outdated is None or not is_asked_for:
        raise LibraryError(
            str(folder),
            f"made by {_words(stored.name, stored.motion, stored.num_frames, stored.fingerprint)}, "
            f"not by {_words(encoder.name, spec.motion, spec.num_frames, encoder.fingerprint)}",
            "Leave encoder and motion out to use the library's own, or give another folder with --library.",
        )
    if not renewing:
        remedy = (
            "Run `deltaclip index` again with the same folders, which replaces them; videos that are missing now stay "
            "known, and are indexed when they are back."
        )
        raise LibraryError(str(folder), stored.outdated, remedy)


def _drop_outdated(db: sqlite3.Connection) -> None:
    """Drops the vectors of an older version, and leaves their videos as failed ones, which `index` reads again."""
    stored = stored_encoder(db)
    if stored is None or stored.outdated is None:
        return
    db.execute("DELETE FROM segments")
    db.execute(
        "UPDATE videos SET status = 'failed', reason = ?, num_segments = 0, duration_seconds = NULL"
        " WHERE status <> 'failed'",
        (f"{stored.outdated}. Index it again.",),
    )


def _words(name: str, motion: str | None, num_frames: int, fingerprint: str) -> str:
    """An encoder in an error message, with all that tells two of one name apart."""
    masks = f"masks {motion}" if motion else "no masks"
    return f"the encoder {name} with {masks} and {num_frames} frames (fingerprint {fingerprint})"
