"""What is to be done with each file that was listed, decided from the rows of the library."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from deltaclip.cluster.listing import FileSeen, open_storage, storage_words
from deltaclip.cluster.reading import FileRead, FileToRead
from deltaclip.errors import DeltaclipError
from deltaclip.library import Stamp, VideoRow, is_gone
from deltaclip.object_paths import is_elsewhere

__all__ = ["StorageWatch", "gone_rows", "is_same", "needs_reading", "portions", "rows_to_prune"]

MOST_FILES = 16
MOST_BYTES = 512 * 1024 * 1024
"""Of one task, unless a single file has more: so much is fetched to a node's disk at once for each of its tasks, and so
much work is lost with it."""


def is_same(row: VideoRow, stamp: Stamp) -> bool:
    """Whether a file has not changed since it was indexed, as far as what lists it says.

    Of an object its size and ETag count, and not its time: it changes when the same bytes are uploaded again.
    """
    if row.stamp is None or not is_elsewhere(row.path):
        return row.stamp == stamp
    return (row.stamp.size_bytes, row.stamp.ctime_ns) == (stamp.size_bytes, stamp.ctime_ns)


def needs_reading(row: VideoRow | None, file: FileSeen, *, needs_motion: bool) -> bool:
    """Whether a task has to look at a file. Failed and damaged ones are tried again at every run, as by `index`."""
    return row is None or not is_same(row, file.stamp) or not _is_whole(row, needs_motion)


def portions(
    files: Iterable[FileSeen], row_of: Callable[[Path], VideoRow | None], *, needs_motion: bool
) -> Iterator[list[FileToRead]]:
    """Files of one task after the other, MOST_FILES and MOST_BYTES at most."""
    portion, size = list[FileToRead](), 0
    for file in files:
        if portion and (len(portion) == MOST_FILES or size + file.stamp.size_bytes > MOST_BYTES):
            yield portion
            portion, size = [], 0
        row = row_of(file.path)
        portion.append(FileToRead(file, row.digest if row is not None and _is_whole(row, needs_motion) else None))
        size += file.stamp.size_bytes
    if portion:
        yield portion


def _is_whole(row: VideoRow, needs_motion: bool) -> bool:
    return row.status == "indexed" and not (needs_motion and row.num_motion < row.num_segments)


def gone_rows(
    rows: Mapping[Path, VideoRow], files: Sequence[FileSeen], *, missing_too: bool
) -> tuple[list[VideoRow], int]:
    """The videos below the given addresses whose files are gone, and how many others were not listed.

    Each that was not listed is looked for by its name; those that are missing already only with missing_too.
    """
    seen = {file.path for file in files}
    unseen = [row for path, row in rows.items() if path not in seen and (missing_too or not row.missing)]
    gone = [row for row in unseen if _is_gone(row.path)]
    return gone, len(unseen) - len(gone)


def rows_to_prune(gone: Sequence[VideoRow], empty: Sequence[Path]) -> list[VideoRow]:
    """Of videos whose files are gone those that may be removed: not those below an address that holds nothing at all,
    as a disk that is not mounted does."""
    return [row for row in gone if not any(row.path.is_relative_to(root) for root in empty)]


class StorageWatch:
    """Tells a storage that is away for a moment from one that is gone.

    outage: why it does not answer, once it has not for `patience_seconds`; else None.
    """

    def __init__(self, patience_seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._patience, self._clock = patience_seconds, clock
        self._answered = clock()
        self.outage: DeltaclipError | None = None

    def unanswered(self, reads: Iterable[FileRead]) -> set[Path]:
        """Which of the files that a task was given its storage did not answer for: they are to be tried again."""
        fetched = [read for read in reads if is_elsewhere(read.path)]
        silent = [read for read in fetched if read.unanswered]
        if len(silent) < len(fetched):
            self._answered = self._clock()
        elif silent and self._clock() - self._answered > self._patience:
            self.outage = silent[0].error
        return {read.path for read in silent}


def _is_gone(path: Path) -> bool:
    if not is_elsewhere(path):
        return is_gone(path)
    with storage_words(str(path)):
        return not open_storage().exists(str(path))
