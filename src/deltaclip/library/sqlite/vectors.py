"""The files of vectors beside the database, one of appearance and one of motion: float32 rows, nothing else. No SQL.

Rows are only ever added. Which of them count is said by the database, whose commit comes after the rows are on disk: a
kill leaves rows behind the last one that counts, and the next writer writes over them. Readers map the rows that
count, and a row that counts is never written again, so that no reader sees one change. Rows of removed videos stay
until a writer copies the others into a new file and names that in the database.
"""

import mmap
import os
import re
import secrets
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from deltaclip.errors import LibraryError

__all__ = ["MOTION_PREFIX", "PREFIX", "LostRowsError", "VectorFile", "VectorMap", "append", "as_bytes", "copy_rows"]
__all__ += ["give_back", "is_name", "new_name", "read_rows", "write_rows"]

PREFIX, MOTION_PREFIX = "vectors-", "motion-"
ROW_TYPE = np.dtype("<f4")
MAP_ROWS = 16_384
"""Maps begin at multiples of this: whatever D is, that is a multiple of 64 KiB, which Windows wants."""
MOST_SPANS = 64
"""So many maps are made one: each keeps a file open."""
COPY_BYTES = 8 * 2**20


_AFTER_LOSS = (
    "Put a copy of your own back, if you have one. Without one, run `deltaclip repair`, which reads the videos whose "
    "vectors are lost again, and keeps the others. Videos are never changed."
)
_flush = getattr(os, "fdatasync", os.fsync)
"""Data and length of a file to the disk; fdatasync is not everywhere."""


class LostRowsError(LibraryError):
    """A file of vectors that is missing or too short."""

    @classmethod
    def of(cls, file: "VectorFile", words: str) -> "LostRowsError":
        """Of a file of which `words` say what is wrong."""
        return cls(str(file.path.parent), f"{file.path.name} {words}", _AFTER_LOSS)

    @classmethod
    def missing(cls, file: "VectorFile") -> "LostRowsError":
        """Of a file that is not there."""
        return cls.of(file, "with the vectors is missing")


@dataclass(frozen=True, slots=True)
class VectorFile:
    """What the database says of its file of vectors.

    path: the file, which need not be there without rows. num_rows: how many count. dimension: D. first: the number of
    its first row, which are numbered as those of the file of appearance.
    """

    path: Path
    num_rows: int
    dimension: int
    first: int = 0

    @property
    def row_bytes(self) -> int:
        """Of one vector."""
        return self.dimension * ROW_TYPE.itemsize

    @property
    def size_bytes(self) -> int:
        """How long the file has to be at least."""
        return self.num_rows * self.row_bytes

    def require_whole(self) -> None:
        """Raises FileNotFoundError, and LostRowsError if the file is shorter than the rows that count."""
        if self.num_rows and (size_bytes := self.path.stat().st_size) < self.size_bytes:
            raise LostRowsError.of(self, f"has {size_bytes:,} bytes, and {self.size_bytes:,} were written")


def new_name(prefix: str = PREFIX) -> str:
    """A name that no file had before: an older copy of the database never finds the vectors of a newer one."""
    return f"{prefix}{secrets.token_hex(4)}.f32"


def is_name(name: str) -> bool:
    """Whether this is a name that `new_name` makes."""
    return re.fullmatch(rf"({PREFIX}|{MOTION_PREFIX})[0-9a-f]{{8}}\.f32", name) is not None


class VectorMap:
    """Rows in memory, as far as the system keeps them there. Grows with the file; any thread may use it."""

    def __init__(self) -> None:
        self._spans: list[NDArray[np.float32]] = []
        self._of: tuple[Path, int] | None = None
        self._lock = threading.Lock()

    def spans(self, file: VectorFile) -> list[NDArray[np.float32]]:
        """All rows that count, as arrays (N_i, D). Raises FileNotFoundError, LostRowsError if the file is too short."""
        # Also if all rows are mapped: reading a row that is no longer in the file would end the process.
        file.require_whole()
        with self._lock:
            if self._of != (file.path, file.dimension):
                self._spans, self._of = [], (file.path, file.dimension)
            if sum(map(len, self._spans)) < file.num_rows:
                self._grow(file)
            return _first(self._spans, file.num_rows)

    def close(self) -> None:
        """Closes the file as soon as its rows are no longer used."""
        with self._lock:
            self._spans, self._of = [], None

    def _grow(self, file: VectorFile) -> None:
        """Maps what was added. Full spans stay as they are: their pages need not be found again."""
        if self._spans and len(self._spans[-1]) % MAP_ROWS:
            self._spans.pop()
        if len(self._spans) >= MOST_SPANS:
            self._spans = []
        first = sum(map(len, self._spans))
        full = file.num_rows - file.num_rows % MAP_ROWS
        with file.path.open("rb") as opened:
            for start, stop in ((first, full), (max(first, full), file.num_rows)):
                if start < stop:
                    self._spans.append(_mapped(opened.fileno(), file, start, stop))


def _mapped(descriptor: int, file: VectorFile, start: int, stop: int) -> NDArray[np.float32]:
    """Rows start <= row < stop, (stop - start, D), read-only."""
    size, offset = (stop - start) * file.row_bytes, start * file.row_bytes
    mapped = mmap.mmap(descriptor, size, access=mmap.ACCESS_READ, offset=offset)
    return np.frombuffer(mapped, ROW_TYPE).reshape(-1, file.dimension)


def _first(spans: Sequence[NDArray[np.float32]], num_rows: int) -> list[NDArray[np.float32]]:
    """The first rows of all: a thread may look at an older state of the database than the one before it did."""
    chosen = list[NDArray[np.float32]]()
    for span in spans:
        if num_rows > 0:
            chosen.append(span[:num_rows])
        num_rows -= len(span)
    return chosen


def read_rows(file: VectorFile, first: int, count: int) -> NDArray[np.float32]:
    """Rows by plain reading, (count, D): what a failing disk does is an OSError here, and not the end of the process.

    first: the number of the first one, file.first or more.

    Raises FileNotFoundError, and LostRowsError if the file ends before the last of them.
    """
    with file.path.open("rb", buffering=0) as opened:
        opened.seek((first - file.first) * file.row_bytes)
        data = _read(opened, count * file.row_bytes)
    if len(data) < count * file.row_bytes:
        raise LostRowsError.of(file, f"ends before row {first - file.first + count:,} of {file.num_rows:,}")
    return np.frombuffer(data, ROW_TYPE).reshape(count, file.dimension)


def as_bytes(rows: NDArray[np.float32]) -> bytes:
    """Vectors (N, D) as the file has them."""
    return np.ascontiguousarray(rows, ROW_TYPE).tobytes()


def append(file: VectorFile, data: bytes) -> None:
    """Writes whole rows behind those that count; they are on disk when it returns.

    Raises OSError, after which the room that was taken is given back, and LostRowsError if rows that count are not
    there: behind them nothing can be kept.
    """
    is_new = not file.path.exists()
    if is_new and file.num_rows:
        raise LostRowsError.missing(file)
    with file.path.open("w+b" if is_new else "r+b", buffering=0) as opened:
        file.require_whole()
        try:
            opened.seek(file.size_bytes)
            _write(opened, data)
            _flush(opened.fileno())
        except OSError:
            with suppress(OSError):  # the first error is the one to tell
                opened.truncate(file.size_bytes)
            raise
    if is_new:
        _flush_folder(file.path.parent)


def give_back(file: VectorFile) -> None:
    """Gives the room back that rows behind those that count take; nothing is lost if that fails."""
    with suppress(OSError):
        os.truncate(file.path, file.size_bytes)


def copy_rows(file: VectorFile, target: Path, ranges: Iterable[tuple[int, int]]) -> None:
    """Writes some ranges, (first row, number of rows), one after the other into a new file, and that to the disk.

    Rows before file.first are left out. Raises OSError, and LostRowsError if the file ends before the last of them.
    """
    with file.path.open("rb", buffering=0) as source:
        write_rows(target, _pieces(source, file, ranges))


def write_rows(target: Path, pieces: Iterable[bytes]) -> None:
    """Makes a file of rows, and writes it to the disk. Raises OSError."""
    with target.open("xb", buffering=0) as opened:
        for piece in pieces:
            _write(opened, piece)
        _flush(opened.fileno())
    _flush_folder(target.parent)


def _pieces(source: BinaryIO, file: VectorFile, ranges: Iterable[tuple[int, int]]) -> Iterator[bytes]:
    for start, size in ranges:
        first = max(start - file.first, 0)
        count = start + size - file.first - first
        source.seek(first * file.row_bytes)
        left = max(count, 0) * file.row_bytes
        while left:
            data = _read(source, min(left, COPY_BYTES))
            if not data:
                raise LostRowsError.of(file, f"ends before row {first + count:,} of {file.num_rows:,}")
            yield data
            left -= len(data)


def _read(opened: BinaryIO, size: int) -> bytes:
    """So many bytes, fewer at the end of the file: one call of the system may give less."""
    pieces, left = list[bytes](), size
    while left and (piece := opened.read(left)):
        pieces.append(piece)
        left -= len(piece)
    return b"".join(pieces)


def _write(opened: BinaryIO, data: bytes) -> None:
    """All of it: one call of the system may take less."""
    view = memoryview(data)
    while view:
        view = view[opened.write(view) :]


def _flush_folder(folder: Path) -> None:
    """The names in a folder to the disk, on systems that have this for folders."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
