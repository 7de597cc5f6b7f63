"""The store of Lance tables: reading."""

import os
import threading
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deltaclip.errors import LibraryError
from deltaclip.library.address import local_folder
from deltaclip.library.both import AppearanceRows, MotionRows, nearest_of_sound
from deltaclip.library.encoders import require_same_encoder, require_same_motion
from deltaclip.library.exact import Hidden
from deltaclip.library.filters import Filter
from deltaclip.library.lance.approximate import IndexHit, condition_of, has_index, search_index, spread_of
from deltaclip.library.lance.errors import in_words
from deltaclip.library.lance.filtering import below, video_conditions
from deltaclip.library.lance.leases import lease
from deltaclip.library.lance.meta import META_PATH, LanceMeta, VectorWord
from deltaclip.library.lance.places import (
    VIDEOS,
    lance,
    storage_options,
    table_uri,
)
from deltaclip.library.lance.places import pyarrow as pa
from deltaclip.library.lance.problems import table_problems
from deltaclip.library.lance.spans import SpanCache, Spans
from deltaclip.library.lance.state import LanceState, hex_of, path_key, read_state
from deltaclip.library.lance.tables import (
    VIDEO_SCHEMA,
    is_id,
    moment_id,
    moments_in,
    rows_in,
    split_moment_id,
    vectors_in,
)
from deltaclip.library.lance.writer import LanceWriter
from deltaclip.library.lock import writer_lock
from deltaclip.library.results import Failure, Hit, Note, RememberedEncoder, RememberedMotionEncoder, Status
from deltaclip.library.store import Moment, MotionQuery, NoLibraryError, NotWritableError, Sides, VideoRow
from deltaclip.wording import count

__all__ = ["LanceStore"]

LOCK_NAME = "library.lock"
MOST_APPROXIMATE = 1000
"""Hits up to which the index is asked; more are found by looking at all vectors."""
MOST_FITTING = 25_000
"""Moments that fit a filter up to which the vectors of all of them are read, which is as fast as the index."""
MOST_MISSING = 0.1
"""Share of the videos that may be missing for a search to look into no more lists of the index than without."""
SPREAD_SAMPLE = 4096
"""Moments by which the scales of appearance and motion are taken for a search through the index."""
VIDEOS_AT_ONCE = 64
"""Videos whose moments are read at once."""


class LanceStore:
    """As `store.Store`: two Lance tables, in a folder or on S3. Ids of videos are random."""

    def __init__(self, address: str) -> None:
        """Opens the library at `address`. Raises as `open` does."""
        self._address = address
        self._closed = False
        self._state: LanceState | None = None
        self._cache = SpanCache()
        self._wanted: tuple[object, NDArray[np.bool_]] | None = None
        self._sampled: tuple[object, Sides] | None = None
        self._lock = threading.Lock()
        self.state()

    @classmethod
    def open(cls, address: str, *, create: bool) -> "LanceStore":
        """Opens the library at `address`, as `store.StoreClass` says: a folder, lance:// and a folder, or s3://."""
        try:
            return cls(address)
        except NoLibraryError:
            if not create:
                raise
        return cls.make(address)

    @classmethod
    def make(cls, address: str, *, vectors: VectorWord = "float32") -> "LanceStore":
        """Makes a library, in a new or empty folder, and opens it.

        vectors: how they are kept; float16 takes half the room, and changes a score by up to 0.001. Raises LibraryError
        if there is something else.
        """
        if (folder := local_folder(address)) is not None:
            _require_room(address, folder)
        row = dict.fromkeys(VIDEO_SCHEMA.names) | {"path": META_PATH, "meta": LanceMeta.new(vectors).to_json()}
        table = pa.Table.from_pylist([row], schema=VIDEO_SCHEMA)
        with in_words(address), suppress(FileExistsError):  # somebody else has made it meanwhile
            lance.write_dataset(
                table, table_uri(address, VIDEOS), mode="create", storage_options=storage_options(address)
            )
        return cls(address)

    @classmethod
    def exists(cls, address: str) -> bool:
        """Whether there is a library; one that is damaged counts."""
        try:
            cls.open(address, create=False).close()
        except NoLibraryError:
            return False
        except LibraryError:
            return True
        return True

    @property
    def address(self) -> str:
        """As it was given."""
        return self._address

    @property
    def folder(self) -> Path | None:
        """The folder, absolute; None on S3."""
        return local_folder(self._address)

    def close(self) -> None:
        """Gives the memory back. May be called again."""
        self._closed = True
        self._state = None
        self._cache.close()

    def state(self) -> LanceState:
        """The newest state. Raises LibraryError if this was closed, NoLibraryError if there is no library any more."""
        if self._closed:
            raise LibraryError(self._address, "this library was closed", "Open it again with Library.open.")
        with in_words(self._address):
            self._state = read_state(self._address, self._state)
        return self._state

    def version(self) -> str:
        """Changes with every commit, of any process."""
        meta = self.state().meta
        return f"{meta.library}-{meta.commits}"

    @contextmanager
    def writing(self) -> Iterator[LanceWriter]:
        """As `store.Store.writing`."""
        self.state()
        try:
            with lease(self._address) if self.folder is None else _held(self.folder) as require:
                writer = LanceWriter(self, require)
                writer.begin()
                yield writer
        except PermissionError as error:
            found = f"cannot be written ({error.strerror})"
            raise NotWritableError(self._address, found, "Check the permissions of its folder.") from error

    def encoder(self) -> RememberedEncoder | None:
        """As `store.Store.encoder`."""
        return self.state().meta.encoder

    def motion_encoder(self) -> RememberedMotionEncoder | None:
        """As `store.Store.motion_encoder`."""
        return self.state().meta.motion

    def declines_motion(self) -> bool:
        """As `store.Store.declines_motion`."""
        return self.state().meta.declined

    def has_moments(self) -> bool:
        """As `store.Store.has_moments`."""
        with in_words(self._address):
            return self.state().has_moments

    def video(self, path: Path) -> VideoRow | None:
        """As `store.Store.video`."""
        return next(iter(self._rows(f"path = {path_key(path)}")), None)

    def video_of_id(self, video_id: str) -> VideoRow | None:
        """As `store.Store.video_of_id`."""
        return next(iter(self._rows(f"id = '{video_id}'")), None) if is_id(video_id) else None

    def videos(self) -> list[VideoRow]:
        """As `store.Store.videos`."""
        return self._rows("true")

    def below(self, path: Path) -> list[VideoRow]:
        """As `store.Store.below`."""
        return self._rows(below(path))

    def knows_sample(self, sample: bytes) -> bool:
        """As `store.Store.knows_sample`."""
        return bool(self._rows(f"sample = {hex_of(sample)} AND status = 'indexed'"))

    def twins(self, digest: bytes) -> list[VideoRow]:
        """As `store.Store.twins`."""
        return self._rows(f"digest = {hex_of(digest)} AND status = 'indexed'")

    def a_twin(self, digest: bytes, besides: Collection[str] = ()) -> VideoRow | None:
        """As `store.Store.a_twin`."""
        return next((row for row in self.twins(digest) if row.id not in besides), None)

    def status(self) -> Status:
        """As `store.Store.status`."""
        columns = ("status", "missing", "num_segments", "num_motion")
        with in_words(self._address):
            state = self.state()
            records = state.records(columns=columns)
        there = [record for record in records if not record["missing"]]
        encoder, motion = state.meta.encoder, state.meta.motion
        return Status(
            videos=sum(record["status"] != "failed" for record in there),
            segments=sum(record["num_segments"] for record in there),
            failed=sum(record["status"] != "indexed" for record in there),
            missing=len(records) - len(there),
            encoder=None if encoder is None else encoder.name,
            fingerprint=None if encoder is None else encoder.fingerprint,
            motion_encoder=None if motion is None else motion.name,
            motion_fingerprint=None if motion is None else motion.fingerprint,
            without_motion=sum(record["num_segments"] - record["num_motion"] for record in there),
            vectors=state.meta.vectors,
        )

    def failures(self) -> tuple[Failure, ...]:
        """As `store.Store.failures`."""
        rows = self._rows("status <> 'indexed' AND NOT missing")
        return tuple(Failure(row.path, row.reason or "") for row in rows)

    def notes(self) -> tuple[Note, ...]:
        """As `store.Store.notes`."""
        with in_words(self._address):
            records = self.state().records("notes IS NOT NULL AND NOT missing", ["path", "notes"])
        records.sort(key=lambda record: bytes(record["path"]))
        return tuple(Note(Path(os.fsdecode(each["path"])), text) for each in records for text in each["notes"])

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
        """As `store.Store.find`."""
        if limit < 1:
            raise ValueError(f"limit starts at 1, not {limit}")
        if queries is None and motion is None:
            raise ValueError("nothing is asked: give queries, motion or both")
        with in_words(self._address):
            state = self.state()
            meta = state.meta
            if made_by is not None:
                require_same_encoder(self._address, meta.encoder, state.has_moments, made_by)
            if not state.has_moments or meta.encoder is None:
                return []
            if motion is not None:
                require_same_motion(self._address, meta.motion, motion.made_by)
            _require_fitting(queries, meta.encoder.dimension, "vectors")
            if motion is not None and meta.motion is not None:
                _require_fitting(motion.vectors, meta.motion.dimension, "motion vectors")
            if limit <= MOST_APPROXIMATE and has_index(meta.probing, queries, motion):
                found, damaged = self._search_index(state, queries, motion, limit, where)
                if damaged and on_damaged is not None:
                    on_damaged(damaged)
                return self._hits(state, found)[:limit]
            spans = self._cache.spans(state)
            looks = None if queries is None else AppearanceRows(spans.looks, queries)
            moves = None if motion is None else MotionRows(spans.moves, motion.vectors, motion.weight)
            wanted = self._wanted_rows(state, spans, where)
            try:
                ranked, damaged = nearest_of_sound(looks, moves, limit, self._hidden(state, spans), wanted)
            except ValueError as err:
                words = f"its moments do not fit together ({err})"
                remedy = (
                    "Run `deltaclip verify`, which names the videos, then `deltaclip repair`, which reads them again."
                )
                raise LibraryError(self._address, words, remedy) from err
            if damaged and on_damaged is not None:
                on_damaged(damaged)
            scores = ranked.scores_of_rows()
            return self._hits(state, spans.found(scores))[:limit]

    def moments(self, videos: Iterable[VideoRow]) -> Iterator[Moment]:
        """As `store.Store.moments`."""
        iterator = iter(videos)
        while ids := [row.id for row in islice(iterator, VIDEOS_AT_ONCE)]:
            found = self._moments_of(ids)
            for each in ids:
                yield from found.get(each, ())

    def moment(self, moment_id: str) -> Moment | None:
        """As `store.Store.moment`."""
        parts = split_moment_id(moment_id)
        if parts is None:
            return None
        moments = self._moments_of([parts[0]]).get(parts[0], [])
        return next((moment for moment in moments if moment.id == moment_id), None)

    def sample(self, most: int, *, moves: bool) -> Sides:
        """As `store.Store.sample`."""
        with in_words(self._address):
            return self._sample(self.state(), most, moves=moves)

    def sides_of(self, ids: Sequence[str], *, moves: bool) -> Sides:
        """As `store.Store.sides_of`."""
        with in_words(self._address):
            state = self.state()
            parts = [split_moment_id(each) for each in ids]
            rows = state.moment_rows({part[0] for part in parts if part is not None})
        encoder, motion = state.meta.encoder, state.meta.motion
        looks = np.full((len(ids), 1 if encoder is None else encoder.dimension), np.nan, np.float32)
        moving = None if motion is None or not moves else np.full((len(ids), motion.dimension), np.nan, np.float32)
        if rows is None:
            return Sides(looks, moving)
        keys = zip(rows["video"].to_pylist(), rows["number"].to_pylist(), strict=True)
        place = {key: row for row, key in enumerate(keys)}
        found = [(number, place[part]) for number, part in enumerate(parts) if part in place]
        if found:
            there, taken = map(list, zip(*found, strict=True))
            looks[there] = vectors_in(rows["vector"])[taken]
            if moving is not None:
                moving[there] = vectors_in(rows["motion"])[taken]
        return Sides(looks, moving)

    def require_sound(self) -> None:
        """As `store.Store.require_sound`."""
        with in_words(self._address):
            problem = next(table_problems(self.state()), None)
        if problem is not None:
            found, _, remedy = problem.partition(". ")
            raise LibraryError(self._address, found, remedy)

    def problems(self) -> Iterator[str]:
        """As `store.Store.problems`."""
        with in_words(self._address):
            problems = [*table_problems(self.state())]
        yield from problems

    def problems_of(self, row: VideoRow) -> Iterator[str]:
        """As `store.Store.problems_of`: vectors that are not there, or not those that were written."""
        with in_words(self._address):
            state = self.state()
            record = next(iter(state.records_of([row.id])), None)
            if record is None or record["crc"] is None:
                return
            rows = state.moment_rows([row.id], or_lost=True)
        if rows is None or len(rows) != record["num_segments"]:
            found = 0 if rows is None else len(rows)
            yield f"its vectors are lost ({found} of {record['num_segments']} are there)"
            return
        rows = rows.sort_by("number")
        if zlib.crc32(vectors_in(rows["vector"]).tobytes()) != record["crc"]:
            yield "its vectors are damaged"
        if record["num_motion"] and zlib.crc32(vectors_in(rows["motion"]).tobytes()) != record["motion_crc"]:
            yield "its motion vectors are damaged"

    def _hidden(self, state: LanceState, spans: Spans) -> Hidden:
        """The rows of videos that are missing."""
        if not state.missing:
            return ()
        steps = np.diff(np.concatenate([[0], spans.of_videos(state.missing).astype(np.int8), [0]]))
        first, end = np.flatnonzero(steps == 1), np.flatnonzero(steps == -1)
        return list(zip(first.tolist(), (end - first).tolist(), strict=True))

    def _wanted_rows(self, state: LanceState, spans: Spans, where: Filter | None) -> NDArray[np.bool_] | None:
        """The rows that a filter lets through; those of the last filter are kept until the next commit."""
        if where is None:
            return None
        asked = state.meta.library, state.meta.commits, where
        with self._lock:
            kept = self._wanted
        if kept is None or kept[0] != asked:
            wanted = spans.of_videos(self._ids_that_fit(state, where))
            if where.min_coverage is not None:
                wanted &= spans.moving(where.min_coverage)
            kept = asked, wanted
            with self._lock:
                self._wanted = kept
        return kept[1]

    def _search_index(
        self,
        state: LanceState,
        queries: NDArray[np.float32] | None,
        motion: MotionQuery | None,
        limit: int,
        where: Filter | None,
    ) -> tuple[list[IndexHit], int]:
        probing = state.meta.probing
        ids = None if where is None else self._ids_that_fit(state, where, "NOT missing AND ")
        condition = condition_of(state, where, ids)
        if where is not None or len(state.missing) > MOST_MISSING * state.videos.count_rows():
            few = state.moments.count_rows(condition) <= MOST_FITTING
            probing = {} if few else {column: each.among_some() for column, each in probing.items()}
        spread = None
        if queries is not None and motion is not None:
            some = self._sample(state, SPREAD_SAMPLE, moves=True)
            assert some.looks is not None
            if some.moves is not None:
                spread = spread_of(some.looks, some.moves, queries, motion)
        return search_index(state, probing, queries, motion, limit, condition, spread)

    def _hits(self, state: LanceState, found: Sequence[IndexHit]) -> list[Hit]:
        """Best first, ties by path, then start."""
        paths = self._paths(state, {each.video for each in found})
        if strays := {each.video for each in found} - {*paths}:
            words = f"its tables do not fit together ({count(len(strays), 'video')} of moments are not there)"
            raise LibraryError(self._address, words, "Run `deltaclip verify`.")
        hits = []
        for each in found:
            place = Path(os.fsdecode(paths[each.video])), each.start, each.end, each.scores.score, each.coverage
            scores = each.scores.appearance, each.scores.motion
            hits.append(Hit(*place, moment_id(each.video, each.number), each.video, *scores))
        return sorted(hits, key=lambda hit: (-hit.score, os.fsencode(hit.path), hit.start))

    def _ids_that_fit(self, state: LanceState, where: Filter, also: str = "") -> list[str]:
        """The videos that fit a filter in everything but coverage."""
        rule = where.path_rule()
        records = state.records(also + video_conditions(where), ["id", "path"])
        return [each["id"] for each in records if rule is None or rule(os.fsdecode(each["path"]))]

    def _sample(self, state: LanceState, most: int, *, moves: bool) -> Sides:
        """As `sample`; the last one is kept until the table of moments changes."""
        asked = state.meta.library, state.meta.moments_version, state.meta.commits, most, moves
        with self._lock:
            kept = self._sampled
        if kept is None or kept[0] != asked:
            kept = asked, _sampled(state, most, moves=moves)
            with self._lock:
                self._sampled = kept
        return kept[1]

    def _paths(self, state: LanceState, ids: Collection[str]) -> dict[str, bytes]:
        return {record["id"]: record["path"] for record in state.records_of(ids, ["id", "path"])}

    def _moments_of(self, ids: Sequence[str]) -> dict[str, list[Moment]]:
        with in_words(self._address):
            state = self.state()
            paths = {each: Path(os.fsdecode(path)) for each, path in self._paths(state, ids).items()}
            rows = state.moment_rows(paths)
        return {} if rows is None else moments_in(rows, paths)

    def _rows(self, condition: str) -> list[VideoRow]:
        with in_words(self._address):
            return rows_in(self.state().records(condition))


@contextmanager
def _held(folder: Path) -> Iterator[Callable[[], None]]:
    """The lock of a folder, which is held until its holder ends; yields what does nothing."""
    with writer_lock(folder / LOCK_NAME):
        yield lambda: None


def _sampled(state: LanceState, most: int, *, moves: bool) -> Sides:
    """Raises ValueError if no moment can be found."""
    if state.moments is None:
        raise ValueError("no moment can be found")
    condition = condition_of(state, None, None)
    if condition is None:
        rows = np.arange(state.moments.count_rows())
    else:
        rows = state.moments.to_table(columns=["_rowoffset"], filter=condition)["_rowoffset"].to_numpy()
    if not len(rows):
        raise ValueError("no moment can be found")
    some = rows[np.linspace(0, len(rows) - 1, min(most, len(rows))).round().astype(np.intp)].tolist()
    columns = ["vector", "motion"] if moves and "motion" in state.moments.schema.names else ["vector"]
    table = state.moments.take(some, columns)
    return Sides(vectors_in(table["vector"]), vectors_in(table["motion"]) if len(columns) == 2 else None)


def _require_fitting(queries: NDArray[np.float32] | None, dimension: int, words: str) -> None:
    if queries is not None and queries.shape[1] != dimension:
        raise ValueError(f"{words} of {queries.shape[1]} numbers where the library has {dimension}")


def _require_room(address: str, folder: Path) -> None:
    """Makes the folder of a new library. Raises LibraryError if something else is there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        others = sorted(name for name in os.listdir(folder) if not name.startswith(LOCK_NAME))
    except OSError as error:
        found = f"cannot hold a library ({error.strerror})"
        raise LibraryError(address, found, "Give a folder that is new, or empty.") from error
    if others:
        found = f"not a library, but a folder with other files in it ({', '.join(others[:3])})"
        raise LibraryError(address, found, "Give a folder that is new, or empty.")
