"""The SQLite file of a library: its connection, its transactions, and who may use them when."""

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deltaclip.errors import LibraryError
from deltaclip.library.sqlite.connection import Opened, connect, frozen_state
from deltaclip.library.sqlite.errors import DATABASE_NAME, in_words, not_writable
from deltaclip.library.sqlite.schema import APPLICATION_ID, SCHEMA_VERSION, identity, make_tables, upgrade
from deltaclip.library.store import NoLibraryError, NotWritableError

__all__ = ["DATABASE_NAME", "LOCK_NAME", "Database"]

LOCK_NAME = "library.lock"


class Database:
    """One connection to a library's file. Every statement runs inside `reading` or `writing`.

    Any thread may use it; threads take turns, a transaction each. A process that was forked off may not.
    """

    def __init__(self, folder: Path, opened: Opened) -> None:
        self.folder = folder
        self._opened = opened
        self._times_opened = 0
        self._closed = False
        self._turn = threading.RLock()
        self._process = os.getpid()

    @classmethod
    def open(cls, folder: Path, *, create: bool) -> "Database":
        """Opens the library in `folder`, an absolute path; `create` makes one in an empty or new folder.

        A library that cannot be written is opened for reading. One of format 1 is brought to this format.
        Raises NoLibraryError if there is none; LibraryError if the folder holds other things, or if the file is no
        database, another program's, or from a newer deltaclip.
        """
        if not (folder / DATABASE_NAME).exists():
            _require_room(folder, create=create)
        database = cls(folder, connect(folder, create=create))
        try:
            database._require_schema(create=create)
        except BaseException:
            database.close()
            raise
        return database

    def close(self) -> None:
        """Gives the file back, once no other thread is in a transaction. May be called again."""
        if os.getpid() == self._process:
            with self._turn:
                self._closed = True
                self._opened.connection.close()

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """One unchanging view of the library, whatever a writer does meanwhile."""
        with self._transaction("BEGIN") as db:
            yield db

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """All or nothing: what is written here is kept at the end, or nothing of it after any exception.

        Raises NotWritableError if the library can only be read.
        """
        with self._transaction("BEGIN IMMEDIATE") as db:
            yield db

    def require_writable(self) -> None:
        """Raises NotWritableError if the library can only be read, also after trying once more."""
        with self._own_turn():
            if self._opened.cannot_write is not None:
                self._reopen()
            if self._opened.cannot_write is not None:
                raise not_writable(self.folder, self._opened.cannot_write)

    def version(self) -> tuple[int, int, int]:
        """Changes whenever the content may have: others' commits and this connection's own writes."""
        with self._own_turn(), in_words(self.folder):
            self._follow_others()
            db = self._opened.connection
            others: int = db.execute("PRAGMA data_version").fetchone()[0]
            return self._times_opened, others, db.total_changes

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[sqlite3.Connection]:
        with self._own_turn():
            self._follow_others()
            opened = self._opened
            if begin != "BEGIN" and opened.cannot_write is not None:
                raise not_writable(self.folder, opened.cannot_write)
            db = opened.connection
            try:
                with in_words(self.folder):
                    db.execute(begin)
                    try:
                        yield db
                        db.execute("COMMIT")
                    finally:
                        if db.in_transaction:
                            db.rollback()
            finally:
                # Whatever was read of a file that changed meanwhile, or went wrong with it, says nothing.
                if opened.frozen not in (None, frozen_state(self.folder)):
                    found = "another process wrote to it while it was read"
                    raise LibraryError(str(self.folder), found, "Run the same command again.")

    @contextmanager
    def _own_turn(self) -> Iterator[None]:
        """Holds the connection for this thread."""
        if os.getpid() != self._process:  # before the lock, which may be held for ever in a forked process
            remedy = "Open the library in the process that uses it: SQLite's files do not survive a fork."
            raise LibraryError(str(self.folder), "opened by another process", remedy)
        with self._turn:
            if self._closed:
                raise LibraryError(str(self.folder), "this library was closed", "Open it again with Library.open.")
            yield

    def _follow_others(self) -> None:
        """A connection that takes its file for unchanging must be opened again if it has changed."""
        if self._opened.frozen not in (None, frozen_state(self.folder)):
            self._reopen()

    def _reopen(self) -> None:
        opened = connect(self.folder, create=False)
        self._opened.connection.close()
        self._opened = opened
        self._times_opened += 1

    def _require_schema(self, *, create: bool) -> None:
        """Checks whose file this is; an empty one gets the tables if `create`."""
        with self.reading() as db:
            owner, version, is_empty = identity(db)
        if is_empty and not create:
            raise _no_library(self.folder)
        if is_empty:
            with in_words(self.folder):
                self._opened.connection.execute("PRAGMA journal_mode = WAL")
            with self.writing() as db:
                # Asked again: another process may have made them since.
                if identity(db)[2]:
                    make_tables(db)
        elif owner != APPLICATION_ID:
            found = f"{DATABASE_NAME} there belongs to another program"
            raise LibraryError(str(self.folder), found, "Choose another folder with --library.")
        elif version == 1:
            self._upgrade()
        elif version != SCHEMA_VERSION:
            found = f"written in format {version}, and this deltaclip reads format {SCHEMA_VERSION}"
            raise LibraryError(str(self.folder), found, "Use the deltaclip that wrote it, or another --library.")

    def _upgrade(self) -> None:
        try:
            with self.writing() as db:
                if identity(db)[1] == 1:  # asked again, as above
                    upgrade(db)
        except NotWritableError as err:
            found = f"in the format of an earlier deltaclip, and {err.found}"
            remedy = "Run `deltaclip status` once with room and permission to write there, which brings it up to date."
            raise LibraryError(str(self.folder), found, remedy) from err


def _require_room(folder: Path, *, create: bool) -> None:
    """Makes the folder of a new library. LibraryError if there must be one already, or something else is there."""
    if not create:
        raise _no_library(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # What SQLite and the lock put there is not somebody's.
        others = sorted(name for name in os.listdir(folder) if not name.startswith((DATABASE_NAME, LOCK_NAME)))
    except OSError as err:
        found = f"cannot hold a library ({err.strerror})"
        raise LibraryError(str(folder), found, "Give a folder that is new, or empty, with --library.") from err
    if others:
        found = f"no library, but a folder with other things in it ({', '.join(others[:3])})"
        raise LibraryError(str(folder), found, "Give a folder that is new, or empty, with --library.")


def _no_library(folder: Path) -> NoLibraryError:
    remedy = "Make one with `deltaclip index FOLDER` or Library.open(..., create=True), or check --library."
    return NoLibraryError(str(folder), "no library there", remedy)
