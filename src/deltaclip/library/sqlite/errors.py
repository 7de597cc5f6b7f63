"""Errors of SQLite and the disk in plain words, with remedies that lose nothing."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deltaclip.durable import FULL
from deltaclip.errors import LibraryError
from deltaclip.library.store import NotWritableError

__all__ = ["AFTER_DAMAGE", "DATABASE_NAME", "disk_error", "in_words", "not_writable", "sqlite_error"]

DATABASE_NAME = "library.sqlite"

# Only these two say that the bytes of the file are wrong.
_DAMAGED = ("SQLITE_CORRUPT", "SQLITE_NOTADB")
AFTER_DAMAGE = (
    f"Index into a new folder; or move {DATABASE_NAME}, its -wal and -shm files, vectors-*.f32 and "
    "motion-*.f32 elsewhere, keep them, and put a copy of your own there or index again. Videos are never changed."
)
# `deltaclip verify` only reads, so nothing can be lost.
_VERIFY = "`deltaclip verify` tells whether the database is whole."
_REMEDIES = {
    "SQLITE_FULL": ("the disk is full", "Make room and run the same command again: what was finished is kept."),
    "SQLITE_CANTOPEN": ("the database cannot be opened", "Check the permissions of the folder and its files."),
    "SQLITE_PERM": ("the database cannot be opened", "Check the permissions of the folder and its files."),
    "SQLITE_AUTH": ("the database cannot be opened", "Check the permissions of the folder and its files."),
    "SQLITE_BUSY": (
        "a different program has locked the database",
        "Wait until it has ended, or close it, and run the same command again.",
    ),
    "SQLITE_LOCKED": ("the database is in use", "Run the same command again."),
    "SQLITE_IOERR": (
        "the disk could not be read or written",
        f"Check that the disk is there and has room, then run the same command again; {_VERIFY}",
    ),
    "SQLITE_NOMEM": ("memory ran out", "Close other programs and run the same command again."),
    "SQLITE_INTERRUPT": ("the database was interrupted", "Run the same command again."),
    "SQLITE_PROTOCOL": ("the database is in use", "Run the same command again."),
}
_ELSE = ("the database could not be used", f"Nothing was changed. Run the same command again; {_VERIFY}")


def sqlite_error(folder: Path, err: sqlite3.Error) -> LibraryError:
    """The error of SQLite as one of ours. Only what SQLite calls damaged is called damaged."""
    # None for errors of the module itself, for example of a closed connection.
    code = getattr(err, "sqlite_errorname", None) or ""
    if code.startswith(_DAMAGED):
        return LibraryError(str(folder), f"{DATABASE_NAME} is damaged ({err})", AFTER_DAMAGE)
    if code.startswith("SQLITE_READONLY"):
        return not_writable(folder, str(err))
    found, remedy = next((words for name, words in _REMEDIES.items() if code.startswith(name)), _ELSE)
    return LibraryError(str(folder), f"{found} ({err})", remedy)


def disk_error(folder: Path, err: OSError) -> LibraryError:
    """What the system says of a file of vectors, in the words for the database."""
    found, remedy = _REMEDIES["SQLITE_FULL" if err.errno in FULL else "SQLITE_IOERR"]
    return LibraryError(str(folder), f"{found} ({err.strerror})", remedy)


def not_writable(folder: Path, why: str) -> NotWritableError:
    """What `index` and `remove` say of a library that can only be read."""
    remedy = (
        "It can be searched. To change it, make room and permissions there, or copy the folder to a place with both."
    )
    return NotWritableError(str(folder), f"cannot be written ({why})", remedy)


@contextmanager
def in_words(folder: Path) -> Iterator[None]:
    """Turns what SQLite raises into a LibraryError with a remedy."""
    try:
        yield
    except sqlite3.Error as err:
        raise sqlite_error(folder, err) from err
