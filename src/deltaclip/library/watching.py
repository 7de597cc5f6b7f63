"""Keeping a library in step with folders: what has changed since the last look, and when it is indexed.

Events of the system only tell that a look is due. What has changed is always told by a look at the folders, as `index`
looks at them, so that events that get lost, arrive twice or in the wrong order do no harm.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from deltaclip.library.candidates import Candidates
from deltaclip.library.disk import State, is_gone, state_of
from deltaclip.library.folder_events import FolderEvents
from deltaclip.library.lock import LockedError
from deltaclip.library.results import IndexReport

__all__ = ["Differences", "Events", "WatchTimes", "watch_folders"]

PAUSE = 10
"""After a look at the folders, at least so many times as long passes without one: events cost a tenth of a core at
most, however large the folders are."""


@dataclass(frozen=True, slots=True)
class WatchTimes:
    """How long a watch waits, in seconds.

    settle: how long a file has to be unchanged before it is read; a client of a network share may see sizes that are 3
    seconds old. rescan: between two looks at all folders, since shares tell nothing of what other machines do, and full
    queues drop events. poll: the same if there are no events at all. retry: until the library is tried again while a
    different process writes to it. tick: between two looks at what waits.
    """

    settle: float = 5.0
    rescan: float = 300.0
    poll: float = 30.0
    retry: float = 5.0
    tick: float = 1.0

    def __post_init__(self) -> None:
        for name in self.__slots__:
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} is {getattr(self, name)!r}: a watch waits for a number of seconds above 0")


class Events(Protocol):
    """What a watch asks about events of the system."""

    problem: str | None
    """Why there are none; None if there are."""

    def follow(self, candidates: Candidates) -> bool:
        """Watches the folders of a look from now on. True if any was not watched before: then a second look is due."""

    def taken(self, besides: Iterable[Path]) -> bool:
        """Whether anything may have changed since this was asked last. besides: files that do not count."""

    def close(self) -> None:
        """Watches nothing any more."""


class Differences:
    """What differs from what the library knows, and since when each path has been as it is now."""

    def __init__(self, settle_seconds: float) -> None:
        self._settle_seconds = settle_seconds
        self._known: dict[Path, State] = {}
        self.waiting: dict[Path, tuple[State, float]] = {}

    def look(self, now: float, states: Mapping[Path, State], is_gone: Callable[[Path], bool]) -> None:
        """Takes in all that a look at the folders has found.

        A path that the look has passed over this time, or that could not be reached, stays as it is known.
        """
        gone = {path: None for path in self._known.keys() - states.keys() if is_gone(path)}
        found = {**states, **gone}
        self.waiting = {path: value for path, value in self.waiting.items() if path in found}
        for path, state in found.items():
            self._note(path, state, now)

    def poll(self, now: float, state_of: Callable[[Path], State]) -> None:
        """Looks again at the files that wait. What could not be read is left to the next look at the folders."""
        for path, (state, _) in list(self.waiting.items()):
            if not isinstance(state, str):
                self._note(path, state_of(path), now)

    def ready(self, now: float) -> dict[Path, State]:
        """What has not changed for long enough."""
        return {path: state for path, (state, since) in self.waiting.items() if now - since >= self._settle_seconds}

    def done(self, states: Mapping[Path, State]) -> None:
        """The library knows these states now."""
        for path, state in states.items():
            self._known[path] = state
            if state is None:
                del self._known[path]
            self.waiting.pop(path, None)

    def _note(self, path: Path, state: State, now: float) -> None:
        if self._known.get(path) == state:  # also if it is gone and was never known
            self.waiting.pop(path, None)
        elif path not in self.waiting or self.waiting[path][0] != state:
            self.waiting[path] = state, now


def watch_folders(
    find: Callable[[], Candidates],
    index: Callable[[Candidates], IndexReport],
    on_note: Callable[[str], None],
    times: WatchTimes,
    events: Events | None = None,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[IndexReport]:
    """Yields the report of the first run of `index`, then of every run that did something; ends never by itself.

    find: looks at the folders. index: raises LockedError if the library is being written to. events: default: those of
    the system.
    """
    with closing(FolderEvents() if events is None else events) as watched:
        differences = Differences(times.settle)
        candidates, first_due, is_first = None, 0.0, True
        is_due, next_look, pause_ends = True, 0.0, 0.0
        told_of_lock = told_of_events = False
        while True:
            now = clock()
            is_due |= watched.taken(differences.waiting)  # those are looked at all the time
            if candidates is None or now >= next_look or (is_due and now >= pause_ends):
                candidates = find()
                is_due = watched.follow(candidates)
                begun, now = now, clock()
                differences.look(now, _states(candidates), is_gone)
                first_due = first_due or now + times.settle
                pause_ends = now + PAUSE * (now - begun)
                next_look = max(now + (times.rescan if watched.problem is None else times.poll), pause_ends)
                if watched.problem is not None and not told_of_events:
                    told_of_events = True
                    on_note(f"{watched.problem}: the folders are looked through every {times.poll:g} s instead")
            else:
                differences.poll(now, state_of)
            ready = differences.ready(now)
            pause = times.tick
            if ready or (is_first and now >= first_due):
                try:
                    report = index(_restricted(candidates, ready))
                except LockedError as error:
                    if not told_of_lock:
                        on_note(f"{error.what}: {error.found}; waiting until it has ended")
                    told_of_lock, pause = True, times.retry
                else:
                    differences.done(ready)
                    told_of_lock = False
                    if is_first or _did_something(report):
                        yield report
                    is_first = False
            sleep(pause)


def _states(candidates: Candidates) -> dict[Path, State]:
    """Of every file, and of every path that leads to none: why."""
    failures = {failure.path: failure.reason for failure in candidates.failures}
    return failures | {path: state_of(path) for path in candidates.files}


def _restricted(candidates: Candidates, ready: Mapping[Path, State]) -> Candidates:
    """A run that looks at what is ready alone, and names each failure once."""
    failures = tuple(failure for failure in candidates.failures if failure.path in ready)
    return replace(candidates, failures=failures, as_found={path: state for path, state in ready.items() if state})


def _did_something(report: IndexReport) -> bool:
    return any((report.indexed, report.failed, report.missing, report.returned, report.removed))
