"""The SQLite file of a library: its connections, its transactions, and who may use them when."""

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deltaclip.errors import LibraryError
from deltaclip.library.sqlite.connection import Opened, connect, frozen_state
from deltaclip.library.sqlite.errors import in_words, not_writable
from deltaclip.library.sqlite.meta import count_commit

__all__ = ["Database"]

IDLE_READERS = 8
"""Connections that are kept for the next reader."""


class Database:
    """A library's file. Every statement runs inside `reading` or `writing`.

    Any thread may use it, and readers never wait: each has a connection of its own. A forked process may not use it.
    """

    def __init__(self, folder: Path, *, create: bool) -> None:
        """Opens the file in `folder`, an absolute path; `create` makes it. Its tables are the business of `opening`.

        A library that cannot be written is opened for reading. Raises LibraryError if it cannot be opened.
        """
        self.folder = folder
        self._writer = connect(folder, create=create)
        self._turn = threading.RLock()
        self._idle: list[Opened] = []
        self._reading = 0
        self._changed = threading.Condition()
        self._closed = False
        self._process = os.getpid()

    def close(self) -> None:
        """Closes the file, once no other thread is in a transaction. May be called again."""
        if os.getpid() == self._process:
            with self._turn, self._changed:
                self._closed = True
                self._changed.wait_for(lambda: not self._reading)
                for opened in (*self._idle, self._writer):
                    opened.connection.close()
                self._idle.clear()

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """One state of the library, whatever a writer does at the same time."""
        opened = self._reader()
        try:
            with self._transaction(opened, "BEGIN") as db:
                yield db
        finally:
            with self._changed:
                self._reading -= 1
                if len(self._idle) < IDLE_READERS:
                    self._idle.append(opened)
                else:
                    opened.connection.close()
                self._changed.notify_all()

    @contextmanager
    def writing(self, *, synced: bool = False) -> Iterator[sqlite3.Connection]:
        """All or nothing: what is written here is kept at the end, or nothing of it after any exception.

        synced: whether this and all earlier transactions are on the disk at the end; a power cut may undo the last ones
        otherwise. Raises NotWritableError if the library can only be read.
        """
        self._require_process()
        with self._turn:
            self._require_open()
            if self._writer.cannot_write is not None:
                raise not_writable(self.folder, self._writer.cannot_write)
            db = self._writer.connection
            db.execute(f"PRAGMA synchronous = {'FULL' if synced else 'NORMAL'}")
            with self._transaction(self._writer, "BEGIN IMMEDIATE"):
                yield db
                count_commit(db)

    def require_writable(self) -> None:
        """Raises NotWritableError if the library can only be read, also after trying once more."""
        self._require_process()
        with self._turn:
            self._require_open()
            if self._writer.cannot_write is not None:
                self._writer.connection.close()
                self._writer = connect(self.folder, create=False)
            if self._writer.cannot_write is not None:
                raise not_writable(self.folder, self._writer.cannot_write)

    def use_journal(self) -> None:
        """Lets readers and a writer work beside each other from now on: a property of the file."""
        with self._turn, in_words(self.folder):
            self._writer.connection.execute("PRAGMA journal_mode = WAL")

    def vacuum(self, most_free_bytes: int) -> None:
        """Gives free pages back to the disk if there are more than that, and more than used ones."""
        with self._turn, in_words(self.folder):
            db = self._writer.connection
            free, pages, size = (
                db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("freelist_count", "page_count", "page_size")
            )
            if free * size > most_free_bytes and 2 * free > pages:
                db.execute("VACUUM")
                db.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def _reader(self) -> Opened:
        """A connection for one thread to read with, as fresh as the file."""
        self._require_process()
        with self._changed:
            self._require_open()
            self._reading += 1
            opened = self._idle.pop() if self._idle else None
        try:
            # A connection that takes its file for unchanging must be opened again if it has changed.
            if opened is not None and opened.frozen not in (None, frozen_state(self.folder)):
                opened.connection.close()
                opened = None
            return opened or connect(self.folder, create=False)
        except BaseException:
            with self._changed:
                self._reading -= 1
                self._changed.notify_all()
            raise

    @contextmanager
    def _transaction(self, opened: Opened, begin: str) -> Iterator[sqlite3.Connection]:
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
            # Whatever was read from a file that changed at the same time, or went wrong with it, means nothing.
            if opened.frozen not in (None, frozen_state(self.folder)):
                found = "a different process wrote to it while it was read"
                raise LibraryError(str(self.folder), found, "Run the same command again.")

    def _require_process(self) -> None:
        # Before any lock, which may be held for ever in a forked process.
        if os.getpid() != self._process:
            remedy = "Open the library in the process that uses it: SQLite's files do not survive a fork."
            raise LibraryError(str(self.folder), "opened by a different process", remedy)

    def _require_open(self) -> None:
        if self._closed:
            raise LibraryError(str(self.folder), "this library was closed", "Open it again with Library.open.")
