"""The SQLite store: reading."""

import json
import os
import sqlite3
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from deltaclip.errors import LibraryError
from deltaclip.library.both import AppearanceRows, MotionRows, nearest_of_sound
from deltaclip.library.encoders import require_same_encoder, require_same_motion
from deltaclip.library.exact import gathered, searchable
from deltaclip.library.filters import Filter
from deltaclip.library.results import Failure, Hit, Note, RememberedEncoder, RememberedMotionEncoder, Status
from deltaclip.library.sqlite import meta
from deltaclip.library.sqlite.database import Database
from deltaclip.library.sqlite.errors import DATABASE_NAME, disk_error
from deltaclip.library.sqlite.filtering import below, wanted_rows
from deltaclip.library.sqlite.half_files import HalfMap, half_problems
from deltaclip.library.sqlite.opening import lock_for_writing, open_database
from deltaclip.library.sqlite.problems import database_problems, lost_rows
from deltaclip.library.sqlite.rows import VideoMoments, hits_of_rows, moment_id, moments_of, rows_of_moments, video_rows
from deltaclip.library.sqlite.tidying import tidy
from deltaclip.library.sqlite.vectors import LostRowsError, VectorFile, VectorMap, as_bytes, read_rows
from deltaclip.library.sqlite.writer import SqliteWriter
from deltaclip.library.store import Moment, MotionQuery, NoLibraryError, Sides, VideoRow

__all__ = ["SqliteStore"]

Result = TypeVar("Result")

VIDEOS_AT_ONCE = 64
"""Videos whose moments are read in one transaction."""
MOST_DIGITS = 19
"""Of a number in a table: 64 bits."""
_HIDDEN = (
    "SELECT first_row, num_rows FROM dead_rows"
    " UNION ALL SELECT first_row, num_segments FROM videos WHERE missing AND first_row IS NOT NULL"
)


class SqliteStore:
    """As `store.Store`: a folder with an SQLite database and two files of vectors. Ids are numbers of rows."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._map, self._motion_map, self._half_map = VectorMap(), VectorMap(), HalfMap()
        self._wanted: tuple[tuple[Path, str, Filter], NDArray[np.bool_]] | None = None

    @classmethod
    def open(cls, address: str, *, create: bool) -> "SqliteStore":
        """Opens the library in the folder `address`, as `store.StoreClass` says."""
        return cls(open_database(Path(address), create=create))

    @classmethod
    def exists(cls, address: str) -> bool:
        """Whether there is a library in the folder; one that is damaged counts.

        A file without tables is none: a full disk leaves one behind, and so does, for a moment, who makes a library.
        """
        try:
            open_database(Path(address), create=False).close()
        except NoLibraryError:
            return False
        except LibraryError:
            return True
        return True

    @property
    def address(self) -> str:
        """The folder, absolute."""
        return str(self.folder)

    @property
    def folder(self) -> Path:
        """The folder, absolute."""
        return self._database.folder

    def close(self) -> None:
        """Gives the files back, once no other thread is in a transaction. May be called again."""
        self._database.close()
        self._map.close()
        self._motion_map.close()
        self._half_map.close()

    def version(self) -> str:
        """Changes with every commit, of any process."""
        with self._database.reading() as db:
            known = meta.read_meta(db)
        return f"{known.get('vectors_file')}-{meta.commit_number(known)}"

    @contextmanager
    def writing(self) -> Iterator[SqliteWriter]:
        """As `store.Store.writing`. What is no longer needed is deleted at its end."""
        if not (self.folder / DATABASE_NAME).exists():  # deleted while it was open: SQLite would not notice
            raise NoLibraryError(self.address, "the library is gone: its folder was deleted", "Open or make it again.")
        with lock_for_writing(self._database):
            writer = SqliteWriter(self._database)
            writer.begin()
            yield writer
            tidy(self._database)

    def encoder(self) -> RememberedEncoder | None:
        """As `store.Store.encoder`."""
        with self._database.reading() as db:
            return meta.stored_encoder(meta.read_meta(db))

    def motion_encoder(self) -> RememberedMotionEncoder | None:
        """As `store.Store.motion_encoder`."""
        with self._database.reading() as db:
            return meta.stored_motion_encoder(meta.read_meta(db))

    def declines_motion(self) -> bool:
        """As `store.Store.declines_motion`."""
        with self._database.reading() as db:
            return meta.declines_motion(meta.read_meta(db))

    def has_moments(self) -> bool:
        """As `store.Store.has_moments`."""
        with self._database.reading() as db:
            return meta.has_moments(db)

    def video(self, path: Path) -> VideoRow | None:
        """As `store.Store.video`."""
        return next(iter(self._rows("path = ?", os.fsencode(path))), None)

    def video_of_id(self, video_id: str) -> VideoRow | None:
        """As `store.Store.video_of_id`."""
        if not (video_id.isascii() and video_id.isdecimal() and len(video_id) < MOST_DIGITS):
            return None
        return next(iter(self._rows("id = ?", int(video_id))), None)

    def videos(self) -> list[VideoRow]:
        """As `store.Store.videos`."""
        return self._rows("TRUE")

    def below(self, path: Path) -> list[VideoRow]:
        """As `store.Store.below`."""
        condition, bounds = below(path)
        return self._rows(condition, *bounds)

    def knows_sample(self, sample: bytes) -> bool:
        """As `store.Store.knows_sample`."""
        with self._database.reading() as db:
            query = "SELECT EXISTS (SELECT 1 FROM videos WHERE sample = ? AND status = 'indexed')"
            return bool(db.execute(query, (sample,)).fetchone()[0])

    def twins(self, digest: bytes) -> list[VideoRow]:
        """As `store.Store.twins`."""
        return self._rows("digest = ? AND status = 'indexed'", digest)

    def a_twin(self, digest: bytes, besides: Collection[str] = ()) -> VideoRow | None:
        """As `store.Store.a_twin`."""
        condition = "digest = ? AND status = 'indexed' AND id NOT IN (SELECT value FROM json_each(?))"
        numbers = json.dumps([int(number) for number in besides])
        return next(iter(self._rows(condition, digest, numbers, order="id LIMIT 1")), None)

    def status(self) -> Status:
        """As `store.Store.status`."""
        with self._database.reading() as db:
            known = meta.read_meta(db)
            counts = db.execute(
                "SELECT count(*) FILTER (WHERE status <> 'failed' AND NOT missing),"
                " coalesce(sum(num_segments) FILTER (WHERE NOT missing), 0),"
                " count(*) FILTER (WHERE status <> 'indexed' AND NOT missing),"
                " count(*) FILTER (WHERE missing),"
                " coalesce(sum(num_segments - num_motion) FILTER (WHERE NOT missing), 0) FROM videos"
            ).fetchone()
        videos, segments, failed, missing, without_motion = counts
        encoder, motion = meta.stored_encoder(known), meta.stored_motion_encoder(known)
        return Status(
            videos=videos,
            segments=segments,
            failed=failed,
            missing=missing,
            encoder=None if encoder is None else encoder.name,
            fingerprint=None if encoder is None else encoder.fingerprint,
            motion_encoder=None if motion is None else motion.name,
            motion_fingerprint=None if motion is None else motion.fingerprint,
            without_motion=without_motion,
        )

    def failures(self) -> tuple[Failure, ...]:
        """As `store.Store.failures`."""
        rows = self._rows("status <> 'indexed' AND NOT missing")
        return tuple(Failure(row.path, row.reason or "") for row in rows)

    def notes(self) -> tuple[Note, ...]:
        """As `store.Store.notes`."""
        with self._database.reading() as db:
            rows = db.execute(
                "SELECT path, notes FROM videos WHERE notes IS NOT NULL AND NOT missing ORDER BY path"
            ).fetchall()
        return tuple(Note(Path(os.fsdecode(path)), text) for path, lines in rows for text in lines.split("\n"))

    def find(
        self,
        queries: NDArray[np.float32] | None,
        limit: int,
        made_by: RememberedEncoder | None = None,
        *,
        motion: MotionQuery | None = None,
        where: Filter | None = None,
        on_damaged: Callable[[int], None] | None = None,
    ) -> list[Hit]:
        """As `store.Store.find`: one product over all vectors, then the moments of the best rows."""

        def work(db: sqlite3.Connection, file: VectorFile | None, motion_file: VectorFile | None) -> list[Hit]:
            known = meta.read_meta(db)
            if made_by is not None:
                require_same_encoder(self.address, meta.stored_encoder(known), meta.has_moments(db), made_by)
            if file is None or not file.num_rows:
                return []
            if motion is not None:
                require_same_motion(self.address, meta.stored_motion_encoder(known), motion.made_by)
            _require_fitting(queries, file, "vectors")
            _require_fitting(None if motion is None else motion.vectors, motion_file, "motion vectors")
            try:
                looks = None if queries is None else self._looks(file, queries)
                moves = None
                if motion is not None and motion_file is not None:
                    spans = self._motion_map.spans(motion_file)
                    moves = MotionRows(spans, motion.vectors, motion.weight, motion_file.first)
                wanted = self._wanted_rows(db, known, file, where)
                hidden = db.execute(_HIDDEN).fetchall()
                ranked, damaged = nearest_of_sound(looks, moves, limit, hidden, wanted)
                if damaged and on_damaged is not None:
                    on_damaged(damaged)
                return hits_of_rows(db, ranked)[:limit]
            except ValueError as err:
                found = f"its moments do not fit together ({err})"
                remedy = (
                    "Run `deltaclip verify`, which names the videos, then `deltaclip repair`, which reads them again."
                )
                raise LibraryError(self.address, found, remedy) from err

        if limit < 1:
            raise ValueError(f"limit starts at 1, not {limit}")
        if queries is None and motion is None:
            raise ValueError("nothing is asked: give queries, motion or both")
        return self._with_vectors(work)

    def moments(self, videos: Iterable[VideoRow]) -> Iterator[Moment]:
        """As `store.Store.moments`."""
        iterator = iter(videos)
        while numbers := [int(row.id) for row in islice(iterator, VIDEOS_AT_ONCE)]:
            yield from self._moments_of(numbers)

    def moment(self, moment_id: str) -> Moment | None:
        """As `store.Store.moment`."""
        video, _, _ = moment_id.partition(".")
        if self.video_of_id(video) is None:
            return None
        return next((moment for moment in self._moments_of([int(video)]) if moment.id == moment_id), None)

    def sample(self, most: int, *, moves: bool) -> Sides:
        """As `store.Store.sample`."""

        def work(db: sqlite3.Connection, file: VectorFile | None, motion: VectorFile | None) -> Sides:
            num_rows = 0 if file is None else file.num_rows
            there = searchable(num_rows, db.execute(_HIDDEN).fetchall())
            rows = np.arange(num_rows) if there is None else np.flatnonzero(there)
            if file is None or not len(rows):
                raise ValueError("no moment can be found")
            some = np.linspace(0, len(rows) - 1, min(most, len(rows))).round().astype(np.intp)
            return self._sides(rows[some], file, motion if moves else None)

        return self._with_vectors(work)

    def sides_of(self, ids: Sequence[str], *, moves: bool) -> Sides:
        """As `store.Store.sides_of`."""

        def work(db: sqlite3.Connection, file: VectorFile | None, motion: VectorFile | None) -> Sides:
            if file is None:
                return Sides(np.full((len(ids), 1), np.nan, np.float32))
            return self._sides(rows_of_moments(db, ids), file, motion if moves else None)

        return self._with_vectors(work)

    def require_sound(self) -> None:
        """As `store.Store.require_sound`."""
        with self._database.reading() as db:
            problem = next(database_problems(db, self._files(db)[0]), None)
        if problem is not None:
            found, _, remedy = problem.partition(". ")
            raise LibraryError(self.address, found, remedy)

    def problems(self) -> Iterator[str]:
        """As `store.Store.problems`."""
        with self._database.reading() as db:
            file, motion = self._files(db)
            problems = [*database_problems(db, file), *lost_rows(file, motion)]
        yield from problems
        if file is not None and not problems:
            yield from half_problems(file)

    def problems_of(self, row: VideoRow) -> Iterator[str]:
        """As `store.Store.problems_of`: vectors that are not there, or not those that were written."""

        def are_whole(video: VideoMoments, file: VectorFile | None, motion: VectorFile | None) -> bool:
            return not video.num_rows or zlib.crc32(as_bytes(_vectors_of(video, file))) == video.crc

        def move_whole(video: VideoMoments, file: VectorFile | None, motion: VectorFile | None) -> bool:
            moves = _motion_of(video, motion)
            return moves is None or zlib.crc32(as_bytes(moves)) == video.motion_crc

        for words, holds in (("vectors", are_whole), ("motion vectors", move_whole)):
            try:
                if not self._holds(row, holds):
                    yield f"its {words} are damaged"
            except LostRowsError as error:
                yield f"its {words} are lost ({error.found})"

    def _wanted_rows(
        self, db: sqlite3.Connection, known: meta.Meta, file: VectorFile, where: Filter | None
    ) -> NDArray[np.bool_] | None:
        """The rows that a filter lets through; those of the last filter are kept until the next commit."""
        if where is None:
            return None
        asked = (file.path, meta.commit_number(known), where)
        kept = self._wanted
        if kept is None or kept[0] != asked:
            kept = self._wanted = asked, wanted_rows(db, file.num_rows, where)
        return kept[1]

    def _looks(self, file: VectorFile, queries: NDArray[np.float32]) -> AppearanceRows:
        spans = self._map.spans(file)
        return AppearanceRows(spans, queries, self._half_map.halves(file, spans))

    def _sides(self, rows: NDArray[np.intp], file: VectorFile, motion: VectorFile | None) -> Sides:
        """The vectors in these rows, NaN for a negative one."""
        looks = gathered(self._map.spans(file), rows, file.dimension)
        if motion is None:
            return Sides(looks)
        return Sides(looks, gathered(self._motion_map.spans(motion), rows - motion.first, motion.dimension))

    def _holds(
        self, row: VideoRow, check: Callable[[VideoMoments, VectorFile | None, VectorFile | None], bool]
    ) -> bool:
        """Whether a check of a video and both files holds; it does for a video that is gone."""

        def work(db: sqlite3.Connection, file: VectorFile | None, motion: VectorFile | None) -> bool:
            video = moments_of(db, [int(row.id)]).get(int(row.id))
            return video is None or check(video, file, motion)

        return self._with_vectors(work)

    def _moments_of(self, numbers: list[int]) -> list[Moment]:
        """The moments of videos, in the order of their numbers in the list."""

        def work(db: sqlite3.Connection, file: VectorFile | None, motion: VectorFile | None) -> list[Moment]:
            found = moments_of(db, numbers)
            moments = []
            for video in (found[number] for number in numbers if number in found):
                looks, moves = _vectors_of(video, file), _motion_of(video, motion)
                for number, start, end, coverage in video.moments:
                    if number < len(looks):
                        known, vector = moment_id(video.id, number), looks[number].copy()
                        motion_vector = _vector_or_none(moves, number)
                        moments.append(Moment(known, video.path, start, end, coverage, vector, motion_vector))
            return moments

        return self._with_vectors(work)

    def _with_vectors(
        self, work: Callable[[sqlite3.Connection, VectorFile | None, VectorFile | None], Result]
    ) -> Result:
        """What `work` makes of one state of the database and its files of vectors and of motion vectors."""
        while True:
            with self._database.reading() as db:
                files = self._files(db)
                try:
                    return work(db, *files)
                except FileNotFoundError as err:
                    gone = err
                except OSError as err:
                    raise disk_error(self.folder, err) from err
            # A writer may have put a different file in its place since this state of the database was looked at.
            with self._database.reading() as db:
                now = [file and file.path for file in self._files(db)]
            missing = next(file for file in files if file is not None and str(file.path) == str(gone.filename))
            if missing.path in now:
                raise LostRowsError.missing(missing) from gone

    def _files(self, db: sqlite3.Connection) -> tuple[VectorFile | None, VectorFile | None]:
        """Of vectors and of motion vectors, in the transaction of `db`."""
        known = meta.read_meta(db)
        return meta.vector_file(known, self.folder), meta.motion_file(known, self.folder)

    def _rows(self, condition: str, *values: object, order: str = "path") -> list[VideoRow]:
        with self._database.reading() as db:
            return video_rows(db, condition, values, order)


def _vectors_of(video: VideoMoments, file: VectorFile | None) -> NDArray[np.float32]:
    """(N, D), those of one video."""
    if file is None or video.first_row is None:
        return np.empty((0, 0), np.float32)
    return read_rows(file, video.first_row, video.num_rows)


def _motion_of(video: VideoMoments, motion: VectorFile | None) -> NDArray[np.float32] | None:
    """(N, Dm), NaN for a moment without a motion vector; None if there is none in the video."""
    if motion is None or video.first_row is None or not video.num_motion:
        return None
    return read_rows(motion, video.first_row, video.num_rows)


def _vector_or_none(moves: NDArray[np.float32] | None, number: int) -> NDArray[np.float32] | None:
    return None if moves is None or np.isnan(moves[number]).all() else moves[number].copy()


def _require_fitting(queries: NDArray[np.float32] | None, file: VectorFile | None, words: str) -> None:
    if queries is not None and file is not None and queries.shape[1] != file.dimension:
        raise ValueError(f"{words} of {queries.shape[1]} numbers where the library has {file.dimension}")
