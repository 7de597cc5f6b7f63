"""Which rows of vectors a filter lets through."""

import os
import sqlite3
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deltaclip.library.filters import Filter

__all__ = ["below", "wanted_rows"]


def wanted_rows(db: sqlite3.Connection, num_rows: int, where: Filter) -> NDArray[np.bool_]:
    """(num_rows,), True for the rows of moments that fit; those of missing videos may be among them."""
    conditions, values = ["first_row IS NOT NULL"], list[object]()
    if where.folder is not None:
        condition, bounds = below(where.folder)
        conditions.append(f"({condition})")
        values += bounds
    for column, sign, bound in (
        ("duration_seconds", ">=", where.longer_seconds),
        ("duration_seconds", "<", where.shorter_seconds),
        ("mtime_ns", ">=", where.after_ns),
        ("mtime_ns", "<", where.before_ns),
    ):
        if bound is not None:
            conditions.append(f"{column} {sign} ?")
            values.append(bound)
    query = f"SELECT first_row, num_segments, path FROM videos WHERE {' AND '.join(conditions)}"
    rows, rule = db.execute(query, values), where.path_rule()
    fits = [(first, count) for first, count, path in rows if rule is None or rule(os.fsdecode(path))]
    wanted = _in_ranges(np.array(fits, np.int64).reshape(-1, 2), num_rows)
    if where.min_coverage is not None:
        wanted &= _moving(db, num_rows, where.min_coverage)
    return wanted


def below(path: Path) -> tuple[str, list[bytes]]:
    """The condition, with its values, for a path itself and everything under it."""
    own = os.fsencode(path)
    prefix = own if own.endswith(os.fsencode(os.sep)) else own + os.fsencode(os.sep)
    # Bytes compare as memory does: all that begins with "…/" is between "…/" and "…" with the byte after "/".
    after = prefix[:-1] + bytes([prefix[-1] + 1])
    return "path = ? OR (path >= ? AND path < ?)", [own, prefix, after]


def _in_ranges(ranges: NDArray[np.int64], num_rows: int) -> NDArray[np.bool_]:
    """(num_rows,), True inside ranges (K, 2) of first row and number of rows, which do not overlap."""
    steps = np.zeros(num_rows + 1, np.int8)
    np.add.at(steps, ranges[:, 0], 1)
    np.add.at(steps, ranges.sum(axis=1), -1)
    return np.cumsum(steps[:-1], dtype=np.int8).astype(bool)


def _moving(db: sqlite3.Connection, num_rows: int, min_coverage: float) -> NDArray[np.bool_]:
    """(num_rows,), True for the rows of moments that move at least so much."""
    found = db.execute(
        "SELECT first_row + number FROM moments JOIN videos ON videos.id = video_id WHERE coverage >= ?",
        (min_coverage,),
    )
    moving = np.zeros(num_rows, bool)
    moving[np.fromiter((row for (row,) in found), np.int64)] = True
    return moving
