"""Words as they may be sent: without the paths of this machine for those who may not see them, and always UTF-8."""

import re
from pathlib import Path

__all__ = ["plain", "without_paths"]

_PATHS = re.compile(r"(?:(?<![\w.)…])/|\b[A-Za-z]:\\|\\\\)[^\s'\",;:()<>|]*[^\s'\",;:()<>|.]")
"""Absolute paths without spaces, of any system."""


def without_paths(text: str, *known: Path | str) -> str:
    """A text in which only the name is left of every path.

    known: paths that may be in it, which are recognised whatever characters they have; of others a space ends the path.
    """
    for path in map(Path, known):
        text = text.replace(str(path), path.name)
        if len(path.parent.parts) > 1:
            text = text.replace(str(path.parent), "…")
    return _PATHS.sub(lambda found: re.split(r"[\\/]", found[0].rstrip("\\/"))[-1], text)


def plain(text: str) -> str:
    """A name or sentence as JSON can carry it: bytes of file names that are not UTF-8 are escaped."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
