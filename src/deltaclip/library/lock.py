"""One writer at a time: a file lock, which the system frees however its holder ends."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deltaclip.durable import one_writer
from deltaclip.errors import LibraryError

__all__ = ["LockedError", "writer_lock"]


class LockedError(LibraryError):
    """Another process is writing to the library. Nothing was done; try again when it has ended."""

    refused = True
    """Tells the command line that this is no failure of the work: exit code 3."""


@contextmanager
def writer_lock(file: Path) -> Iterator[None]:
    """Holds the library in the folder of `file` for writing; readers never wait.

    Raises LockedError at once if another process holds it, OSError if there can be no lock.
    """

    def in_use(holder: str) -> LockedError:
        if holder == str(os.getpid()):
            remedy = "Wait until the other `index` or `remove` has returned; do not call one from its own callback."
            return LockedError(str(file.parent), f"this program (process {holder}) is writing to it already", remedy)
        found = f"locked by another deltaclip (process {holder})"
        return LockedError(str(file.parent), found, "Wait until it has ended; it can be searched in the meantime.")

    with one_writer(file, in_use):
        yield
