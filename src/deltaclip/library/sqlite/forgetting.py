"""Taking motion vectors out that cannot be read as they were written, without touching any other."""

import json
import sqlite3
from collections.abc import Iterator, Sequence

from deltaclip.library.sqlite import meta
from deltaclip.library.sqlite.database import Database
from deltaclip.library.sqlite.errors import disk_error
from deltaclip.library.sqlite.rows import no_motion
from deltaclip.library.sqlite.tidying import are_whole, delete_unused_files
from deltaclip.library.sqlite.vectors import MOTION_PREFIX, VectorFile, as_bytes, new_name, read_rows, write_rows

__all__ = ["forget_motion"]

ROWS_AT_ONCE = 8192
"""Rows that are held at once: 2 MB of motion vectors of 64 numbers."""


def forget_motion(database: Database, numbers: Sequence[int]) -> None:
    """The videos of these ids have no motion vectors from now on.

    A row that counts is never written again, so the motion vectors of the others go into a new file. Also if there are
    no ids but the file was cut off behind the last motion vector: nothing could be added to it.
    A kill at any point leaves the old or the new file named by the database, whole, and the other as unused.
    """
    with database.reading() as db:
        motion = meta.motion_file(meta.read_meta(db), database.folder)
    if motion is None or (not numbers and are_whole(motion)):
        return
    name = new_name(MOTION_PREFIX)
    with database.writing() as db:
        db.execute("INSERT INTO unused_files VALUES (?)", (name,))
    try:
        with database.writing() as db:
            _forget(db, motion, json.dumps(list(numbers)), name)
    except OSError as err:
        raise disk_error(database.folder, err) from err
    finally:
        delete_unused_files(database)


def _forget(db: sqlite3.Connection, motion: VectorFile, numbers: str, name: str) -> None:
    """numbers: the ids, as JSON."""
    kept: list[tuple[int, int]] = db.execute(
        "SELECT first_row, num_segments FROM videos WHERE num_motion > 0"
        " AND id NOT IN (SELECT value FROM json_each(?)) ORDER BY first_row",
        (numbers,),
    ).fetchall()
    end = motion.first + motion.num_rows
    first = kept[0][0] if kept else end
    if kept:
        write_rows(motion.path.with_name(name), _pieces(motion, kept, end))
    db.execute(
        "UPDATE videos SET num_motion = 0, motion_crc = NULL WHERE id IN (SELECT value FROM json_each(?))", (numbers,)
    )
    meta.use_new_motion_file(db, meta.read_meta(db), first, name)


def _pieces(motion: VectorFile, kept: Sequence[tuple[int, int]], end: int) -> Iterator[bytes]:
    """From the first kept row to `end`: kept ranges (first row, number of rows) as they are, NaN between them."""
    row = kept[0][0]
    for first, count in [*kept, (end, 0)]:
        for start in range(row, first, ROWS_AT_ONCE):
            yield as_bytes(no_motion(min(ROWS_AT_ONCE, first - start), motion.dimension))
        for start in range(first, first + count, ROWS_AT_ONCE):
            yield as_bytes(read_rows(motion, start, min(ROWS_AT_ONCE, first + count - start)))
        row = first + count
