"""The libraries that a server has open, each under a name."""

import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from deltaclip.checks import AnyPath
from deltaclip.library import (
    Library,
    NoLibraryError,
    RememberedEncoder,
    VideoRow,
    default_library_path,
    full_address,
    local_folder,
)
from deltaclip.serve.problems import Problem

__all__ = ["Served", "Shelf"]


@dataclass(frozen=True, slots=True)
class _Listing:
    """All videos of one state of a library, by path."""

    version: str
    videos: list[VideoRow]


class Served:
    """One library of a server. It is opened when it is first needed, and may not exist before the first job."""

    def __init__(self, name: str, address: AnyPath) -> None:
        self.name = name
        self.address = address
        self._library: Library | None = None
        self._listing: _Listing | None = None
        self._place: tuple[int, int] | None = None
        self._turn = threading.Lock()

    def found(self) -> Library | None:
        """The library; None if nothing was indexed into it yet.

        One whose folder was deleted or replaced since is given back, and the one that is there now is opened.
        """
        with self._turn:
            place = self._place_now()
            if self._library is not None and place != self._place:
                self._library.close()
                self._library = self._listing = None
            if self._library is None:
                with suppress(NoLibraryError):
                    self._library, self._place = Library.open(self.address), place
            return self._library

    def _place_now(self) -> tuple[int, int] | None:
        """Which folder has the address now; None if it is none."""
        folder = local_folder(self.full_address)
        if folder is None:
            return None
        try:
            status = os.stat(folder)
        except OSError:
            return None
        return status.st_dev, status.st_ino

    @property
    def full_address(self) -> str:
        """The address, absolute if it is a folder."""
        return full_address(self.address)

    def library(self) -> Library:
        """The library. Raises Problem if nothing was indexed into it yet."""
        if (library := self.found()) is None:
            raise Problem("nothing_indexed", f"The library {self.name!r} is empty: index a folder first.")
        return library

    def video(self, video_id: str) -> VideoRow:
        """A video by its id. Raises Problem."""
        row = self.library().video(video_id)
        if row is None:
            raise Problem("not_found", f"The library has no video {video_id!r}; search again if it had one before.")
        return row

    def made_by(self) -> RememberedEncoder | None:
        """Who made the vectors; None before the first job."""
        library = self.found()
        return None if library is None else library.remembered_encoder()

    def videos(self) -> list[VideoRow]:
        """All videos, by path; read again after a commit."""
        library = self.found()
        if library is None:
            return []
        version = library.version()
        if (kept := self._listing) is None or kept.version != version:
            kept = self._listing = _Listing(version, library.videos())
        return kept.videos

    def close(self) -> None:
        """Gives the files back; a later request opens them again."""
        with self._turn:
            if self._library is not None:
                self._library.close()
                self._library = None


class Shelf:
    """The libraries by name, in the order given; names are those of their folders."""

    def __init__(self, addresses: Sequence[AnyPath]) -> None:
        """addresses: of libraries, which need not exist; none for `default_library_path()`."""
        self._served: dict[str, Served] = {}
        for address in addresses or [default_library_path()]:
            name = wanted = Path(address).expanduser().absolute().name or "library"
            number = 2
            while name in self._served:
                name, number = f"{wanted}-{number}", number + 1
            self._served[name] = Served(name, address)

    def __iter__(self) -> Iterator[Served]:
        return iter(self._served.values())

    def __len__(self) -> int:
        return len(self._served)

    def add(self, name: str, address: AnyPath) -> Served:
        """One more library of that name, unless there is one."""
        return self._served.setdefault(name, Served(name, address))

    def named(self, name: str | None) -> Served:
        """The library of that name, the first one for None. Raises Problem."""
        if name is None:
            return next(iter(self._served.values()))
        if name not in self._served:
            raise Problem("not_found", f"No library is named {name!r}; there are {', '.join(self._served)}.")
        return self._served[name]

    def close(self) -> None:
        """Closes all of them."""
        for served in self:
            served.close()
