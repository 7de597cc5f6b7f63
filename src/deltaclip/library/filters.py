"""Which moments a search may find, besides what it asks: by path, length, date and motion."""

import math
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from deltaclip.library.paths import PathPattern, absolute_paths, absolute_pattern

__all__ = ["Filter", "check_filter"]


@dataclass(frozen=True, slots=True)
class Filter:
    """Moments for which everything that is given holds. Scores and order are those of a search without it.

    folder: the file is in this folder or below it, or is this file; made absolute. glob: a pattern of `*`, `?` and
    `[a-z]` in any case of letters; without a slash for the name of the file (`*.mp4`), with one for the end of its path
    (`holiday/*.mp4`, in which `*` reaches over slashes), and for all of it if it is absolute or begins with `~` or `.`.
    longer_seconds, shorter_seconds: the video lasts at least so long, and less than so long; half-open. after, before:
    its file was last changed at `after` or later, and earlier than `before`, as the library last saw it; without a time
    zone, local time. min_coverage: at least this share of the frames moves, 0 to 1, mean over the moment.

    A moment of which the library does not know what is asked is not found: the coverage without masks, the date of a
    file that an early deltaclip indexed. Raises TypeError for a different type, ValueError for a value that no moment
    can fit, PathError for a folder that no file system can have.
    """

    folder: Path | None = None
    glob: str | None = None
    longer_seconds: float | None = None
    shorter_seconds: float | None = None
    after: datetime | None = None
    before: datetime | None = None
    min_coverage: float | None = None

    def __post_init__(self) -> None:
        if self.folder is not None:
            object.__setattr__(self, "folder", absolute_paths([self.folder])[0])
        if self.glob is not None:
            _pattern(self.glob)
        for name in ("longer_seconds", "shorter_seconds", "min_coverage"):
            _check_number(name, getattr(self, name))
        for name in ("after", "before"):
            _check_time(name, getattr(self, name))
        if self.min_coverage is not None and self.min_coverage > 1:
            raise ValueError(f"min_coverage is a share from 0 to 1, not {self.min_coverage:g}")
        low, high = self.longer_seconds, self.shorter_seconds
        if low is not None and high is not None and low >= high:
            raise ValueError(f"no video lasts at least {low:g} s and less than {high:g} s")
        first, end = self.after_ns, self.before_ns
        if first is not None and end is not None and first >= end:
            raise ValueError(f"no file was last changed after {self.after} and before {self.before}")

    @property
    def after_ns(self) -> int | None:
        """`after` as time stamps of files have it: nanoseconds since 1970, UTC."""
        return None if self.after is None else _nanoseconds(self.after)

    @property
    def before_ns(self) -> int | None:
        """The same of `before`."""
        return None if self.before is None else _nanoseconds(self.before)

    def path_rule(self) -> Callable[[str], bool] | None:
        """Whether an absolute path fits `glob`; None if there is none."""
        return None if self.glob is None else _pattern(self.glob)

    def fits_video(self, path: Path, duration_seconds: float | None, mtime_ns: int | None) -> bool:
        """Whether a video fits in everything but coverage; None for what is not known."""
        rule = self.path_rule()
        return (
            (self.folder is None or path.is_relative_to(self.folder))
            and (rule is None or rule(str(path)))
            and _is_between(duration_seconds, self.longer_seconds, self.shorter_seconds)
            and _is_between(mtime_ns, self.after_ns, self.before_ns)
        )

    def fits_moment(self, coverage: float | None) -> bool:
        """Whether a moment fits in coverage."""
        return _is_between(coverage, self.min_coverage, None)


def check_filter(where: Any) -> Filter | None:  # Any: whatever somebody passed
    """The filter itself; None for none, and for one that lets everything through. Raises TypeError."""
    if where is not None and not isinstance(where, Filter):
        raise TypeError(f"where is {where!r}: give a Filter, such as Filter(glob='*.mp4')")
    return None if where == Filter() else where


def _pattern(glob: Any) -> Callable[[str], bool]:  # Any: whatever somebody passed
    """Raises TypeError, ValueError."""
    if not isinstance(glob, str):
        raise TypeError(f"glob is {glob!r}: give a pattern, such as '*.mp4'")
    text = glob.replace(os.sep, "/")
    if not text.strip("/"):
        raise ValueError(f"the pattern {glob!r} is empty")
    if "/" not in text:
        name = PathPattern(text)
        return lambda path: name.is_like(os.path.basename(path))
    place = absolute_pattern(text)
    return PathPattern(f"**/{text}" if place is None else place).is_like


def _check_number(name: str, value: Any) -> None:  # Any: whatever somebody passed
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{name} is {value!r}: give a number")
    if not (math.isfinite(value) and value >= 0):
        raise ValueError(f"{name} is a number from 0 on, not {value!r}")


def _check_time(name: str, value: Any) -> None:  # Any: whatever somebody passed
    if value is None:
        return
    if not isinstance(value, datetime):
        raise TypeError(f"{name} is {value!r}: give a datetime, such as datetime(2026, 5, 1)")
    try:
        _nanoseconds(value)
    except (OverflowError, OSError, ValueError) as err:
        raise ValueError(f"{name} is {value}, which this system's clock cannot tell ({err})") from err


def _nanoseconds(time: datetime) -> int:
    """As time stamps of files have it; a date beyond what 64 bits hold (1678 to 2262) is the first or the last."""
    return min(max(round(time.timestamp() * 1_000_000) * 1000, -(2**63)), 2**63 - 1)


def _is_between(value: float | None, low: float | None, high: float | None) -> bool:
    """low <= value < high; None of these for no bound, and a value that is not known is within no bounds."""
    if low is None and high is None:
        return True
    return value is not None and (low is None or value >= low) and (high is None or value < high)
