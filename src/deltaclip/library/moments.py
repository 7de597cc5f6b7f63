"""Whether the moments of a video are as they were written: their number, their order, their vectors."""

import math
import sqlite3
from collections.abc import Iterator

import numpy as np

from deltaclip.library.encoders import stored_encoder
from deltaclip.library.ledger import Ledger, VideoRow

__all__ = ["are_whole", "moment_problems"]

UNIT_TOLERANCE = 1e-3
"""How far a vector's length may be from 1: float32 sums of 1024 squares stay well below."""


def moment_problems(ledger: Ledger, row: VideoRow) -> list[str]:
    """What is wrong with them. Raises ValueError or TypeError if a damaged page put anything into a column."""
    with ledger.database.reading() as db:
        encoder = stored_encoder(db)
        return list(_problems(db, row, encoder.dimension if encoder else 0))


def are_whole(ledger: Ledger, row: VideoRow) -> bool:
    """Whether nothing is wrong with them."""
    try:
        return not moment_problems(ledger, row)
    except (ValueError, TypeError):
        return False


def _problems(db: sqlite3.Connection, row: VideoRow, dimension: int) -> Iterator[str]:
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
