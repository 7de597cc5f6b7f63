"""A store that is nothing but a dict: it shows what the contract asks for, and nothing of it is about SQL."""

import os
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deltaclip.errors import LibraryError
from deltaclip.library import (
    Failure,
    Hit,
    LockedError,
    Moment,
    NoLibraryError,
    Note,
    RememberedEncoder,
    RememberedMotionEncoder,
    Status,
    VideoRow,
)
from deltaclip.library.both import AppearanceRows, MotionRows, nearest_of_sound
from deltaclip.library.content import Stamp
from deltaclip.library.encoders import outdated_reason, require_same_encoder, require_same_motion
from deltaclip.library.filters import Filter
from deltaclip.library.store import MotionQuery, NewVideo, Sides

_NUMBERS = count(1)


@dataclass(slots=True)
class Kept:
    """A video as it is kept: its row, its notes, its moments, and these as they were first written."""

    row: VideoRow
    notes: tuple[str, ...]
    moments: list[Moment]
    written: list[tuple[bytes, bytes | None]]


@dataclass(slots=True)
class State:
    """What all handles of an address share. videos: replaced whole with every commit, never changed."""

    encoder: RememberedEncoder | None = None
    motion: RememberedMotionEncoder | None = None
    videos: dict[Path, Kept] = field(default_factory=dict)
    commits: int = 0
    locked: bool = False


LIBRARIES: dict[str, State] = {}


class MemoryStore:
    """As `store.Store` and `store.Writer`."""

    folder = None

    def __init__(self, address: str) -> None:
        self.address = address
        self._state: State | None = LIBRARIES[address]

    @classmethod
    def open(cls, address: str, *, create: bool) -> "MemoryStore":
        if create:
            LIBRARIES.setdefault(address, State())
        if address not in LIBRARIES:
            raise NoLibraryError(address, "no library there", "Make one.")
        return cls(address)

    @classmethod
    def exists(cls, address: str) -> bool:
        return address in LIBRARIES

    def close(self) -> None:
        self._state = None

    @property
    def state(self) -> State:
        if self._state is None:
            raise LibraryError(self.address, "this library was closed", "Open it again.")
        return self._state

    def version(self) -> str:
        return str(self.state.commits)

    @contextmanager
    def writing(self) -> Iterator["MemoryStore"]:
        state = self.state
        if state.locked:
            raise LockedError(self.address, "locked", "Wait.")
        state.locked = True
        try:
            yield self
        finally:
            state.locked = False

    # Reading

    def encoder(self) -> RememberedEncoder | None:
        return self.state.encoder

    def motion_encoder(self) -> RememberedMotionEncoder | None:
        return self.state.motion

    def declines_motion(self) -> bool:
        return self.state.encoder is not None and self.state.motion is None

    def has_moments(self) -> bool:
        return any(kept.moments for kept in self._kept())

    def video(self, path: Path) -> VideoRow | None:
        kept = self.state.videos.get(path)
        return None if kept is None else kept.row

    def video_of_id(self, video_id: str) -> VideoRow | None:
        return next((row for row in self.videos() if row.id == video_id), None)

    def videos(self) -> list[VideoRow]:
        return [kept.row for kept in self._kept()]

    def below(self, path: Path) -> list[VideoRow]:
        return [row for row in self.videos() if row.path.is_relative_to(path)]

    def knows_sample(self, sample: bytes) -> bool:
        return any(row.sample == sample and row.status == "indexed" for row in self.videos())

    def twins(self, digest: bytes) -> list[VideoRow]:
        return [row for row in self.videos() if row.digest == digest and row.status == "indexed"]

    def a_twin(self, digest: bytes, besides: Collection[str] = ()) -> VideoRow | None:
        return next((row for row in self.twins(digest) if row.id not in besides), None)

    def status(self) -> Status:
        there = [row for row in self.videos() if not row.missing]
        encoder, motion = self.encoder(), self.motion_encoder()
        return Status(
            videos=sum(row.status != "failed" for row in there),
            segments=sum(row.num_segments for row in there),
            failed=sum(row.status != "indexed" for row in there),
            missing=len(self.videos()) - len(there),
            encoder=None if encoder is None else encoder.name,
            fingerprint=None if encoder is None else encoder.fingerprint,
            motion_encoder=None if motion is None else motion.name,
            motion_fingerprint=None if motion is None else motion.fingerprint,
            without_motion=sum(row.num_segments - row.num_motion for row in there),
        )

    def failures(self) -> tuple[Failure, ...]:
        rows = [row for row in self.videos() if row.status != "indexed" and not row.missing]
        return tuple(Failure(row.path, row.reason or "") for row in rows)

    def notes(self) -> tuple[Note, ...]:
        return tuple(Note(kept.row.path, text) for kept in self._kept() if not kept.row.missing for text in kept.notes)

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
        if limit < 1:
            raise ValueError("limit starts at 1")
        if queries is None and motion is None:
            raise ValueError("nothing is asked")
        if made_by is not None:
            require_same_encoder(self.address, self.encoder(), self.has_moments(), made_by)
        there = [moment for kept in self._kept() if not kept.row.missing for moment in kept.moments]
        if not there:
            return []
        looks = moves = None
        if queries is not None:
            if queries.shape[1:] != there[0].vector.shape:
                raise ValueError(f"vectors have {len(there[0].vector)} numbers")
            looks = AppearanceRows([np.stack([moment.vector for moment in there])], queries)
        if motion is not None:
            require_same_motion(self.address, self.state.motion, motion.made_by)
            assert self.state.motion is not None
            if motion.vectors.shape[1] != self.state.motion.dimension:
                raise ValueError(f"motion vectors have {self.state.motion.dimension} numbers")
            nothing = np.full(self.state.motion.dimension, np.nan, np.float32)
            rows = np.stack([nothing if moment.motion is None else moment.motion for moment in there])
            moves = MotionRows([rows], motion.vectors, motion.weight)
        hits = []
        fits = [self._fits(kept.row, m, where) for kept in self._kept() if not kept.row.missing for m in kept.moments]
        videos = [kept.row.id for kept in self._kept() if not kept.row.missing for _ in kept.moments]
        ranked, damaged = nearest_of_sound(looks, moves, limit, wanted=np.array(fits, bool))
        if damaged and on_damaged is not None:
            on_damaged(damaged)
        for row, told in ranked.scores_of_rows().items():
            m, scores = there[row], (told.appearance, told.motion)
            hits.append(Hit(m.path, m.start, m.end, told.score, m.coverage, m.id, videos[row], *scores))
        return hits[:limit]

    def moments(self, videos: Iterable[VideoRow]) -> Iterator[Moment]:
        by_id = {kept.row.id: kept for kept in self._kept()}
        for row in videos:
            yield from by_id[row.id].moments if row.id in by_id else ()

    def moment(self, moment_id: str) -> Moment | None:
        return next((moment for kept in self._kept() for moment in kept.moments if moment.id == moment_id), None)

    def sides_of(self, ids: Sequence[str], *, moves: bool) -> Sides:
        return self._sides([self.moment(moment_id) for moment_id in ids], moves)

    def sample(self, most: int, *, moves: bool) -> Sides:
        there = [moment for kept in self._kept() if not kept.row.missing for moment in kept.moments]
        if not there:
            raise ValueError("no moment can be found")
        return self._sides(there[:: -(-len(there) // most)], moves)

    def _sides(self, moments: Sequence[Moment | None], moves: bool) -> Sides:
        encoder, motion = self.state.encoder, self.state.motion
        gone = np.full(1 if encoder is None else encoder.dimension, np.nan, np.float32)
        looks = np.stack([gone if moment is None else moment.vector for moment in moments])
        if motion is None or not moves:
            return Sides(looks)
        nothing = np.full(motion.dimension, np.nan, np.float32)
        known = [None if moment is None else moment.motion for moment in moments]
        return Sides(looks, np.stack([nothing if each is None else each for each in known]))

    def require_sound(self) -> None:
        pass

    def problems(self) -> Iterator[str]:
        yield from ()

    def problems_of(self, row: VideoRow) -> Iterator[str]:
        kept = self.state.videos[row.path]
        for moment, written in zip(kept.moments, kept.written, strict=True):
            if _bytes(moment.vector, moment.motion) != written:
                yield "its vectors are damaged"

    def _fits(self, row: VideoRow, moment: Moment, where: Filter | None) -> bool:
        if where is None:
            return True
        mtime_ns = None if row.stamp is None else row.stamp.mtime_ns
        return where.fits_video(row.path, row.duration_seconds, mtime_ns) and where.fits_moment(moment.coverage)

    def _kept(self) -> list[Kept]:
        """By path."""
        return [kept for _, kept in sorted(self.state.videos.items(), key=lambda pair: os.fsencode(pair[0]))]

    # Writing

    def remember(self, encoder: RememberedEncoder, motion: RememberedMotionEncoder | None = None) -> None:
        require_same_encoder(self.address, self.encoder(), self.has_moments(), encoder, renewing=True)
        videos = dict(self.state.videos)
        if (reason := outdated_reason(self.encoder())) is not None:
            for path, kept in videos.items():
                if kept.row.status != "failed":
                    row = replace(kept.row, status="failed", reason=reason, num_segments=0, duration_seconds=None)
                    videos[path] = Kept(replace(row, num_motion=0), kept.notes, [], [])
        if (self.state.motion and self.state.motion.fingerprint) != (motion and motion.fingerprint):
            for path, kept in videos.items():
                moments = [replace(moment, motion=None) for moment in kept.moments]
                written: list[tuple[bytes, bytes | None]] = [(vector, None) for vector, _ in kept.written]
                videos[path] = Kept(replace(kept.row, num_motion=0), kept.notes, moments, written)
        self.state.encoder, self.state.motion = encoder, motion
        self._commit(videos)

    def put(self, videos: Sequence[NewVideo]) -> None:
        changed = dict(self.state.videos)
        for video in videos:
            changed[video.path] = self._new(video)
        self._commit(changed)

    def move(self, row: VideoRow, path: Path, stamp: Stamp) -> bool:
        kept = self._of(row)
        if kept is None:
            return False
        moved = replace(kept.row, path=path, stamp=stamp, missing=False)
        videos = {where: other for where, other in self.state.videos.items() if other is not kept}
        self._commit({**videos, path: Kept(moved, kept.notes, _at(kept.moments, path), kept.written)})
        return True

    def copy(self, row: VideoRow, path: Path, stamp: Stamp) -> str:
        kept = self._of(row)
        assert kept is not None
        number = str(next(_NUMBERS))
        copied = replace(kept.row, id=number, path=path, stamp=stamp, missing=False)
        moments = [replace(moment, id=f"{number}-{place}") for place, moment in enumerate(_at(kept.moments, path))]
        self._commit({**self.state.videos, path: Kept(copied, kept.notes, moments, kept.written)})
        return number

    def seen_again(self, row: VideoRow, stamp: Stamp) -> None:
        self._change([row], lambda known: replace(known, missing=False, stamp=stamp))

    def set_missing(self, rows: Iterable[VideoRow], missing: bool) -> None:
        self._change(rows, lambda known: replace(known, missing=missing))

    def delete(self, rows: Iterable[VideoRow]) -> None:
        ids = {row.id for row in rows}
        self._commit({path: kept for path, kept in self.state.videos.items() if kept.row.id not in ids})

    def forget_motion(self, rows: Iterable[VideoRow]) -> None:
        ids, videos = {row.id for row in rows}, dict(self.state.videos)
        for path, kept in videos.items():
            if kept.row.id in ids:
                moments = [replace(moment, motion=None) for moment in kept.moments]
                written: list[tuple[bytes, bytes | None]] = [(vector, None) for vector, _ in kept.written]
                videos[path] = Kept(replace(kept.row, num_motion=0), kept.notes, moments, written)
        self._commit(videos)

    def _new(self, video: NewVideo) -> Kept:
        encoder, content, number = self.encoder(), video.content, str(next(_NUMBERS))
        if any(encoder is None or moment.vector.shape != (encoder.dimension,) for moment in video.moments):
            raise ValueError(f"vectors have {encoder and encoder.dimension} numbers")
        shape = None if self.state.motion is None else (self.state.motion.dimension,)
        if any(moment.motion is not None and moment.motion.shape != shape for moment in video.moments):
            raise ValueError(f"motion vectors have {shape} numbers")
        moments = [
            Moment(f"{number}-{place}", video.path, m.start, m.end, m.coverage, m.vector.copy(), _copied(m.motion))
            for place, m in enumerate(video.moments)
        ]
        row = VideoRow(
            id=number,
            path=video.path,
            size_bytes=None if content is None else content.stamp.size_bytes,
            sample=None if content is None else content.sample,
            stamp=None if content is None else content.stamp,
            digest=None if content is None else content.digest,
            status=video.status,
            reason=video.reason,
            missing=False,
            num_segments=len(moments),
            duration_seconds=moments[-1].end if moments else None,
            num_motion=sum(moment.motion is not None for moment in moments),
        )
        return Kept(row, tuple(video.notes), moments, [_bytes(moment.vector, moment.motion) for moment in moments])

    def _of(self, row: VideoRow) -> Kept | None:
        return next((kept for kept in self._kept() if kept.row.id == row.id), None)

    def _change(self, rows: Iterable[VideoRow], change: Callable[[VideoRow], VideoRow]) -> None:
        ids = {row.id for row in rows}
        self._commit(
            {
                path: Kept(change(kept.row), kept.notes, kept.moments, kept.written) if kept.row.id in ids else kept
                for path, kept in self.state.videos.items()
            }
        )

    def _commit(self, videos: dict[Path, Kept]) -> None:
        self.state.videos = videos
        self.state.commits += 1


def _bytes(vector: NDArray[np.float32], motion: NDArray[np.float32] | None) -> tuple[bytes, bytes | None]:
    return vector.tobytes(), None if motion is None else motion.tobytes()


def _copied(vector: NDArray[np.float32] | None) -> NDArray[np.float32] | None:
    return None if vector is None else vector.copy()


def _at(moments: Sequence[Moment], path: Path) -> list[Moment]:
    return [replace(moment, path=path) for moment in moments]
