"""Whether the moments of a video are as they were written: their number, their order, their vectors."""

import math
from collections.abc import Iterator

import numpy as np

from deltaclip.library.store import Store, VideoRow

__all__ = ["are_whole", "moment_problems"]

UNIT_TOLERANCE = 1e-3
"""How far a vector's length may be from 1: float32 sums of 1024 squares stay well below."""


def moment_problems(store: Store, row: VideoRow) -> list[str]:
    """What is wrong with them; nothing if the video was changed or removed meanwhile.

    Raises ValueError or TypeError if damage put anything into a number.
    """
    # What cannot be read as it was written is not judged any further.
    problems = list(store.problems_of(row)) or list(_problems(store, row))
    return problems if problems and store.video(row.path) == row else []


def are_whole(store: Store, row: VideoRow) -> bool:
    """Whether nothing is wrong with them."""
    try:
        return not moment_problems(store, row)
    except (ValueError, TypeError):
        return False


def _problems(store: Store, row: VideoRow) -> Iterator[str]:
    count, last_end = 0, 0.0
    for moment in store.moments([row]):
        count += 1
        if not last_end <= moment.start < moment.end < math.inf:
            yield f"the moment {moment.start} to {moment.end} s is out of order"
        last_end = moment.end
        for words, vector in (("vector", moment.vector), ("motion vector", moment.motion)):
            length = 1.0 if vector is None else float(np.linalg.norm(vector.astype(np.float64)))
            if not abs(length - 1) <= UNIT_TOLERANCE:
                yield f"the {words} at {moment.start} s has the length {length:g}, not 1"
    if count != row.num_segments or (count == 0) != (row.status == "failed"):
        yield f"{count} moments where {row.num_segments} were written"
    elif count and last_end != row.duration_seconds:
        yield f"the moments end at {last_end} s, not {row.duration_seconds} s"
