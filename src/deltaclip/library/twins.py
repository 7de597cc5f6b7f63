"""Videos of the library that hold the very bytes of a file at hand: moved here, copied here, or linked."""

import os
from collections.abc import Hashable
from dataclasses import dataclass, field
from pathlib import Path

from deltaclip.library.content import Content
from deltaclip.library.ledger import Ledger, VideoRow

__all__ = ["Twins", "file_identity"]


def file_identity(path: Path) -> Hashable | None:
    """Equal for names of one file, that is for hard and soft links; None for what has no such identity.

    Size and time are part of it: some network file systems number their files in ways that two may share.
    """
    try:
        status = path.stat()
    except OSError:
        return None
    return (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns) if status.st_ino else None


@dataclass(slots=True)
class _OfOneContent:
    gone: list[VideoRow] = field(default_factory=list)
    there: set[Hashable] = field(default_factory=set)


class Twins:
    """Takes videos over from those of the same bytes. Each twin's file is looked at once in a run, however many."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._seen: dict[bytes, _OfOneContent] = {}

    def is_link(self, path: Path, content: Content) -> bool:
        """Whether the library has this very file under another name, which is still there."""
        return file_identity(path) in self._of(content).there

    def take_over(self, path: Path, content: Content) -> VideoRow | None:
        """Puts a twin's moments under `path`: of one whose file is gone, which moved here, else a copy.

        content: of the file at `path`, with its digest. Returns a twin's row, None if there is none.
        """
        found = self._of(content)
        assert content.digest is not None, "asked of a file that was read to its end"
        twin = self._ledger.a_twin(content.digest)
        if twin is None:
            return None
        if not (found.gone and self._ledger.move(found.gone.pop(), path, content.stamp)):
            self._ledger.copy(twin, path, content.stamp)
        identity = file_identity(path)
        if identity is not None:
            found.there.add(identity)
        return twin

    def _of(self, content: Content) -> _OfOneContent:
        digest = content.digest
        assert digest is not None, "asked of a file that was read to its end"
        if digest not in self._seen:
            found = self._seen[digest] = _OfOneContent()
            for row in self._ledger.twins(digest):
                identity = file_identity(row.path)
                if identity is not None:
                    found.there.add(identity)
                elif not os.path.exists(row.path):
                    found.gone.append(row)
        return self._seen[digest]
