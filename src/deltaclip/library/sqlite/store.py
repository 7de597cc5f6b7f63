"""The SQLite store: reading."""

import json
import os
import sqlite3
import threading
from collections.abc import Collection, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deltaclip.errors import LibraryError
from deltaclip.library.content import Stamp
from deltaclip.library.encoders import require_same_encoder
from deltaclip.library.lock import writer_lock
from deltaclip.library.results import Failure, Hit, Note, RememberedEncoder, Status
from deltaclip.library.search import VectorTable
from deltaclip.library.sqlite.database import LOCK_NAME, Database
from deltaclip.library.sqlite.errors import AFTER_DAMAGE, not_writable
from deltaclip.library.sqlite.writer import SqliteWriter, has_moments, stored_encoder
from deltaclip.library.store import Moment, NoLibraryError, VideoRow

__all__ = ["SqliteStore"]

_ROW = (
    "id, path, size_bytes, content_key, mtime_ns, ctime_ns, digest, status, reason, missing, num_segments,"
    " duration_seconds"
)


class SqliteStore:
    """As `store.Store`: one SQLite file. Ids are the numbers of its rows."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._table: tuple[str, VectorTable] | None = None
        self._loading = threading.Lock()

    @classmethod
    def open(cls, address: str, *, create: bool) -> "SqliteStore":
        """Opens the library in the folder `address`, as `store.StoreClass` says."""
        return cls(Database.open(Path(address), create=create))

    @classmethod
    def exists(cls, address: str) -> bool:
        """Whether there is a library in the folder; one that is damaged counts.

        A file without tables is none: a full disk leaves one behind, and so does, for a moment, who makes a library.
        """
        try:
            Database.open(Path(address), create=False).close()
        except NoLibraryError:
            return False
        except LibraryError:
            return True
        return True

    @property
    def address(self) -> str:
        """The folder, absolute."""
        return str(self._database.folder)

    @property
    def folder(self) -> Path:
        """The folder, absolute."""
        return self._database.folder

    def close(self) -> None:
        """Gives the files back, once no other thread is in a transaction. May be called again."""
        with self._loading:
            self._table = None
        self._database.close()

    def version(self) -> str:
        """Changes whenever the content may have."""
        return "-".join(map(str, self._database.version()))

    @contextmanager
    def writing(self) -> Iterator[SqliteWriter]:
        """Holds the lock; see `store.Store.writing`."""
        self._database.require_writable()
        with ExitStack() as held:
            try:
                held.enter_context(writer_lock(self.folder / LOCK_NAME, self._holder))
            except OSError as err:
                raise not_writable(self.folder, f"{LOCK_NAME}: {err.strerror}") from err
            with self._database.writing() as db:
                db.execute("INSERT OR REPLACE INTO meta (key, value) VALUES ('writer', ?)", (str(os.getpid()),))
            yield SqliteWriter(self._database)

    def _holder(self) -> str:
        """The process that holds the lock. Only asked while it is held: a number left by a dead one is never shown."""
        with self._database.reading() as db:
            row = db.execute("SELECT value FROM meta WHERE key = 'writer'").fetchone()
        return str(row[0]) if row else "unknown"

    def encoder(self) -> RememberedEncoder | None:
        """Who made the vectors; None before the first `remember`."""
        with self._database.reading() as db:
            return stored_encoder(db)

    def has_moments(self) -> bool:
        """Whether there is any vector, also of a video that is missing."""
        with self._database.reading() as db:
            return has_moments(db)

    def video(self, path: Path) -> VideoRow | None:
        """The row of the video at this path."""
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

    def knows_sample(self, sample: bytes) -> bool:
        """Whether a video that was read to its end has this sample."""
        with self._database.reading() as db:
            query = "SELECT EXISTS (SELECT 1 FROM videos WHERE content_key = ? AND status = 'indexed')"
            return bool(db.execute(query, (sample,)).fetchone()[0])

    def twins(self, digest: bytes) -> list[VideoRow]:
        """Videos of exactly these bytes that were read to their end, by path."""
        return self._rows("digest = ? AND status = 'indexed'", digest)

    def a_twin(self, digest: bytes, besides: Collection[str] = ()) -> VideoRow | None:
        """One of them without these ids, or None; as fast for thousands of them as for one."""
        condition = "digest = ? AND status = 'indexed' AND id NOT IN (SELECT value FROM json_each(?))"
        numbers = json.dumps([int(number) for number in besides])
        return next(iter(self._rows(condition, digest, numbers, order="id LIMIT 1")), None)

    def status(self) -> Status:
        """Counts, and who made the vectors."""
        with self._database.reading() as db:
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

    def failures(self) -> tuple[Failure, ...]:
        """Files that failed or are damaged and were there at the last look, by path."""
        rows = self._rows("status <> 'indexed' AND NOT missing")
        return tuple(Failure(row.path, row.reason or "") for row in rows)

    def notes(self) -> tuple[Note, ...]:
        """What the readers of the files found worth saying, by path."""
        with self._database.reading() as db:
            rows = db.execute(
                "SELECT path, notes FROM videos WHERE notes IS NOT NULL AND NOT missing ORDER BY path"
            ).fetchall()
        return tuple(Note(Path(os.fsdecode(path)), text) for path, lines in rows for text in lines.split("\n"))

    def find(self, queries: NDArray[np.float32], limit: int, made_by: RememberedEncoder | None = None) -> list[Hit]:
        """As `store.Store.find`."""
        with self._loading:  # threads share one table and wait for it together
            version = self.version()
            if self._table is None or self._table[0] != version:
                # The version is asked first: what is committed between the two is loaded once more, never missed.
                self._table = version, self._load(made_by)
            table = self._table[1]
        return table.hits(queries, limit)

    def moments(self, videos: Iterable[VideoRow]) -> Iterator[Moment]:
        """As `store.Store.moments`."""
        for row in videos:
            with self._database.reading() as db:
                found = _moments_of(db, row)
            yield from found

    def moment(self, moment_id: str) -> Moment | None:
        """The moment of that id; None if it is gone by now."""
        number, _, _ = moment_id.partition(".")
        rows = self._rows("id = ?", int(number))
        return next((moment for moment in self.moments(rows) if moment.id == moment_id), None)

    def problems(self) -> Iterator[str]:
        """What SQLite finds in its own file, and what does not belong to any video or encoder."""
        with self._database.reading() as db:
            for (finding,) in db.execute("PRAGMA integrity_check"):
                if finding != "ok":
                    yield f"the database is damaged: {finding}. {AFTER_DAMAGE}"
            orphans = len(db.execute("PRAGMA foreign_key_check").fetchall())
            if orphans:
                yield f"{orphans} moments belong to no video. Index into a new folder with --library."
            if stored_encoder(db) is None and has_moments(db):
                yield "the encoder of the vectors is not known. Index into a new folder with --library."

    def problems_of(self, row: VideoRow) -> Iterator[str]:
        """Vectors whose size is wrong."""
        with self._database.reading() as db:
            encoder = stored_encoder(db)
            size = 4 * encoder.dimension if encoder else 0
            query = "SELECT start_seconds, length(vector) FROM segments WHERE video_id = ? ORDER BY start_seconds"
            rows = db.execute(query, (int(row.id),)).fetchall()
        for start, bytes_there in rows:
            if bytes_there != size:
                yield f"the vector at {start} s has {bytes_there} bytes, not {size}"

    def _load(self, made_by: RememberedEncoder | None) -> VectorTable:
        with self._database.reading() as db:
            stored = stored_encoder(db)
            if made_by is not None:
                require_same_encoder(self.address, stored, has_moments(db), made_by)
            count = db.execute("SELECT coalesce(sum(num_segments), 0) FROM videos WHERE NOT missing").fetchone()[0]
            try:
                return _read_table(db, count, stored.dimension if stored else 1)
            except (ValueError, IndexError) as err:
                found = f"its moments do not fit together ({err})"
                remedy = "Run `deltaclip verify`, which names the videos and says what to do with each."
                raise LibraryError(self.address, found, remedy) from err

    def _rows(self, condition: str, *values: object, order: str = "path") -> list[VideoRow]:
        with self._database.reading() as db:
            rows = db.execute(f"SELECT {_ROW} FROM videos WHERE {condition} ORDER BY {order}", values).fetchall()
        return [
            VideoRow(
                str(number),
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


def _moments_of(db: sqlite3.Connection, row: VideoRow) -> list[Moment]:
    query = (
        "SELECT start_seconds, end_seconds, coverage, vector FROM segments WHERE video_id = ? ORDER BY start_seconds"
    )
    rows = db.execute(query, (int(row.id),)).fetchall()
    return [
        Moment(f"{row.id}.{number}", row.path, start, end, coverage, np.frombuffer(vector, "<f4").astype(np.float32))
        for number, (start, end, coverage, vector) in enumerate(rows)
    ]


def _read_table(db: sqlite3.Connection, count: int, dimension: int) -> VectorTable:
    """Reads `count` moments, each straight into its row: a second copy of a large library has no room."""
    starts, ends = np.empty(count), np.empty(count)
    vectors = np.empty((count, dimension), np.float32)
    paths: list[bytes] = []
    ids: list[str] = []
    coverage: list[float | None] = []
    rows = db.execute(
        "SELECT path, video_id, row_number() OVER (PARTITION BY path ORDER BY start_seconds) - 1,"
        " start_seconds, end_seconds, coverage, vector FROM segments JOIN videos ON videos.id = video_id"
        " WHERE NOT missing ORDER BY path, start_seconds"
    )
    for place, (path, video, number, start, end, share, vector) in enumerate(rows):
        starts[place], ends[place] = start, end
        vectors[place] = np.frombuffer(vector, "<f4", count=dimension)
        paths.append(path)
        ids.append(f"{video}.{number}")
        coverage.append(share)
    if len(paths) != count:
        raise ValueError(f"{len(paths)} where the videos promise {count}")
    return VectorTable(paths, ids, starts, ends, coverage, vectors)


def _stamp(size_bytes: int | None, mtime_ns: int | None, ctime_ns: int | None) -> Stamp | None:
    if size_bytes is None or mtime_ns is None or ctime_ns is None:
        return None
    return Stamp(size_bytes, mtime_ns, ctime_ns)
