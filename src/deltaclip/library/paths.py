"""Paths as people give them: made absolute, and patterns that many paths fit."""

import glob
import os
import re
import unicodedata
from collections.abc import Iterable
from fnmatch import translate
from pathlib import Path

from deltaclip.checks import check_path
from deltaclip.names import on_disk
from deltaclip.object_paths import object_path

__all__ = ["PathPattern", "absolute_paths", "absolute_pattern"]


def absolute_paths(paths: Iterable[str | os.PathLike[str]]) -> tuple[Path, ...]:
    """Absolute paths, each once; `~` is the home folder unless a file has exactly that name.

    Addresses of objects, such as s3://bucket/film.mp4, are taken as they are.

    Links are kept: a file is found under the name that its owner gave it.
    """
    if isinstance(paths, str):
        raise TypeError("paths is a list of paths, not one string")
    # An empty one would mean the current folder, but comes from a shell variable that is not set.
    names = [os.fsdecode(check_path(path, "a path")) for path in paths]
    return tuple(dict.fromkeys(object_path(name) or _on_this_machine(name) for name in names))


def _on_this_machine(name: str) -> Path:
    known = name if os.path.lexists(name) else os.path.expanduser(name)
    return on_disk(Path(os.path.abspath(known)))


class PathPattern:
    """One pattern of `*`, `?` and `[a-z]`, in any case of letters; `**/` at its beginning is for any folders."""

    def __init__(self, pattern: str) -> None:
        wanted = _plain(pattern)
        # A name may hold the very characters of patterns, as in "film [1].mp4".
        self._literal = wanted
        anywhere = "(?:.*/)?" if wanted.startswith("**/") else ""
        self._regex = re.compile(anywhere + translate(wanted.removeprefix("**/")), re.DOTALL)

    def is_like(self, path: str) -> bool:
        """Whether a path, or a name, is what the pattern says, all of it."""
        plain = _plain(path)
        return plain == self._literal or self._regex.match(plain) is not None


def absolute_pattern(text: str) -> str | None:
    """The absolute path that a pattern has in a shell; None for one that is no place there."""
    head, slash, rest = text.partition("/")
    if slash and head.startswith("~") and (home := os.path.expanduser(head)) != head:
        place = f"{home}/{rest}"
    elif head == "." or ".." in text.split("/"):
        place = f"{os.getcwd()}/{text}"
    elif os.path.isabs(text):
        place = text
    else:
        return None
    place = os.path.normpath(place)
    # Folders that are there have their names, whatever letters of patterns are in them.
    there = next(parent for parent in (place, *map(str, Path(place).parents)) if os.path.lexists(parent))
    return glob.escape(there) + place[len(there) :]


def _plain(text: str) -> str:
    """One spelling: macOS keeps names decomposed, and nobody minds capitals."""
    return unicodedata.normalize("NFC", text.replace(os.sep, "/").strip("/")).casefold()
