"""Giving back the room of what was deleted, and making what follows from the rest.

Nothing here is needed: whatever goes wrong, the library is as before.
"""

import sqlite3
from contextlib import suppress

from deltaclip.errors import LibraryError
from deltaclip.library.sqlite import meta
from deltaclip.library.sqlite.database import Database
from deltaclip.library.sqlite.half_files import make_half_files
from deltaclip.library.sqlite.vectors import MOTION_PREFIX, VectorFile, copy_rows, new_name

__all__ = ["are_whole", "delete_unused_files", "drop_dead_rows", "tidy"]

MOST_DEAD = 1 / 3
"""Share of dead rows from which they are dropped: they are scored with the others, and take their room on disk."""
MOST_FREE_BYTES = 16 * 2**20
"""Free pages that a database may keep for later."""


def tidy(database: Database) -> None:
    """Gives back the room of what was deleted, if it is much, and makes the float16 files of new vectors."""
    # No room for a copy, or rows of videos are lost, which verify tells: then everything stays as it is.
    with suppress(OSError, LibraryError):
        drop_dead_rows(database)
        database.vacuum(MOST_FREE_BYTES)
    with suppress(OSError, LibraryError, ValueError):  # the same, or vectors that are none
        with database.reading() as db:
            file = meta.vector_file(meta.read_meta(db), database.folder)
        if file is not None:
            make_half_files(file)


def delete_unused_files(database: Database) -> None:
    """Deletes the files of vectors that the database names as unused, but for those that Windows has in use."""
    with database.reading() as db:
        names = [name for (name,) in db.execute("SELECT name FROM unused_files")]
    if not names:
        return
    with database.writing(synced=True):
        pass  # else a power cut might bring back a state of the database in which one of them is in use
    deleted = list[tuple[str]]()
    for name in names:
        with suppress(OSError):  # the next writer tries again
            meta.vectors_path(database.folder, name).unlink(missing_ok=True)
            deleted.append((name,))
    with database.writing() as db:
        db.executemany("DELETE FROM unused_files WHERE name = ?", deleted)


def drop_dead_rows(database: Database) -> None:
    """Copies the rows that belong to videos into new files, if a third of all belong to none or some are lost.

    A kill at any point leaves the old or the new files named by the database, whole, and the others as unused.
    """
    with database.reading() as db:
        known = meta.read_meta(db)
        file, motion = meta.vector_file(known, database.folder), meta.motion_file(known, database.folder)
        dead = db.execute("SELECT coalesce(sum(num_rows), 0) FROM dead_rows").fetchone()[0]
    if file is None or not dead or (dead < MOST_DEAD * file.num_rows and are_whole(file, motion)):
        return
    names = new_name(), new_name(MOTION_PREFIX)
    with database.writing() as db:
        db.executemany("INSERT INTO unused_files VALUES (?)", [(name,) for name in names])
    try:
        with database.writing() as db:
            _copy(db, file, motion, *names)
    finally:
        delete_unused_files(database)


def _copy(db: sqlite3.Connection, file: VectorFile, motion: VectorFile | None, name: str, motion_name: str) -> None:
    """The rows of videos, in their order, into new files, which are the database's from the end of the transaction."""
    rows = db.execute("SELECT id, first_row, num_segments FROM videos WHERE first_row IS NOT NULL ORDER BY first_row")
    moved, ranges, end = list[tuple[int, int]](), list[tuple[int, int]](), 0
    for number, first, count in rows:
        moved.append((end, number))
        if ranges and sum(ranges[-1]) == first:
            ranges[-1] = ranges[-1][0], ranges[-1][1] + count
        else:
            ranges.append((first, count))
        end += count
    known = meta.read_meta(db)
    if ranges:
        copy_rows(file, file.path.with_name(name), ranges)
    if motion is not None:
        before = sum(max(min(count, motion.first - first), 0) for first, count in ranges)
        if end > before:
            copy_rows(motion, motion.path.with_name(motion_name), ranges)
        meta.use_new_motion_file(db, known, before, motion_name)
    # In order, and none to a higher row than before: no two videos have the same first row in between.
    db.executemany("UPDATE videos SET first_row = ? WHERE id = ?", moved)
    meta.use_new_file(db, known, name, end)


def are_whole(*files: VectorFile | None) -> bool:
    """Whether files of vectors are there and not cut off."""
    try:
        for file in files:
            if file is not None:
                file.require_whole()
    except (OSError, LibraryError):
        return False
    return True
