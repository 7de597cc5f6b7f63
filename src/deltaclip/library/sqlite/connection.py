"""Opening the SQLite file of a library: for writing if that is possible, else for reading only."""

import os
import shutil
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from deltaclip.errors import LibraryError
from deltaclip.library.sqlite.errors import DATABASE_NAME, in_words

__all__ = ["Opened", "connect", "frozen_state"]

BUSY_SECONDS = 30.0
"""How long a transaction waits for a different one to end; ours last milliseconds."""
SHARED_BYTES = 64 * 1024
"""More than the file that SQLite shares among processes begins with."""
WAL_NAME = f"{DATABASE_NAME}-wal"

# What SQLite says if it cannot make or write the files beside the database that several processes share.
_CANNOT_WRITE = ("SQLITE_CANTOPEN", "SQLITE_READONLY", "SQLITE_IOERR", "SQLITE_FULL", "SQLITE_PERM")


@dataclass(frozen=True, slots=True)
class Opened:
    """A connection, and what may be done with it.

    cannot_write: why it only reads, None if it writes too. frozen: the state of the files that it assumes not to
    change, None if SQLite itself sees what others write.
    """

    connection: sqlite3.Connection
    cannot_write: str | None = None
    frozen: tuple[int, ...] | None = None


def connect(folder: Path, *, create: bool) -> Opened:
    """Opens the library in `folder`; `create` makes the file if it is not there.

    Even reading wants room and permission: SQLite keeps an index of its journal (-wal) in a file (-shm) that it makes.
    Without both it reads the database alone, as a file that does not change. Raises LibraryError.
    """
    file = folder / DATABASE_NAME
    # Not tried without permission: what SQLite makes beside the file would belong to us and bar its owner from it.
    why = _why_not_written(folder) if file.is_file() else None
    if why is None:
        with in_words(folder):
            try:
                # mode=rw: a mistyped name must not leave an empty database behind.
                return Opened(_used(file, "mode=rwc" if create else "mode=rw"))
            except sqlite3.OperationalError as err:
                if not (err.sqlite_errorname or "").startswith(_CANNOT_WRITE) or not file.is_file():
                    raise
                why = _why_full(folder) or str(err)
    state = frozen_state(folder)
    if _size_bytes(folder / WAL_NAME) <= 0:
        with in_words(folder):
            return Opened(_used(file, "mode=ro&immutable=1"), why, state)
    try:
        return Opened(_used(file, "mode=ro"), why)  # a process has it open, or left all files behind
    except sqlite3.OperationalError as err:
        found = f"its latest changes are in {WAL_NAME}, which cannot be read without writing there ({err})"
        remedy = "Run `deltaclip status` once with room and permission to write there; nothing is lost until then."
        raise LibraryError(str(folder), found, remedy) from err


def _why_not_written(folder: Path) -> str | None:
    """Why writing there is impossible, or not allowed to this user; None if it seems possible."""
    if hasattr(os, "statvfs") and os.statvfs(folder).f_flag & os.ST_RDONLY:
        return "its disk is read-only"
    may = all(os.access(path, os.W_OK) for path in (folder, folder / DATABASE_NAME))
    return None if may else "no permission to write there"


def _why_full(folder: Path) -> str | None:
    """SQLite says "disk I/O error" if there is no room for the file that it shares among processes."""
    return "its disk is full" if shutil.disk_usage(folder).free < SHARED_BYTES else None


def frozen_state(folder: Path) -> tuple[int, ...]:
    """Inode, size and time of the database and of its journal: they change if the library is written to."""
    state: list[int] = []
    for name in (DATABASE_NAME, WAL_NAME):
        try:
            status = os.stat(folder / name)
        except OSError:
            state.append(-1)
        else:
            state += [status.st_ino, status.st_size, status.st_mtime_ns]
    return tuple(state)


def _used(file: Path, how: str) -> sqlite3.Connection:
    """A connection that has read from the file: opening alone touches nothing."""
    # as_uri encodes whatever a name contains. A connection is used by one thread at a time, see `Database`.
    connection = sqlite3.connect(
        f"{file.as_uri()}?{how}", uri=True, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
    )
    try:
        # In WAL mode a crash of ours loses nothing with NORMAL; a power cut at most the last videos.
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA temp_store = MEMORY")  # a search needs no room on any disk
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except BaseException:
        connection.close()
        raise
    return connection


def _size_bytes(path: Path) -> int:
    """Of a file; -1 if there is none."""
    try:
        return path.stat().st_size
    except OSError:
        return -1
