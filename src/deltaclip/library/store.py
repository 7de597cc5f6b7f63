"""The store of a library: what keeps its videos, their moments and vectors. Everything here is free of SQL.

A `Library` opens one by its address (see `address.STORES`) and knows no more of it than these protocols. What every
store has to do is tested in tests/library/store_contract.py.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from deltaclip.errors import LibraryError
from deltaclip.library.content import Content, Stamp
from deltaclip.library.filters import Filter
from deltaclip.library.results import Failure, Hit, Note, RememberedEncoder, RememberedMotionEncoder, Status
from deltaclip.object_paths import video_path

__all__ = ["Moment", "MotionQuery", "NewMoment", "NewVideo", "NoLibraryError", "NotWritableError", "Store"]
__all__ += ["Sides", "StoreClass", "VideoRow", "VideoStatus", "Writer"]

VideoStatus = Literal["indexed", "damaged", "failed"]
"""`indexed`: read to its end. `damaged`: only the moments before the damage. `failed`: no moment at all."""


class NoLibraryError(LibraryError):
    """An address without a library, or with one into which nothing was written."""


class NotWritableError(LibraryError):
    """A library that can be searched but not written, for example on a read-only disk. Nothing was done."""

    refused = True
    """Tells the command line that this is no failure of the work: exit code 3."""


@dataclass(frozen=True, slots=True, eq=False)
class NewMoment:
    """A segment of a video and its vector, to be written.

    start, end: seconds, start <= second < end. coverage: mean share that moves, None without masks.
    vector: (D,) float32, unit length. motion: (Dm,) float32, unit length, None if there is no motion vector.
    """

    start: float
    end: float
    coverage: float | None
    vector: NDArray[np.float32] = field(repr=False)
    motion: NDArray[np.float32] | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, eq=False)
class NewVideo:
    """A video to be written, with its moments in order of time.

    content: None if the file could not be read. reason: why it is damaged or failed, None if it is indexed.
    notes: sentences about the file.
    """

    path: Path
    content: Content | None
    status: VideoStatus
    reason: str | None
    moments: Sequence[NewMoment] = field(repr=False)
    notes: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class VideoRow:
    """One video as the store has it.

    id: opaque; never given to a different video, kept when the video moves. size_bytes, sample: None if the file could
    not be read. stamp, digest: also None if not all of it was read, as in rows of an earlier deltaclip.
    missing: gone when `index` last looked; its moments are kept and not searched.
    duration_seconds: end of the last moment, None without moments. num_motion: how many of its moments have a motion
    vector.
    """

    id: str
    path: Path
    size_bytes: int | None
    sample: bytes | None = field(repr=False)
    stamp: Stamp | None = field(repr=False)
    digest: bytes | None = field(repr=False)
    status: VideoStatus
    reason: str | None
    missing: bool
    num_segments: int
    duration_seconds: float | None
    num_motion: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "path", video_path(self.path))

    def may_be(self, content: Content) -> bool:
        """Whether size and sample are those of `content`: True for equal bytes, and for few others."""
        return (self.size_bytes, self.sample) == (content.stamp.size_bytes, content.sample)


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Moment:
    """A moment as the store has it.

    id: opaque; never given to a different moment, kept when its video moves. path: of its video. The rest as in
    `NewMoment`; the vectors are copies.
    """

    id: str
    path: Path
    start: float
    end: float
    coverage: float | None
    vector: NDArray[np.float32]
    motion: NDArray[np.float32] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "path", video_path(self.path))

    def __repr__(self) -> str:
        moment = f"{self.start:g}-{self.end:g} s"
        return f"Moment({self.path}, {moment}, vector={self.vector.shape}, id={self.id!r})"


@dataclass(frozen=True, slots=True, eq=False)
class MotionQuery:
    """What a search asks of motion vectors.

    vectors: (Q, Dm) float32, unit rows, Q >= 1. weight: how much motion counts beside appearance, 0 or more; without
    meaning in a search by motion alone. made_by: the encoder of `vectors`, None for vectors of this very store.
    """

    vectors: NDArray[np.float32] = field(repr=False)
    weight: float = 1.0
    made_by: RememberedMotionEncoder | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Sides:
    """Vectors of appearance (N, D) and of motion (N, Dm), float32; motion NaN for a moment that has none.

    One is None if it does not count. Of moments, or of background sentences, whose numbers of both may differ.
    """

    looks: NDArray[np.float32] | None = field(repr=False)
    moves: NDArray[np.float32] | None = field(default=None, repr=False)


@runtime_checkable
class Writer(Protocol):
    """What the one writer of a store may do. Each method is one transaction: it has happened, or nothing of it has."""

    def remember(self, encoder: RememberedEncoder, motion: RememberedMotionEncoder | None = None) -> None:
        """Writes down who makes the vectors. Raises LibraryError if there are vectors of a different encoder.

        motion: who makes the motion vectors; None: moments have none, by choice (`declines_motion`). Motion vectors of
        a different fingerprint are dropped, since they cannot be compared with new ones; their moments stay.

        Vectors that an older deltaclip made with this encoder are dropped, since they cannot be compared with new ones.
        Their videos stay, those that are missing too, as failed ones that wait to be indexed again. The rules and words
        are in `encoders.require_same_encoder` and `encoders.outdated_reason`.
        """

    def put(self, videos: Sequence[NewVideo]) -> None:
        """Writes videos with their moments, each in place of whatever was known under its path.

        Raises ValueError for a vector or motion vector that is not of the dimension of its encoder, and for a motion
        vector without a motion encoder.
        """

    def move(self, row: VideoRow, path: Path, stamp: Stamp) -> bool:
        """The same video at a different path, in place of whatever was known there. False if it is gone by now."""

    def copy(self, row: VideoRow, path: Path, stamp: Stamp) -> str:
        """A second video with the moments of `row`, in place of whatever was known under `path`; returns its id."""

    def seen_again(self, row: VideoRow, stamp: Stamp) -> None:
        """The file of `row` is there with the same bytes; its times may be different."""

    def set_missing(self, rows: Iterable[VideoRow], missing: bool) -> None:
        """Takes videos out of the search without losing their moments, or back into it."""

    def delete(self, rows: Iterable[VideoRow]) -> None:
        """Forgets videos and their moments."""

    def forget_motion(self, rows: Iterable[VideoRow]) -> None:
        """Drops the motion vectors of videos, readable or not; their moments and all of the other videos stay."""


@runtime_checkable
class Store(Protocol):
    """The videos of one library. Any thread may use it; each method sees one state of the store, writers or not."""

    @property
    def address(self) -> str:
        """What opens it again, and what errors name it by."""

    @property
    def folder(self) -> Path | None:
        """The folder with its files, which is never searched for videos; None if there is none on this machine."""

    def close(self) -> None:
        """Gives its files back. May be called again; every other method raises LibraryError from then on."""

    def version(self) -> str:
        """Changes with every commit, of any process."""

    def writing(self) -> AbstractContextManager[Writer]:
        """One writer at a time; readers never wait for it.

        Raises LockedError at once while a different process or thread writes, NotWritableError if the store can only be
        read.
        """

    def encoder(self) -> RememberedEncoder | None:
        """Who made the vectors; None before the first `remember`."""

    def motion_encoder(self) -> RememberedMotionEncoder | None:
        """Who made the motion vectors; None if nobody was remembered."""

    def declines_motion(self) -> bool:
        """Whether the last `remember` chose to have no motion vectors; False before the first one, and for libraries
        of earlier formats, which had no such choice."""

    def has_moments(self) -> bool:
        """Whether there is any vector, also of a video that is missing."""

    def video(self, path: Path) -> VideoRow | None:
        """The row of the video at this path."""

    def video_of_id(self, video_id: str) -> VideoRow | None:
        """The row of the video of that id; None if there is none, or none any more."""

    def videos(self) -> list[VideoRow]:
        """All rows, by path."""

    def below(self, path: Path) -> list[VideoRow]:
        """The rows of `path` itself and of everything under it, by path."""

    def knows_sample(self, sample: bytes) -> bool:
        """Whether a video that was read to its end has this sample."""

    def twins(self, digest: bytes) -> list[VideoRow]:
        """Videos of exactly these bytes that were read to their end, by path."""

    def a_twin(self, digest: bytes, besides: Collection[str] = ()) -> VideoRow | None:
        """One of them without these ids, or None; as fast for thousands of them as for one."""

    def status(self) -> Status:
        """Counts, and who made the vectors."""

    def failures(self) -> tuple[Failure, ...]:
        """Files that failed or are damaged and were there at the last look, by path."""

    def notes(self) -> tuple[Note, ...]:
        """What the readers of the files reported about them, by path."""

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
        """The best `limit` moments of videos that are not missing, best first; ties by path, then start.

        queries: (Q, D) float32, unit rows, Q >= 1; a moment's score is its best product with any of them. made_by:
        their encoder, None for vectors of this very store. motion: asks by motion too, or by motion alone if queries is
        None: then moments without a motion vector are not found. By both, `both.nearest_by_both` has the rule; with a
        weight of 0 the hits are those without `motion`. where: only moments that fit it, with the scores that they have
        without it. on_damaged: called with how many moments were left out because their vectors were seen to be no
        unit vectors, if there are any. Raises LibraryError if a different encoder made the store's vectors or motion
        vectors, or if more than half of them are damaged; ValueError for a limit below 1.
        """

    def moments(self, videos: Iterable[VideoRow]) -> Iterator[Moment]:
        """The moments of videos, missing ones too, in the order given, then by start; none of a video that is gone.

        Raises LibraryError if they cannot be read.
        """

    def moment(self, moment_id: str) -> Moment | None:
        """The moment of that id; None if it is gone by now."""

    def sample(self, most: int, *, moves: bool) -> Sides:
        """The vectors of at most so many moments that can be found, spread over all of them.

        moves: whether those of motion are wanted too; they are None otherwise, and in a store without any. Raises
        LibraryError if they cannot be read, ValueError if there is no such moment.
        """

    def sides_of(self, ids: Sequence[str], *, moves: bool) -> Sides:
        """The vectors of these moments, a row for each, NaN for one that is gone. moves, errors: as in `sample`."""

    def require_sound(self) -> None:
        """Raises LibraryError if what the store says of itself cannot be trusted, so that nothing may be written to it.

        Vectors that are damaged or lost are no reason.
        """

    def problems(self) -> Iterator[str]:
        """What is wrong with the store as a whole, a sentence or more each; reads all of it but the vectors."""

    def problems_of(self, row: VideoRow) -> Iterator[str]:
        """Why the moments of a video cannot be read as they were written: clauses without a full stop."""


class StoreClass(Protocol):
    """How a store is opened: the class methods of every class in `address.STORES`."""

    def open(self, address: str, *, create: bool) -> Store:
        """Opens the store at `address`; `create` makes one if nothing is there.

        One that cannot be written is opened for reading. Raises NoLibraryError if there is none, LibraryError if it
        cannot be used, with the remedy.
        """

    def exists(self, address: str) -> bool:
        """Whether there is one; one that is damaged counts."""
