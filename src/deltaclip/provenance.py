"""Which code and settings a result was made with."""

import hashlib
import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

__all__ = [
    "VECTOR_CHANGES",
    "VECTOR_VERSION",
    "Checkout",
    "checkout_at",
    "digest",
    "running_checkout",
    "vector_changes_since",
]

VECTOR_CHANGES: Mapping[int, tuple[str, ...]] = {
    3: (
        "with bfloat16 on processors with AMX, vectors of most encoders were wrong",
        "moments were stretched over pictures that are held for long",
        "moments counted from the first picture and not as players do",
        "videos of few frames a second had no masks",
        "cuts were told from unsmoothed grey levels with OpenCV 5",
    ),
    4: ("alpha was not rounded to 8 bits",),
    5: ("the mask subject measured motion on larger pictures",),
}
"""Version of vectors -> what changed with it, told to whoever has a library of an older one, a clause each.

A version begins whenever reading, masks, the model or pooling change what vector a file gets, so that vectors of two
versions are never compared. It is part of an encoder's fingerprint.
"""
VECTOR_VERSION = max(VECTOR_CHANGES)
"""Of the vectors that this program makes."""

ROOT = Path(__file__).parents[2]
"""The checkout, where this program runs from one; in an installed package a folder that is none."""
TIME_LIMIT_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Checkout:
    """commit: its first 12 hexadecimal digits. changed: whether files below src differ from it."""

    commit: str
    changed: bool


@cache
def running_checkout() -> Checkout | None:
    """That of the code that runs, as it was when first asked; None where it was installed from a package."""
    return checkout_at(ROOT)


def checkout_at(root: Path) -> Checkout | None:
    """The checkout whose top folder is `root`; None where it is none, or git cannot tell."""
    # git itself would look further up: a package that lies in the checkout of something else has not its commit.
    if not (root / ".git").exists():
        return None

    def git(*words: str) -> str:
        done = subprocess.run(
            ["git", "-C", str(root), *words], capture_output=True, check=True, text=True, timeout=TIME_LIMIT_SECONDS
        )
        return done.stdout.strip()

    try:
        return Checkout(git("rev-parse", "--short=12", "HEAD"), bool(git("status", "--porcelain", "src")))
    except (OSError, subprocess.SubprocessError):
        return None  # no git here, or a checkout of somebody else


def vector_changes_since(version: int | None) -> tuple[str, ...]:
    """What changed in vectors after a version, oldest first; None is one from before versions were written down."""
    return tuple(
        what for made, changes in VECTOR_CHANGES.items() if version is None or made > version for what in changes
    )


def digest(document: object, *, sort_keys: bool = False) -> str:
    """16 hexadecimal digits that tell json documents apart. sort_keys: whether the order of names does not count."""
    return hashlib.sha256(json.dumps(document, sort_keys=sort_keys).encode()).hexdigest()[:16]
