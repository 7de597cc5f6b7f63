"""Whether a library is whole: the database file, its rows, its vectors, and the videos they speak of."""

import math
import sqlite3
from collections.abc import Iterator

import numpy as np

from deltaclip.errors import LibraryError, VideoError
from deltaclip.library.content import sample_of, with_digest
from deltaclip.library.ledger import Ledger, VideoRow, stored_encoder
from deltaclip.library.results import VerifyReport
from deltaclip.library.sqlite_errors import AFTER_DAMAGE
from deltaclip.library.twins import is_gone
from deltaclip.wording import count

__all__ = ["verify_library"]

UNIT_TOLERANCE = 1e-3
"""How far a vector's length may be from 1: float32 sums of 1024 squares stay well below."""
MOST_NAMED = 3
"""Problems told of one video; a damaged one has as many as moments."""


def verify_library(ledger: Ledger, *, every_byte: bool) -> VerifyReport:
    """Looks at everything and changes nothing. A database that cannot be read is a problem, not an exception.

    every_byte: reads all of every file, also of those whose times say that nobody wrote to them.
    """
    problems: list[str] = []
    try:
        problems += _database_problems(ledger)
        rows = ledger.videos()
        for row in rows:
            problems += [f"{row.path}: {problem}" for problem in _video_problems(ledger, row, every_byte)]
        if unsure := sum(row.num_segments > 0 and row.digest is None and not row.missing for row in rows):
            problems.append(
                f"{count(unsure, 'video')}: indexed by an earlier deltaclip, which did not look at every byte, so that "
                "nobody can tell whether they are still the same. Index their folders again."
            )
    except (LibraryError, ValueError, TypeError) as error:
        # ValueError and TypeError: a damaged page may put anything into a column.
        problems.append(str(error))
    return VerifyReport(ok=not problems, problems=tuple(problems))


def _database_problems(ledger: Ledger) -> Iterator[str]:
    """What SQLite finds in its own file, and what does not belong to any video or encoder."""
    with ledger.database.reading() as db:
        for (finding,) in db.execute("PRAGMA integrity_check"):
            if finding != "ok":
                yield f"the database is damaged: {finding}. {AFTER_DAMAGE}"
        orphans = len(db.execute("PRAGMA foreign_key_check").fetchall())
        if orphans:
            yield f"{orphans} moments belong to no video. Index into a new folder with --library."
        if stored_encoder(db) is None and db.execute("SELECT EXISTS (SELECT 1 FROM segments)").fetchone()[0]:
            yield "the encoder of the vectors is not known. Index into a new folder with --library."


def _video_problems(ledger: Ledger, row: VideoRow, every_byte: bool) -> Iterator[str]:
    """What is wrong with one video: its moments, and whether its file is still the one that was read."""
    with ledger.database.reading() as db:
        encoder = stored_encoder(db)
        moments = list(_moment_problems(db, row, encoder.dimension if encoder else 0))
    if moments:
        more = f"; {len(moments) - MOST_NAMED} more" if len(moments) > MOST_NAMED else ""
        # What is removed comes back from the file alone.
        first = "Bring its file back, then remove" if is_gone(row.path) else "Remove"
        yield f"{'; '.join(moments[:MOST_NAMED])}{more}. {first} it and index it again."
    if row.missing or row.sample is None:
        return  # known to be gone, or never read
    try:
        if _is_changed(row, every_byte):
            yield "changed since it was indexed. Index it again."
    except VideoError as error:
        if is_gone(row.path):
            remedy = "Index its folder again, which takes it out of the search and keeps its moments."
        else:  # for example no permission
            remedy = f"{error.remedy} Its moments stay in the search."
        yield f"{error.found}. {remedy}"


def _is_changed(row: VideoRow, every_byte: bool) -> bool:
    """Whether the file of a video holds other bytes now. If its times are others too, the sample is not enough."""
    content = sample_of(row.path)
    if not row.may_be(content):
        return True
    if row.digest is None or (row.stamp == content.stamp and not every_byte):
        return False
    return with_digest(row.path, content).digest != row.digest


def _moment_problems(db: sqlite3.Connection, row: VideoRow, dimension: int) -> Iterator[str]:
    """What is wrong with the moments of one video: number, order, vectors."""
    rows = db.execute(
        "SELECT start_seconds, end_seconds, vector FROM segments WHERE video_id = ? ORDER BY start_seconds", (row.id,)
    )
    count, last_end = 0, 0.0
    for start, end, vector in rows:
        count += 1
        if not last_end <= start < end < math.inf:
            yield f"the moment {start} to {end} s is out of order"
        last_end = end
        if len(vector) != 4 * dimension:
            yield f"the vector at {start} s has {len(vector)} bytes, not {4 * dimension}"
            continue
        length = float(np.linalg.norm(np.frombuffer(vector, "<f4").astype(np.float64)))
        if not abs(length - 1) <= UNIT_TOLERANCE:
            yield f"the vector at {start} s has the length {length:g}, not 1"
    if count != row.num_segments or (count == 0) != (row.status == "failed"):
        yield f"{count} moments where {row.num_segments} were written"
    elif count and last_end != row.duration_seconds:
        yield f"the moments end at {last_end} s, not {row.duration_seconds} s"
