"""The SQLite file of a library: its tables, how it is opened, its transactions, and its errors in words."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deltaclip.errors import LibraryError

__all__ = ["DATABASE_NAME", "LOCK_NAME", "Database"]

DATABASE_NAME = "library.sqlite"
LOCK_NAME = "library.lock"
APPLICATION_ID = 0x646C7463
"""Four bytes in the head of the file ("dltc") that tell our databases from those of other programs."""
SCHEMA_VERSION = 1
BUSY_SECONDS = 30.0
"""How long a transaction waits for another one to end; ours last milliseconds."""

# Paths are bytes, as file systems have them. A failed video has no segments, a damaged one those before the damage.
# Size and content key are NULL where a file could not even be read.
# num_segments and duration_seconds (end of the last segment) repeat what the segments say so that `verify` can compare.
SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;
CREATE TABLE videos (
    id INTEGER PRIMARY KEY,
    path BLOB NOT NULL UNIQUE,
    size_bytes INTEGER,
    content_key BLOB,
    status TEXT NOT NULL CHECK (status IN ('indexed', 'damaged', 'failed')),
    reason TEXT CHECK ((reason IS NULL) = (status = 'indexed')),
    missing INTEGER NOT NULL DEFAULT 0 CHECK (missing IN (0, 1)),
    num_segments INTEGER NOT NULL,
    duration_seconds REAL
);
CREATE INDEX videos_by_content ON videos (content_key);
CREATE TABLE segments (
    video_id INTEGER NOT NULL REFERENCES videos (id) ON DELETE CASCADE,
    start_seconds REAL NOT NULL,
    end_seconds REAL NOT NULL,
    coverage REAL,
    vector BLOB NOT NULL,
    PRIMARY KEY (video_id, start_seconds)
);
"""

_REMEDIES = {
    "SQLITE_FULL": "Make room on the disk and run the same command again: what was finished is kept.",
    "SQLITE_READONLY": "Check the permissions of the folder and its files.",
    "SQLITE_CANTOPEN": "Check the permissions of the folder and its files.",
    "SQLITE_BUSY": "Another program holds the database: close it and try again.",
    "SQLITE_IOERR": "Check the disk, then run `deltaclip verify`.",
}
_DAMAGED = f"Put {DATABASE_NAME} back from a copy, or delete the folder and index again; videos are never changed."


class Database:
    """One connection to a library's file. Every statement runs inside `reading` or `writing`."""

    def __init__(self, folder: Path, connection: sqlite3.Connection) -> None:
        self.folder = folder
        self._connection = connection

    @classmethod
    def open(cls, folder: Path, *, create: bool) -> "Database":
        """Opens the library in `folder`, an absolute path; `create` makes one in an empty or new folder.

        Raises LibraryError where there is none, where the folder holds other things, or where the file is no
        database, another program's, or from a newer deltaclip.
        """
        file = folder / DATABASE_NAME
        if not file.exists():
            _require_room(folder, create=create)
        with _in_words(folder):
            # mode=rw: a mistyped name must not leave an empty database behind.
            address = f"{file.as_uri()}?mode={'rwc' if create else 'rw'}"
            connection = sqlite3.connect(address, uri=True, timeout=BUSY_SECONDS, isolation_level=None)
        database = cls(folder, connection)
        try:
            with _in_words(folder):
                # In WAL mode a crash of ours loses nothing with NORMAL; a power cut at most the last videos.
                connection.execute("PRAGMA synchronous = NORMAL")
                connection.execute("PRAGMA foreign_keys = ON")
            database._require_schema(create=create)
        except BaseException:
            connection.close()
            raise
        return database

    def close(self) -> None:
        """Gives the file back. May be called again."""
        self._connection.close()

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """One unchanging view of the library, whatever a writer does meanwhile."""
        with self._transaction("BEGIN") as db:
            yield db

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """All or nothing: what is written here is kept at the end, or nothing of it after any exception."""
        with self._transaction("BEGIN IMMEDIATE") as db:
            yield db

    def version(self) -> tuple[int, int]:
        """Changes whenever the content may have: others' commits and this connection's own writes."""
        with _in_words(self.folder):
            others: int = self._connection.execute("PRAGMA data_version").fetchone()[0]
        return others, self._connection.total_changes

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[sqlite3.Connection]:
        with _in_words(self.folder):
            self._connection.execute(begin)
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            finally:
                if self._connection.in_transaction:
                    self._connection.rollback()

    def _require_schema(self, *, create: bool) -> None:
        """Checks whose file this is; an empty one gets the tables if `create`."""
        with self.reading() as db:
            owner, version, is_empty = _identity(db)
        if is_empty and not create:
            raise _no_library(self.folder)
        if is_empty:
            with _in_words(self.folder):
                self._connection.execute("PRAGMA journal_mode = WAL")
            with self.writing() as db:
                # Asked again: another process may have made them since.
                if _identity(db)[2]:
                    for statement in filter(str.strip, SCHEMA.split(";")):
                        db.execute(statement)
                    db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                    db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        elif owner != APPLICATION_ID:
            found = f"{DATABASE_NAME} there belongs to another program"
            raise LibraryError(str(self.folder), found, "Choose another folder with --library.")
        elif version != SCHEMA_VERSION:
            found = f"written in format {version}, and this deltaclip reads format {SCHEMA_VERSION}"
            raise LibraryError(str(self.folder), found, "Use the deltaclip that wrote it, or another --library.")


def _identity(db: sqlite3.Connection) -> tuple[int, int, bool]:
    """Application id, schema version, and whether there is no table at all."""
    owner, version = (db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version"))
    return owner, version, db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0


def _require_room(folder: Path, *, create: bool) -> None:
    """Makes the folder of a new library. LibraryError where there must be one already, or something else is there."""
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


def _no_library(folder: Path) -> LibraryError:
    return LibraryError(str(folder), "no library there", "Make one with `deltaclip index FOLDER`, or check --library.")


@contextmanager
def _in_words(folder: Path) -> Iterator[None]:
    """Turns what SQLite raises into a LibraryError with a remedy."""
    try:
        yield
    except sqlite3.Error as err:
        code = getattr(err, "sqlite_errorname", None) or ""
        remedy = next((remedy for name, remedy in _REMEDIES.items() if code.startswith(name)), _DAMAGED)
        raise LibraryError(str(folder), f"the database could not be used ({err})", remedy) from err
