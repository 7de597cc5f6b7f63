"""Filters as conditions on the table of videos."""

import os
from pathlib import Path

from deltaclip.library.filters import Filter
from deltaclip.library.lance.state import hex_of

__all__ = ["below", "video_conditions"]


def video_conditions(where: Filter) -> str:
    """What holds for the videos that fit a filter in everything but its pattern and coverage."""
    conditions = ["num_segments > 0"]
    if where.folder is not None:
        conditions.append(f"({below(where.folder)})")
    for column, sign, bound in (
        ("duration_seconds", ">=", where.longer_seconds),
        ("duration_seconds", "<", where.shorter_seconds),
        ("mtime_ns", ">=", where.after_ns),
        ("mtime_ns", "<", where.before_ns),
    ):
        if bound is not None:
            conditions.append(f"{column} {sign} {bound!r}")
    return " AND ".join(conditions)


def below(path: Path) -> str:
    """What holds for a path itself and everything under it: bytes compare as memory does."""
    own = os.fsencode(path)
    prefix = own if own.endswith(os.fsencode(os.sep)) else own + os.fsencode(os.sep)
    after = prefix[:-1] + bytes([prefix[-1] + 1])
    return f"path = {hex_of(own)} OR (path >= {hex_of(prefix)} AND path < {hex_of(after)})"
