"""One writer at a time: a file lock beside the database, which the system frees however its holder ends."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from filelock import FileLock, Timeout

from deltaclip.errors import LibraryError
from deltaclip.library.database import LOCK_NAME, Database
from deltaclip.library.sqlite_errors import not_writable

__all__ = ["LockedError", "writer_lock"]


class LockedError(LibraryError):
    """Another process is writing to the library. Nothing was done; try again when it has ended."""

    refused = True
    """Tells the command line that this is no failure of the work: exit code 3."""


@contextmanager
def writer_lock(database: Database) -> Iterator[None]:
    """Holds the library for writing; readers never wait.

    Raises LockedError at once if another process holds it, NotWritableError if the library can only be read.
    """
    database.require_writable()
    lock = FileLock(database.folder / LOCK_NAME)
    try:
        lock.acquire(timeout=0)
    except Timeout as err:
        raise LockedError(
            str(database.folder),
            f"locked by another deltaclip (process {_holder(database)})",
            "Wait until it has ended; searching goes on meanwhile.",
        ) from err
    except OSError as err:
        raise not_writable(database.folder, f"{LOCK_NAME}: {err.strerror}") from err
    try:
        with database.writing() as db:
            db.execute("INSERT OR REPLACE INTO meta (key, value) VALUES ('writer', ?)", (str(os.getpid()),))
        yield
    finally:
        lock.release()


def _holder(database: Database) -> str:
    """The process that holds the lock. Only asked while it is held, so a number left by a dead one is never shown."""
    with database.reading() as db:
        row = db.execute("SELECT value FROM meta WHERE key = 'writer'").fetchone()
    return str(row[0]) if row else "unknown"
