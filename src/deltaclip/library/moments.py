"""Whether the moments of a video are as they were written: their number, their order, their vectors."""

import math
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from deltaclip.library.store import Store, VideoRow

__all__ = ["MOST_NAMED", "are_unit", "are_whole", "damage_of", "moment_problems", "named"]

MOST_NAMED = 3
"""Problems reported of one video, which has as many as moments if it is damaged; and videos listed by name."""

UNIT_TOLERANCE = 1e-3
"""How far a vector's length may be from 1: float32 sums of 1024 squares stay well below."""


def moment_problems(store: Store, row: VideoRow) -> list[str]:
    """What is wrong with them; nothing if the video was changed or removed meanwhile.

    Raises ValueError or TypeError if damage put anything into a number.
    """
    # What cannot be read as it was written is not judged any further.
    problems = list(store.problems_of(row)) or list(_problems(store, row))
    return problems if problems and store.video(row.path) == row else []


def damage_of(store: Store, row: VideoRow) -> str | None:
    """What is wrong with them in one line; None if nothing is."""
    try:
        problems = moment_problems(store, row)
    except (ValueError, TypeError) as error:
        return f"its moments cannot be read ({error})"
    return named(problems) if problems else None


def are_whole(store: Store, row: VideoRow) -> bool:
    """Whether nothing is wrong with them."""
    return damage_of(store, row) is None


def are_unit(rows: NDArray[np.float32]) -> NDArray[np.bool_]:
    """(N,), which of some vectors (N, D) are unit vectors; one with NaN is none."""
    with np.errstate(over="ignore", invalid="ignore"):  # what damage put there may be too large to be squared
        lengths = np.linalg.norm(rows, axis=1)
    return np.asarray(np.abs(lengths - 1) <= UNIT_TOLERANCE)


def named(problems: Sequence[str]) -> str:
    """The first of them, and how many more there are."""
    more = f"; {len(problems) - MOST_NAMED} more" if len(problems) > MOST_NAMED else ""
    return f"{'; '.join(problems[:MOST_NAMED])}{more}"


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
