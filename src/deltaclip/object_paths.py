"""Paths of videos that are objects on a storage, such as s3://bucket/film.mp4, and no files of this machine."""

import os
import re
from pathlib import Path, PosixPath

__all__ = ["ELSEWHERE", "TO_LOOK_AT", "ObjectPath", "is_elsewhere", "object_path", "video_path"]

_ADDRESS = re.compile(r"(s3):/{1,2}(?=[^/])")
"""As it is written, and as `Path` writes it."""
ELSEWHERE = "on object storage, and not on this machine"
TO_LOOK_AT = "Fetch it to look at it; it is found all the same."
"""What is found, and what to do, where somebody wants to look at such a video."""


class ObjectPath(PosixPath):
    """The address of an object as a path that keeps its two slashes. No file is ever at it."""

    def __str__(self) -> str:
        return _ADDRESS.sub(r"\1://", super().__str__(), count=1)


def object_path(words: str | os.PathLike[str]) -> ObjectPath | None:
    """What is meant, if it is the address of an object; else None. Of s3:/bucket too, which `Path` makes of it."""
    text = os.fspath(words)
    return ObjectPath(text) if _ADDRESS.match(text) else None


def video_path(path: Path) -> Path:
    """The path of a video as a store has it, with the slashes of an address if it is one."""
    return path if isinstance(path, ObjectPath) or path.is_absolute() else object_path(path) or path


def is_elsewhere(path: Path) -> bool:
    """Whether a video is no file of this machine."""
    return isinstance(path, ObjectPath) or object_path(path) is not None
