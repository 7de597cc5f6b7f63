"""What `--exclude` means: patterns for names and for places below the given folders."""

import re
import unicodedata
from collections.abc import Sequence
from fnmatch import translate

__all__ = ["Exclusion"]


class Exclusion:
    """Patterns of `*`, `?` and `[a-z]`, in any case of letters.

    A pattern without a slash is for the name of a file or folder, wherever it lies: `*.gif`, `proxies`. One with a
    slash is for the path below a given folder, and its `*` reaches over slashes: `2019/raw`, `/drafts`. With a slash at
    its end it is for folders only. Nothing in a folder that matches is looked at.
    """

    def __init__(self, patterns: Sequence[str]) -> None:
        self._rules = [_Rule(pattern) for pattern in patterns]

    def matches(self, path: str, *, is_folder: bool) -> bool:
        """Whether any pattern matches. path: relative to the given folder, with slashes."""
        return any(rule.matches(path, is_folder=is_folder) for rule in self._rules)


class _Rule:
    def __init__(self, pattern: str) -> None:
        plain = _plain(pattern)
        self._folders_only = plain.endswith("/")
        wanted = plain.strip("/").removeprefix("**/")
        if not wanted:
            raise ValueError(f"the pattern {pattern!r} is empty")
        self._by_name = "/" not in wanted and not plain.startswith("/")
        self._regex = re.compile(("(?:.*/)?" if plain.startswith("**/") else "") + translate(wanted), re.DOTALL)

    def matches(self, path: str, *, is_folder: bool) -> bool:
        if self._folders_only and not is_folder:
            return False
        plain = _plain(path)
        return self._regex.match(plain.rpartition("/")[2] if self._by_name else plain) is not None


def _plain(text: str) -> str:
    """One spelling: macOS keeps names decomposed, and nobody minds capitals."""
    return unicodedata.normalize("NFC", text).casefold()
