"""Pieces of sentences that many rooms say: counts, many names in one line, and what somebody may have meant."""

from collections.abc import Iterable, Sequence

__all__ = ["count", "did_you_mean", "listed"]


def count(number: int, one: str) -> str:
    """A number of things in words: 1 video, 1,200 videos."""
    return f"{number:,} {one}" + ("" if number == 1 else "s")


def listed(names: Sequence[str], between: str = ", ", most: int = 10) -> str:
    """The first names, and how many more there are."""
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return between.join(names[:most]) + more


def did_you_mean(name: str, known: Iterable[str], end: str = "") -> str:
    """The known name nearest to one that is not known, as a question; else all of them, and `end` behind them."""
    from difflib import get_close_matches  # only needed where something is wrong

    choices = tuple(known)
    near = get_close_matches(name, choices, 1)
    return f"did you mean {near[0]}?" if near else f"choose one of {', '.join(choices)}{end}"
