"""Names that are written with the same letters, composed differently.

An e with an accent is one character as keyboards type it (Unicode's form NFC) and two as macOS tools write it into file
names (NFD). Linux and databases compare bytes, so that the two do not meet. A name is looked for as it is written
first, and then by its letters.
"""

import os
import unicodedata
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from deltaclip.errors import DeltaclipError

__all__ = ["composed", "matched", "on_disk", "told_apart"]


def composed(name: str) -> str:
    """The name as all ways to compose its letters share it."""
    return name if name.isascii() else unicodedata.normalize("NFC", name)


def matched(wanted: Iterable[str], known: Iterable[str]) -> dict[str, str]:
    """Wanted name -> the known one that is meant; names that are not known, or could be two, are left out.

    A name means itself if it is known. Otherwise it means the only known one of its letters, unless that one is wanted
    by its own name, or by two names.
    """
    asked, there = tuple(dict.fromkeys(wanted)), frozenset(known)
    found = {name: name for name in asked if name in there}
    left = [name for name in asked if name not in found and not name.isascii()]
    if left:
        by_letters: dict[str, list[str]] = {}
        for name in there:
            by_letters.setdefault(composed(name), []).append(name)
        claims = Counter(map(composed, left))
        for name in left:
            alike = by_letters.get(composed(name), [])
            if len(alike) == claims[composed(name)] == 1 and alike[0] not in found:
                found[name] = alike[0]
    return {name: found[name] for name in asked if name in found}


def told_apart(*names: object) -> tuple[str, ...]:
    """Names for a message, with their composition spelt out if they would look the same."""
    texts = tuple(map(str, names))
    return tuple(map(ascii, texts)) if len(set(map(composed, texts))) < len(set(texts)) else texts


def on_disk(path: Path) -> Path:
    """The path as the disk spells it: itself if it exists or nothing of its letters does, else the one of its letters.

    Raises DeltaclipError where two files or folders differ in composition only and neither is written as asked.
    """
    if str(path).isascii() or os.path.lexists(path):
        return path
    place = Path(path.anchor)
    for part in path.relative_to(place).parts:
        if os.path.lexists(place / part):
            place /= part
            continue
        alike = [name for name in _names_in(place) if composed(name) == composed(part)]
        if not alike:
            return path
        if len(alike) > 1:
            first, second = told_apart(*(place / name for name in sorted(alike)[:2]))
            raise DeltaclipError(
                ascii(str(path)),
                f"{first} and {second} are both written with these letters, composed differently",
                "Rename one of them, or write the name as one of them is composed.",
            )
        place /= alike[0]
    return place


def _names_in(folder: Path) -> list[str]:
    """Names in a folder, none where there is no folder to be read: what is asked for is not there then."""
    try:
        return os.listdir(folder)
    except OSError:
        return []
