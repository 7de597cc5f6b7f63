"""What a task does with its files: fetch, decode and measure them in a guarded child, and have the clips encoded."""

import functools
import os
import shutil
import tempfile
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deltaclip.cluster.listing import FileSeen, StorageError, open_storage, stamp_of_object, storage_words
from deltaclip.errors import DeltaclipError, VideoError
from deltaclip.library import (
    ChangedError,
    Content,
    NewMoment,
    TouchedError,
    content_of,
    sample_of,
    with_digest,
)
from deltaclip.object_paths import is_elsewhere
from deltaclip.pipeline import Job, Pipeline
from deltaclip.reader import Clip, ReaderSpec, read_moments
from deltaclip.video import SEGMENT_SECONDS

__all__ = ["FileRead", "FileToRead", "read_files"]

CLIPS_AT_ONCE = 8
"""Clips that are encoded together: one of 12 frames at 224 px is 2.4 MB."""
SETS_AHEAD = 2
"""Sets of clips that are encoded while the next one is decoded."""
_PREFIX = "deltaclip-fetched-"


@dataclass(frozen=True, slots=True, eq=False)
class Encoded:
    """looks: (N, D), moves: (N, Dm) float32, unit rows; moves is None if the library has no motion vectors. seconds:
    that it took."""

    looks: NDArray[np.float32]
    moves: NDArray[np.float32] | None
    seconds: float


@dataclass(frozen=True, slots=True)
class FileToRead:
    """known: the digest of the bytes whose moments the library has under this path; then only others are decoded."""

    file: FileSeen
    known: bytes | None = None


@dataclass(slots=True, eq=False)
class FileRead:
    """What became of a file. It pickles.

    content: None if it could not be looked at. is_known: it has the bytes whose moments the library has. error: why it
    was not read to its end. touched: whether it has to be read once more, since it changed in nothing but its ctime.
    """

    path: Path
    content: Content | None = None
    is_known: bool = False
    moments: list[NewMoment] = field(default_factory=list)
    notes: dict[str, None] = field(default_factory=dict)
    fallback: Counter[str] = field(default_factory=Counter)
    error: VideoError | None = None

    @property
    def touched(self) -> bool:
        return isinstance(self.error, TouchedError)

    @property
    def unanswered(self) -> bool:
        """Whether its storage did not answer, so that nothing is known of it."""
        return isinstance(self.error, UnansweredError)


class UnansweredError(ChangedError):
    """A file that could not be fetched because its storage did not answer."""


@functools.cache
def _pipeline() -> Pipeline[Clip]:
    """Of this process; its child reads one task's files after the other's, and dies with it."""
    return Pipeline(read_moments)


def read_files(
    files: Sequence[FileToRead], spec: ReaderSpec, encode: Callable[[list[Clip]], Callable[[], Encoded]]
) -> tuple[list[FileRead], dict[str, float]]:
    """The moments of files, in order, and the seconds in which each stage worked on them.

    encode: begins to encode clips, and gives what waits for their vectors. Raises what that raises.
    """
    pipeline = _pipeline()
    pipeline.stages.take()
    done = list[FileRead]()
    queue = _Queue(encode, masked=spec.motion is not None)
    with _place_to_fetch_to(files) as folder:
        for job, clips in pipeline.read(_jobs(files, done, spec, folder)):
            read = job.key
            try:
                for clip in clips:
                    read.notes.update(dict.fromkeys(clip.notes))
                    read.fallback.update(reason for reason in clip.fallback if reason is not None)
                    queue.put(read, clip)
            except VideoError as error:
                read.error = error
            _settle(read, job.path)
            if job.path != read.path:
                job.path.unlink(missing_ok=True)
        queue.finish()
    return done, pipeline.stages.take() | {"encode": queue.seconds}


def _jobs(files: Sequence[FileToRead], done: list[FileRead], spec: ReaderSpec, folder: Path) -> Iterator[Job[FileRead]]:
    """The files that have to be decoded, fetched if they are elsewhere; what became of the others is in `done`."""
    outage: UnansweredError | None = None
    for number, wanted in enumerate(files):
        read = FileRead(wanted.file.path)
        done.append(read)
        if outage is not None and is_elsewhere(read.path):  # each further try takes seconds
            read.error = UnansweredError(str(read.path), outage.found, outage.remedy)
            continue
        try:
            path = _here(wanted.file, folder / f"{number}{wanted.file.path.suffix}")
            if path == read.path:
                read.content = with_digest(path, sample_of(path)) if wanted.known is not None else sample_of(path)
            else:
                read.content = replace(content_of(path), stamp=wanted.file.stamp)
        except VideoError as error:
            read.error = error
            outage = error if isinstance(error, UnansweredError) else None
            continue
        read.is_known = wanted.known is not None and read.content.digest == wanted.known
        if not read.is_known:
            yield Job(read, path, (spec, SEGMENT_SECONDS))
        elif path != read.path:
            path.unlink()


def _settle(read: FileRead, path: Path) -> None:
    """Completes what is known of a file's bytes once it was read; one that changed meanwhile has failed."""
    if path != read.path or read.content is None:
        return  # nobody else writes to what was fetched
    try:
        read.content = with_digest(path, read.content)
    except ChangedError as error:
        read.error = error
    except VideoError:
        if not path.exists():
            remedy = "Run the command again if it is back."
            read.error = ChangedError(str(path), "vanished while it was read", remedy)


def _here(file: FileSeen, place: Path) -> Path:
    """The path at which a file can be read: its own, or `place`, to which it is fetched. Raises VideoError."""
    address = str(file.path)
    if not is_elsewhere(file.path):
        return file.path
    if shutil.disk_usage(place.parent).free < file.stamp.size_bytes:
        remedy = "Set TMPDIR to a folder on a larger disk, on every node."
        raise VideoError(address, f"no room to fetch its {file.stamp.size_bytes / 1e6:,.0f} MB", remedy)
    try:
        with storage_words(address):
            storage = open_storage()
            storage.get_file(address, str(place))
            now = stamp_of_object(storage.info(address))
    except FileNotFoundError as error:
        remedy = "Run the command again if it is back."
        raise ChangedError(address, "vanished while it was fetched", remedy) from error
    except StorageError as error:
        raise UnansweredError(address, error.found, error.remedy) from error
    except DeltaclipError as error:
        raise ChangedError(address, error.found, error.remedy) from error
    if (now.size_bytes, now.ctime_ns) != (file.stamp.size_bytes, file.stamp.ctime_ns):
        place.unlink()
        raise ChangedError(address, "changed after it was listed", "Run the command again once it is complete.")
    return place


@contextmanager
def _place_to_fetch_to(files: Sequence[FileToRead]) -> Iterator[Path]:
    """A folder that is gone afterwards; none is made if all files are here."""
    folder = Path(tempfile.gettempdir())
    if not any(is_elsewhere(wanted.file.path) for wanted in files):
        yield folder
        return
    _sweep(folder)
    with tempfile.TemporaryDirectory(prefix=f"{_PREFIX}{os.getpid()}-", ignore_cleanup_errors=True) as made:
        yield Path(made)


def _sweep(folder: Path) -> None:
    """Removes what tasks had fetched whose processes were killed."""
    for left in folder.glob(f"{_PREFIX}*"):
        owner = left.name.removeprefix(_PREFIX).partition("-")[0]
        if owner.isdecimal() and not Path(f"/proc/{owner}").exists() and Path("/proc/self").exists():
            shutil.rmtree(left, ignore_errors=True)


class _Queue:
    """Clips on their way to an encoder, sets of several files together."""

    def __init__(self, encode: Callable[[list[Clip]], Callable[[], Encoded]], *, masked: bool) -> None:
        self._encode, self._masked = encode, masked
        self.seconds = 0.0
        self._clips: list[tuple[FileRead, Clip]] = []
        self._sent: deque[tuple[list[tuple[FileRead, Clip]], Callable[[], Encoded]]] = deque()

    def put(self, read: FileRead, clip: Clip) -> None:
        self._clips.append((read, clip))
        if len(self._clips) >= CLIPS_AT_ONCE:
            self._send()

    def finish(self) -> None:
        if self._clips:
            self._send()
        while self._sent:
            self._take()

    def _send(self) -> None:
        self._sent.append((self._clips, self._encode([clip for _, clip in self._clips])))
        self._clips = []
        if len(self._sent) > SETS_AHEAD:
            self._take()

    def _take(self) -> None:
        pairs, wait = self._sent.popleft()
        made = wait()
        self.seconds += made.seconds
        for number, (read, clip) in enumerate(pairs):
            coverage = float(clip.coverage.mean()) if self._masked else None
            motion = None if made.moves is None else made.moves[number]
            read.moments.append(NewMoment(clip.start, clip.end, coverage, made.looks[number], motion))
