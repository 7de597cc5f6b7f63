"""What `--exclude` means: patterns for names, for paths below the given folders, and for places as a shell has them."""

import os
from collections.abc import Sequence

from deltaclip.library.paths import PathPattern, absolute_pattern
from deltaclip.object_paths import object_path

__all__ = ["Exclusion"]


class Exclusion:
    """Patterns of `*`, `?` and `[a-z]`, in any case of letters.

    A pattern without a slash is for the name of a file or folder, wherever it is: `*.gif`, `proxies`. One with a
    slash is for the path below a given folder, and its `*` reaches over slashes: `2019/raw`, `/drafts`. With a slash at
    its end it is for folders only. A place written as in a shell is meant as there: `./drafts` and `../old` from the
    current folder (the first below a given folder, too), `~/Videos/drafts`, absolute paths, and addresses of objects
    (`s3://films/drafts`).
    Nothing in a folder that matches is looked at.
    """

    def __init__(self, patterns: Sequence[str]) -> None:
        self._rules = {pattern: _Rule(pattern) for pattern in patterns}
        self._used: set[str] = set()

    def matches(self, below: Sequence[str], place: str, *, is_folder: bool) -> bool:
        """Whether any pattern matches.

        below: the path relative to every given folder that it lies in. place: the absolute path.
        """
        hits = [pattern for pattern, rule in self._rules.items() if rule.matches(below, place, is_folder=is_folder)]
        self._used.update(hits)
        return bool(hits)

    @property
    def unused(self) -> tuple[str, ...]:
        """Patterns that matched nothing so far."""
        return tuple(pattern for pattern in self._rules if pattern not in self._used)


class _Rule:
    """One pattern. _name, _below, _place: what name, path below a given folder, and absolute path have to match."""

    def __init__(self, pattern: str) -> None:
        if not isinstance(pattern, str):
            raise TypeError(f"the pattern {pattern!r} is not a text")
        text = pattern.replace(os.sep, "/")
        self._folders_only = text.endswith("/")
        place = absolute_pattern(text) if object_path(text) is None else text
        below = text.removeprefix(".") if text.startswith("./") else text if place is None or text[0] == "/" else None
        if not text.strip("/") or (below is not None and not below.strip("/").removeprefix("**/")):
            raise ValueError(f"the pattern {pattern!r} is empty")
        is_name = below is not None and below[0] != "/" and "/" not in below.strip("/").removeprefix("**/")
        self._name = PathPattern(below) if is_name and below else None
        self._below = PathPattern(below) if below and not is_name else None
        self._place = PathPattern(place) if place is not None else None

    def matches(self, below: Sequence[str], place: str, *, is_folder: bool) -> bool:
        if self._folders_only and not is_folder:
            return False
        return (
            (self._name is not None and self._name.is_like(os.path.basename(place)))
            or (self._below is not None and any(map(self._below.is_like, below)))
            or (self._place is not None and self._place.is_like(place))
        )
