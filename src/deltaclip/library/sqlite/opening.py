"""Opening the database of a library: whose it is, and which format it has."""

import os
import time
from contextlib import ExitStack, suppress
from pathlib import Path

from deltaclip.errors import LibraryError
from deltaclip.library.lock import LockedError, writer_lock
from deltaclip.library.sqlite.database import Database
from deltaclip.library.sqlite.errors import DATABASE_NAME, disk_error, not_writable
from deltaclip.library.sqlite.half_files import HALF_PREFIX
from deltaclip.library.sqlite.schema import APPLICATION_ID, SCHEMA_VERSION, identity, make_tables
from deltaclip.library.sqlite.upgrade import announce, upgrade
from deltaclip.library.sqlite.vectors import MOTION_PREFIX, PREFIX, new_name
from deltaclip.library.store import NoLibraryError, NotWritableError

__all__ = ["LOCK_NAME", "lock_for_writing", "open_database"]

LOCK_NAME = "library.lock"
UPGRADE_SECONDS = 60.0
"""How long to wait for a different process, which may be bringing the library up to date."""


def open_database(folder: Path, *, create: bool) -> Database:
    """The library in `folder`, an absolute path; `create` makes one in an empty or new folder.

    A library that cannot be written is opened for reading. One of an earlier format is brought to this format.
    Raises NoLibraryError if there is none; LibraryError if the folder holds other files, or if the file is not a
    database, a different program's, or from a newer deltaclip.
    """
    if not (folder / DATABASE_NAME).exists():
        _require_room(folder, create=create)
    database = Database(folder, create=create)
    try:
        _require_tables(database, create=create)
    except BaseException:
        database.close()
        raise
    return database


def lock_for_writing(database: Database, *, wait_seconds: float = 0.0) -> ExitStack:
    """Holds the library for writing until the stack is closed; readers never wait.

    Raises LockedError if a different process still holds it after so many seconds, NotWritableError if the library can
    only be read.
    """
    database.require_writable()
    latest = time.monotonic() + wait_seconds

    with ExitStack() as held:
        while True:
            try:
                held.enter_context(writer_lock(database.folder / LOCK_NAME))
                return held.pop_all()
            except OSError as err:
                raise not_writable(database.folder, f"{LOCK_NAME}: {err.strerror}") from err
            except LockedError:
                if time.monotonic() >= latest:
                    raise
                time.sleep(0.05)


def _require_tables(database: Database, *, create: bool) -> None:
    """Checks whose file this is; an empty one gets the tables if `create`."""
    with database.reading() as db:
        owner, version, is_empty = identity(db)
    if is_empty and not create:
        raise _no_library(database.folder)
    if is_empty:
        database.use_journal()
        with database.writing() as db:
            # Asked again: a different process may have made them since.
            if identity(db)[2]:
                make_tables(db)
    elif owner != APPLICATION_ID:
        found = f"{DATABASE_NAME} there belongs to a different program"
        raise LibraryError(str(database.folder), found, "Choose a different folder.")
    elif version in range(1, SCHEMA_VERSION):
        _upgrade(database)
    elif version != SCHEMA_VERSION:
        found = f"written in format {version}, and this deltaclip reads format {SCHEMA_VERSION}"
        raise LibraryError(str(database.folder), found, "Use the deltaclip that wrote it, or give a different folder.")


def _upgrade(database: Database) -> None:
    """Brings a library of an earlier format to this one. Two processes may come at once: the second finds it done."""
    name = new_name()
    try:
        with lock_for_writing(database, wait_seconds=UPGRADE_SECONDS):
            with database.writing() as db:
                if identity(db)[1] == SCHEMA_VERSION:
                    return
                announce(db, name)
            try:
                with database.writing() as db:
                    upgrade(db, database.folder, name)
            except BaseException:
                with suppress(OSError):  # else the next writer deletes it
                    (database.folder / name).unlink(missing_ok=True)
                raise
            with suppress(LibraryError):  # no room to make it smaller: it is whole as it is
                database.vacuum(0)
    except OSError as err:
        raise disk_error(database.folder, err) from err
    except NotWritableError as err:
        found = f"in the format of an earlier deltaclip, and {err.found}"
        remedy = "Run `deltaclip status` once with room and permission to write there, which brings it up to date."
        raise LibraryError(str(database.folder), found, remedy) from err


def _require_room(folder: Path, *, create: bool) -> None:
    """Makes the folder of a new library. LibraryError if there must be one already, or something else is there."""
    if not create:
        raise _no_library(folder)
    ours = (
        DATABASE_NAME,
        LOCK_NAME,
        PREFIX,
        MOTION_PREFIX,
        HALF_PREFIX,
    )  # left there by SQLite, the lock or an earlier library
    try:
        folder.mkdir(parents=True, exist_ok=True)
        others = sorted(name for name in os.listdir(folder) if not name.startswith(ours))
    except OSError as err:
        found = f"cannot hold a library ({err.strerror})"
        raise LibraryError(str(folder), found, "Give a folder that is new, or empty.") from err
    if others:
        found = f"not a library, but a folder with other files in it ({', '.join(others[:3])})"
        raise LibraryError(str(folder), found, "Give a folder that is new, or empty.")


def _no_library(folder: Path) -> NoLibraryError:
    remedy = "Make one with `deltaclip index FOLDER` or Library.open(..., create=True), or check the name."
    return NoLibraryError(str(folder), "no library there", remedy)
