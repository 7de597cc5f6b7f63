"""What the disk says about a path: whether a file is there, under which names, and with which bytes."""

import errno
import os
import stat
from collections.abc import Hashable
from pathlib import Path
from typing import Protocol

from deltaclip.errors import VideoError
from deltaclip.library.content import Content, Stamp, digested, sample_of
from deltaclip.library.store import VideoRow

__all__ = [
    "Disk",
    "LocalDisk",
    "State",
    "file_identity",
    "holds_anything",
    "holds_bytes_of",
    "is_gone",
    "is_soft",
    "state_of",
]

_NOTHING_THERE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)
"""Errors of a path that leads to no file. Other errors, for example no permission, do not tell."""

State = Stamp | str | None
"""What the disk says about a file: its size and times, why it cannot be looked at, or None if it is gone."""


def is_gone(path: Path) -> bool:
    """Whether there is no plain file: nothing at all, a folder or a pipe. False if that cannot be told."""
    try:
        return not stat.S_ISREG(path.stat().st_mode)
    except OSError as err:
        return err.errno in _NOTHING_THERE


def holds_anything(folder: Path) -> bool:
    """Whether there is a folder with something in it."""
    try:
        with os.scandir(folder) as entries:
            return any(entries)
    except OSError:
        return False


def state_of(path: Path) -> State:
    """The state of a file as it is now."""
    try:
        return Stamp.of(path)
    except VideoError as error:
        return None if is_gone(path) else error.reason


def is_soft(path: Path) -> bool:
    """Whether a path contains a soft link, at its end or before."""
    return os.path.realpath(path) != str(path)


def holds_bytes_of(disk: "Disk", row: VideoRow, path: Path, content: Content) -> bool:
    """Whether the file at `path` has the bytes that the moments of `row` were made from.

    An untouched file is known by size, times and sample. If only the times differ, every byte is read, because
    different videos may share a sample.
    """
    if not row.may_be(content) or row.digest is None:
        return False
    return row.stamp == content.stamp or disk.digested(path, content).digest == row.digest


def file_identity(path: Path) -> Hashable | None:
    """Equal for names of one file, that is for hard and soft links; None if it has no such identity.

    Size and time are part of it, because on some network file systems two files may share a number.
    """
    try:
        status = path.stat()
    except OSError:
        return None
    return (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns) if status.st_ino else None


class Disk(Protocol):
    """What a plan asks about files."""

    def sample_of(self, path: Path) -> Content:
        """See `content.sample_of`. Raises VideoError."""

    def digested(self, path: Path, content: Content) -> Content:
        """`content` with its digest; reads every byte if it has none. Raises VideoError."""

    def identity(self, path: Path) -> Hashable | None:
        """See `file_identity`."""

    def is_gone(self, path: Path) -> bool:
        """Whether there is certainly no file."""

    def is_soft(self, path: Path) -> bool:
        """Whether the path contains a soft link."""


class LocalDisk:
    """The files of this machine."""

    def sample_of(self, path: Path) -> Content:
        return sample_of(path)

    def digested(self, path: Path, content: Content) -> Content:
        return digested(path, content)

    def identity(self, path: Path) -> Hashable | None:
        return file_identity(path)

    def is_gone(self, path: Path) -> bool:
        return is_gone(path)

    def is_soft(self, path: Path) -> bool:
        return is_soft(path)
