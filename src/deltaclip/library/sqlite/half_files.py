"""Files of rows rounded to float16 beside the file of vectors: made from it, never needed, and deleted without harm.

Each has as many rows of the file of vectors, the first file the first ones, and is never changed: rows that count are
never written again. What is behind the last full file is scored in float32. A file has the name of the file of vectors
in its own; one that does not fit is not used, and the next writer makes it anew.
"""

import mmap
import os
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deltaclip.errors import LibraryError
from deltaclip.library.exact import picked
from deltaclip.library.halves import Halves, are_of, half_bytes, opened_halves
from deltaclip.library.sqlite.vectors import VectorFile, read_rows, write_rows

__all__ = ["HALF_PREFIX", "HalfMap", "half_problems", "make_half_files"]

HALF_PREFIX = "float16-"
PART = ".part"
_NAME = re.compile(rf"{HALF_PREFIX}[0-9a-f]{{8}}-[0-9]{{6}}\.(faiss|part)")
ROWS_OF_A_FILE = 32_768
"""32 MiB at 512 numbers."""
FEWEST_ROWS = 4 * ROWS_OF_A_FILE
"""Of a library that gets such files. Smaller ones are searched in 20 ms without, and loading FAISS takes longer."""


class HalfMap:
    """The files of a library, mapped. Any thread may use it."""

    def __init__(self) -> None:
        self._opened: list[Halves] = []
        self._of: Path | None = None
        self._lock = threading.Lock()

    def halves(self, file: VectorFile, spans: Sequence[NDArray[np.float32]]) -> list[Halves]:
        """Those that are there and fit, from the first row on without a gap. spans: all rows that count."""
        paths = _paths(file)
        with self._lock:
            if self._of != file.path:
                self._opened, self._of = [], file.path
            there = [_is_there(path, halves) for path, halves in zip(paths, self._opened, strict=False)]
            if not all(there):
                del self._opened[there.index(False) :]
            for number, path in enumerate(paths[len(self._opened) :], len(self._opened)):
                first = number * ROWS_OF_A_FILE
                halves = _opened(path, file, first, lambda some: _picked(spans, first + some))  # noqa: B023
                if halves is None:
                    break
                self._opened.append(halves)
            return self._opened[: len(paths)]

    def close(self) -> None:
        """Closes the files as soon as they are no longer used."""
        with self._lock:
            self._opened, self._of = [], None


def make_half_files(file: VectorFile) -> None:
    """Makes the files that are not there or do not fit, and deletes those of other files of vectors.

    Only for the writer, once the rows of `file` are committed. Raises OSError if there is no room, LostRowsError if
    rows are not there, ValueError for rows that are no unit vectors: searches do without what was not made.
    """
    paths = _paths(file)
    for name in os.listdir(file.path.parent):
        path = file.path.with_name(name)
        if _NAME.fullmatch(name) and path not in paths:
            with suppress(OSError):  # in use, on Windows: the next writer tries again
                path.unlink()
    for number, path in enumerate(paths):
        if not _fits(path, file, number * ROWS_OF_A_FILE):
            part = path.with_suffix(PART)
            try:
                write_rows(part, [half_bytes(read_rows(file, number * ROWS_OF_A_FILE, ROWS_OF_A_FILE))])
                part.replace(path)
            finally:
                part.unlink(missing_ok=True)


def half_problems(file: VectorFile) -> Iterator[str]:
    """Files that are there and are not of these vectors, a sentence or two each. Reads all of them.

    Vectors that cannot be read are told of their videos.
    """
    with suppress(OSError, LibraryError):
        for number, path in enumerate(_paths(file)):
            if path.exists():
                rows = read_rows(file, number * ROWS_OF_A_FILE, ROWS_OF_A_FILE)
                halves = _opened(path, file, 0, rows.__getitem__)
                if halves is None or not are_of(halves, rows):
                    yield f"{path.name} does not fit the vectors. Delete it: `deltaclip index` makes it again."


def _paths(file: VectorFile) -> list[Path]:
    """Of all files that there may be; none for a small library."""
    if file.num_rows < FEWEST_ROWS:
        return []
    _, _, name = file.path.stem.partition("-")
    numbers = range(file.num_rows // ROWS_OF_A_FILE)
    return [file.path.with_name(f"{HALF_PREFIX}{name}-{number:06}.faiss") for number in numbers]


def _is_there(path: Path, halves: Halves) -> bool:
    """Also if it is mapped: reading what is no longer in a file would end the process."""
    try:
        return path.stat().st_size >= halves.memory.size
    except OSError:
        return False


def _fits(path: Path, file: VectorFile, first: int) -> bool:
    rows = lambda some: np.concatenate([read_rows(file, first + place, 1) for place in some.tolist()])  # noqa: E731
    return path.exists() and _opened(path, file, first, rows) is not None


def _opened(
    path: Path, file: VectorFile, first: int, rows_at: Callable[[NDArray[np.intp]], NDArray[np.float32]]
) -> Halves | None:
    """A file, mapped, as `opened_halves` says; None also if there is none."""
    try:
        with path.open("rb") as opened:
            mapped = mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ)
    except (OSError, ValueError):  # not there, or empty
        return None
    return opened_halves(np.frombuffer(mapped, np.uint8), first, (ROWS_OF_A_FILE, file.dimension), rows_at)


def _picked(spans: Sequence[NDArray[np.float32]], rows: NDArray[np.intp]) -> NDArray[np.float32]:
    return np.concatenate(list(picked(spans, rows)))
