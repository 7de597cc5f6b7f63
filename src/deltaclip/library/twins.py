"""Videos of the library with exactly the bytes of a given file: it was moved here, copied here, or is a link."""

import errno
import os
import stat
from collections.abc import Hashable
from dataclasses import dataclass, field, replace
from pathlib import Path

from deltaclip.library.content import Content, digested
from deltaclip.library.moments import are_whole
from deltaclip.library.store import Store, VideoRow, Writer

__all__ = ["Twins", "file_identity", "holds_bytes_of", "is_gone", "is_soft"]

_NOTHING_THERE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)
"""Errors of a path that leads to no file. Other errors, for example no permission, do not tell."""


def is_gone(path: Path) -> bool:
    """Whether there is no plain file: nothing at all, a folder or a pipe. False if that cannot be told."""
    try:
        return not stat.S_ISREG(path.stat().st_mode)
    except OSError as err:
        return err.errno in _NOTHING_THERE


def is_soft(path: Path) -> bool:
    """Whether a path contains a soft link, at its end or before."""
    return os.path.realpath(path) != str(path)


def holds_bytes_of(row: VideoRow, path: Path, content: Content) -> bool:
    """Whether the file at `path` has the bytes that the moments of `row` were made from.

    An untouched file is known by size, times and sample. If only the times differ, every byte is read, because
    different videos may share a sample.
    """
    if not row.may_be(content) or row.digest is None:
        return False
    return row.stamp == content.stamp or digested(path, content).digest == row.digest


def file_identity(path: Path) -> Hashable | None:
    """Equal for names of one file, that is for hard and soft links; None if it has no such identity.

    Size and time are part of it, because on some network file systems two files may share a number.
    """
    try:
        status = path.stat()
    except OSError:
        return None
    return (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns) if status.st_ino else None


@dataclass(slots=True)
class _OfOneContent:
    """gone: twins whose file is gone. there: the identity of a file -> its twin."""

    gone: list[VideoRow] = field(default_factory=list)
    there: dict[Hashable, VideoRow] = field(default_factory=dict)


class Twins:
    """Takes moments over from videos of the same bytes. Each twin's file is looked at once in a run."""

    def __init__(self, store: Store, writer: Writer) -> None:
        self._store = store
        self._writer = writer
        self._seen: dict[bytes, _OfOneContent] = {}
        self._whole: set[str] = set()
        self._broken: set[str] = set()

    def is_link(self, path: Path, content: Content) -> bool:
        """Whether the library has this very file under a different name, which is kept.

        A soft link is replaced by a name without one, see `take_over`.
        """
        row = self._of(content).there.get(file_identity(path))
        if row is None or self._gives_way(row, path):
            return False
        if row.missing:  # and back, since both names are of one file
            self._writer.set_missing([row], False)
        return True

    def take_over(self, path: Path, content: Content) -> VideoRow | None:
        """Puts a twin's moments under `path`: those of a soft link to it, of a file that moved here, else a copy.

        content: of the file at `path`, with its digest. Returns the twin's row, None if there is none with whole
        moments.
        """
        found = self._of(content)
        identity = file_identity(path)
        twin = self._moved(found, path, content)
        number = twin.id if twin else ""
        if twin is None:
            assert content.digest is not None, "asked of a file that was read to its end"
            while (twin := self._store.a_twin(content.digest, self._broken)) and not self._is_whole(twin):
                pass
            if twin is None:
                return None
            number = self._writer.copy(twin, path, content.stamp)
        if identity is not None:
            found.there[identity] = replace(twin, id=number, path=path, missing=False)
        return twin

    def _moved(self, found: _OfOneContent, path: Path, content: Content) -> VideoRow | None:
        """Moves a row to `path` whose file is gone, or is a soft link to this one; None if there is none."""
        link = found.there.get(file_identity(path))
        rows = [link] if link and self._gives_way(link, path) else []
        while rows or found.gone:
            row = (rows or found.gone).pop()
            if self._is_whole(row) and self._writer.move(row, path, content.stamp):
                return row
        return None

    def _is_whole(self, row: VideoRow) -> bool:
        """Whether its moments may be used. Damaged ones would come back from their copies after every `remove`."""
        if row.id not in self._whole and row.id not in self._broken:
            (self._whole if are_whole(self._store, row) else self._broken).add(row.id)
        return row.id in self._whole

    @staticmethod
    def _gives_way(row: VideoRow, path: Path) -> bool:
        return is_soft(row.path) and not is_soft(path)

    def _of(self, content: Content) -> _OfOneContent:
        digest = content.digest
        assert digest is not None, "asked of a file that was read to its end"
        if digest not in self._seen:
            found = self._seen[digest] = _OfOneContent()
            for row in self._store.twins(digest):
                identity = file_identity(row.path)
                if is_gone(row.path):
                    found.gone.append(row)
                elif identity is not None and (identity not in found.there or found.there[identity].missing):
                    found.there[identity] = row
        return self._seen[digest]
