"""What the system tells about changes in folders (inotify, FSEvents, ReadDirectoryChangesW), through watchdog."""

import errno
import os
import tempfile
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from deltaclip.library.candidates import Candidates
from deltaclip.video import PROXY_SUFFIXES, VIDEO_SUFFIXES

if TYPE_CHECKING:  # imported by who watches: 30 ms
    from watchdog.events import FileSystemEvent, FileSystemEventHandler
    from watchdog.observers.api import BaseObserver, ObservedWatch

__all__ = ["FolderEvents"]

CHANGES = frozenset(["created", "deleted", "moved", "modified", "closed", "attrib"])
"""Kinds of events that count; to open a file, and to close one that was only read, changes nothing."""


class FolderEvents:
    """Collects events below folders. After the first problem it watches nothing any more, and says so in `problem`.

    Files in folders that a look has not entered (excluded, hidden, or the library's own) do not count, nor do those
    that have no suffix of a video.
    """

    def __init__(self) -> None:
        self.problem: str | None = None
        self._lock = threading.Lock()
        self._changed: set[str] = set()
        self._folders: set[str] = set()
        self._files: set[str] = set()
        """Those that were given by name."""
        self._places: dict[str, tuple[int, int] | None] = {}
        """Given paths and watched folders -> device and number, which differ when a disk was mounted there."""
        self._watches: dict[str, ObservedWatch] = {}
        self._observer: BaseObserver | None = None

    def follow(self, candidates: Candidates) -> bool:
        """As `watching.Events.follow`."""
        roots = [os.path.realpath(root) for root in candidates.roots]
        self._folders = {os.path.realpath(folder) for folder in candidates.folders}
        self._files = {root for root in roots if not os.path.isdir(root)}
        if self.problem is not None:
            return False
        wanted = {folder: True for folder in _outermost(self._folders)}
        for file in self._files:
            wanted.setdefault(os.path.dirname(file), False)
        places = {place: _identity(place) for place in [*map(str, candidates.roots), *wanted]}
        stale = [place for place in self._watches if place not in wanted or places[place] != self._places.get(place)]
        new = [place for place in wanted if place not in self._watches or place in stale]
        self._places = places
        try:
            self._watch(stale, {place: wanted[place] for place in new})
        except OSError as error:
            self.problem = f"the system gives no events of changes ({_words_of(error)})"
            self.close()
            return False
        return bool(new)

    def taken(self, besides: Iterable[Path]) -> bool:
        """As `watching.Events.taken`."""
        with self._lock:
            changed, self._changed = self._changed, set()
        moved = any(_identity(place) != identity for place, identity in self._places.items())
        counting = {path for path in changed if self._counts(path)}
        return moved or bool(counting and counting - set(map(os.path.realpath, besides)))

    def close(self) -> None:
        """As `watching.Events.close`."""
        observer, self._observer = self._observer, None
        self._watches.clear()
        if observer is not None and observer.is_alive():
            observer.stop()
            observer.join()

    def note(self, event: "FileSystemEvent") -> None:
        """Keeps an event that may count; called by the threads of watchdog."""
        if event.event_type not in CHANGES or (event.is_directory and event.event_type == "modified"):
            return
        for path in [os.fsdecode(path) for path in (event.src_path, event.dest_path) if path]:
            if event.is_directory or path in self._files or path.lower().endswith((*VIDEO_SUFFIXES, *PROXY_SUFFIXES)):
                with self._lock:
                    self._changed.add(path)

    def _counts(self, path: str) -> bool:
        """Asked after the look that follows an event, so that folders which were new then are known."""
        folder, name = os.path.split(path)
        return path in self._files or (folder in self._folders and not name.startswith("."))

    def _watch(self, stale: list[str], new: dict[str, bool]) -> None:
        """Raises OSError if the system watches no more."""
        for place in stale:
            assert self._observer is not None, "it watches this place"
            self._observer.unschedule(self._watches.pop(place))
        if new and self._observer is None:
            from watchdog.observers import Observer

            self._observer = Observer()
            self._observer.start()
        if self._observer is None:
            return
        handler = _handler(self)
        for place, is_recursive in new.items():
            try:
                self._watches[place] = self._observer.schedule(handler, place, recursive=is_recursive)
            except OSError:
                if os.path.isdir(place):
                    raise
        # Below a folder, watchdog passes over what it cannot watch: whether there is room for one more tells.
        with tempfile.TemporaryDirectory() as folder:
            self._observer.unschedule(self._observer.schedule(handler, folder))


def _handler(events: FolderEvents) -> "FileSystemEventHandler":
    from watchdog.events import FileSystemEventHandler

    class Handler(FileSystemEventHandler):
        def on_any_event(self, event: "FileSystemEvent") -> None:
            events.note(event)

    return Handler()


def _outermost(folders: set[str]) -> list[str]:
    """The folders that are in none of the others."""
    found = list[str]()
    for folder in sorted(folders, key=lambda folder: folder.split(os.sep)):
        if not found or not Path(folder).is_relative_to(found[-1]):
            found.append(folder)
    return found


def _identity(place: str) -> tuple[int, int] | None:
    try:
        status = os.stat(place)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _words_of(error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EMFILE):
        return "its limit is reached; on Linux raise fs.inotify.max_user_watches or max_user_instances with sysctl"
    return error.strerror or str(error)
