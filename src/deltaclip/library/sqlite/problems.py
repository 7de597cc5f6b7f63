"""What is wrong with a database as a whole."""

import sqlite3
from collections.abc import Iterator

from deltaclip.library.sqlite.errors import AFTER_DAMAGE
from deltaclip.library.sqlite.meta import has_moments
from deltaclip.library.sqlite.vectors import LostRowsError, VectorFile

__all__ = ["database_problems", "lost_rows"]

_NEW_LIBRARY = "Index into a new folder."
_ROWS = (
    "SELECT first_row, num_segments FROM videos WHERE first_row IS NOT NULL"
    " UNION ALL SELECT first_row, num_rows FROM dead_rows ORDER BY first_row"
)


def database_problems(db: sqlite3.Connection, file: VectorFile | None) -> Iterator[str]:
    """What SQLite finds in its own file, and what belongs to no video or encoder."""
    for (finding,) in db.execute("PRAGMA integrity_check"):
        if finding != "ok":
            yield f"the database is damaged: {finding}. {AFTER_DAMAGE}"
    if orphans := len(db.execute("PRAGMA foreign_key_check").fetchall()):
        yield f"{orphans} moments belong to no video. {_NEW_LIBRARY}"
    if file is None:
        if has_moments(db):
            yield f"the encoder of the vectors is not known. {_NEW_LIBRARY}"
        return
    end = 0
    for first, count in [*db.execute(_ROWS), (file.num_rows, 0)]:
        if first != end:
            yield f"the vectors from number {min(first, end)} on are not each of one video. {_NEW_LIBRARY}"
            break
        end += count


def lost_rows(file: VectorFile | None, motion: VectorFile | None) -> Iterator[str]:
    """Which files of vectors are missing or cut off."""
    for each in (file, motion):
        try:
            if each is not None:
                each.require_whole()
        except FileNotFoundError:
            assert each is not None, "without one there is nothing to open"
            yield LostRowsError.missing(each).reason
        except LostRowsError as error:
            yield error.reason
