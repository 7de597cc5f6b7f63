"""Many names in one line."""

from collections.abc import Sequence

__all__ = ["count", "listed"]

SHOWN = 10


def listed(names: Sequence[str], separator: str = ", ") -> str:
    """The first names, and how many more there are."""
    more = f" and {len(names) - SHOWN:,} more" if len(names) > SHOWN else ""
    return separator.join(names[:SHOWN]) + more


def count(number: int, one: str) -> str:
    """A number of things in words: 1 video, 1,200 videos."""
    return f"{number:,} {one}" + ("" if number == 1 else "s")
