"""When a watch looks at folders and when it indexes what, with an invented clock."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from deltaclip.library import Failure, IndexReport, LockedError, WatchTimes
from deltaclip.library.candidates import Candidates
from deltaclip.library.content import Stamp
from deltaclip.library.watching import Differences, watch_folders

A, B = Path("/videos/a.mp4"), Path("/videos/b.mp4")
ONE, TWO = Stamp(1, 1, 1), Stamp(2, 2, 2)


def everything_is_gone(path: Path) -> bool:
    return True


def nothing_is_gone(path: Path) -> bool:
    return False


def test_a_file_is_ready_once_it_has_not_changed_for_long_enough() -> None:
    differences = Differences(5.0)
    differences.look(0.0, {A: ONE, B: ONE}, nothing_is_gone)
    differences.poll(4.0, {A: ONE, B: TWO}.__getitem__)
    assert differences.ready(4.9) == {}
    assert differences.ready(5.0) == {A: ONE}
    assert differences.ready(9.0) == {A: ONE, B: TWO}


def test_what_is_done_is_ready_again_only_when_it_differs() -> None:
    differences = Differences(5.0)
    differences.look(0.0, {A: ONE}, nothing_is_gone)
    differences.done(differences.ready(5.0))
    differences.look(6.0, {A: ONE}, nothing_is_gone)
    assert not differences.waiting
    differences.look(7.0, {A: TWO}, nothing_is_gone)
    differences.poll(8.0, {A: ONE}.__getitem__)  # as it was
    assert not differences.waiting


def test_a_file_that_goes_is_told_once_and_one_that_was_never_known_not_at_all() -> None:
    differences = Differences(5.0)
    differences.look(0.0, {A: ONE}, nothing_is_gone)
    differences.done({A: ONE})
    differences.look(1.0, {B: ONE}, everything_is_gone)
    differences.poll(2.0, {A: None, B: None}.__getitem__)
    assert differences.ready(6.0) == {A: None}
    differences.done({A: None})
    differences.look(7.0, {}, everything_is_gone)
    assert not differences.waiting


def test_a_file_that_is_passed_over_or_out_of_reach_is_not_gone() -> None:
    differences = Differences(5.0)
    differences.look(0.0, {A: ONE}, nothing_is_gone)
    differences.done({A: ONE})
    differences.look(1.0, {}, nothing_is_gone)
    assert not differences.waiting
    differences.look(2.0, {A: ONE}, nothing_is_gone)
    assert not differences.waiting


def test_a_path_that_cannot_be_looked_at_waits_for_the_next_look_at_the_folders() -> None:
    differences = Differences(5.0)
    differences.look(0.0, {A: "a folder that cannot be read"}, nothing_is_gone)
    differences.poll(1.0, {A: None}.__getitem__)
    assert differences.ready(5.0) == {A: "a folder that cannot be read"}


@pytest.mark.parametrize("name", ["settle", "rescan", "poll", "retry", "tick"])
def test_times_are_above_zero(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} is 0"):
        WatchTimes(**{name: 0})


class Enough(Exception):
    """The time of an invented watch is over."""


@dataclass
class Invented:
    """A watch of invented folders for some seconds. look_seconds: how long one look at them takes."""

    seconds: float
    at: dict[float, Callable[[], object]] = field(default_factory=dict)
    look_seconds: float = 0.0
    problem: str | None = None
    now: float = 0.0
    changed: bool = False
    failures: tuple[Failure, ...] = ()
    looks: list[float] = field(default_factory=list)
    runs: list[tuple[float, Sequence[Failure]]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    locked: range = range(0)

    def follow(self, candidates: Candidates) -> bool:
        return False

    def taken(self, besides: Iterable[Path]) -> bool:
        changed, self.changed = self.changed, False
        return changed

    def close(self) -> None:
        pass

    def find(self) -> Candidates:
        self.looks.append(self.now)
        self.now += self.look_seconds
        return Candidates((), (Path("/videos"),), self.failures, {}, {})

    def index(self, candidates: Candidates) -> IndexReport:
        if int(self.now) in self.locked:
            raise LockedError("/library", "locked by another deltaclip (process 7)", "Wait.")
        self.runs.append((self.now, candidates.failures))
        failed = len(candidates.failures)
        return IndexReport(failed, 0, 0, failed, 0, 0.0, candidates.failures)

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        if self.now > self.seconds:
            raise Enough
        for when in [when for when in self.at if when <= self.now]:
            self.at.pop(when)()

    def event(self) -> None:
        self.changed = True

    def reports(self) -> int:
        number, times = 0, WatchTimes()
        try:
            for _ in watch_folders(self.find, self.index, self.notes.append, times, self, lambda: self.now, self.sleep):
                number += 1
        except Enough:
            return number
        raise AssertionError("a watch ends never by itself")


def test_without_events_only_the_first_look_is_reported_and_the_folders_are_seen_every_five_minutes() -> None:
    watch = Invented(700.0)
    assert watch.reports() == 1
    assert watch.runs == [(5.0, ())]
    assert watch.looks == [0.0, 300.0, 600.0]


def test_an_event_is_followed_by_a_look_within_a_second() -> None:
    watch = Invented(100.0)
    watch.at = {20.0: watch.event, 20.5: watch.event, 40.0: watch.event}
    watch.reports()
    assert watch.looks == [0.0, 20.0, 21.0, 40.0]


def test_looks_at_large_folders_take_a_tenth_of_the_time_at_most() -> None:
    watch = Invented(90.0, look_seconds=4.0)
    watch.at = {float(second): watch.event for second in range(1, 90)}
    watch.reports()
    assert watch.looks == [0.0, 44.0, 88.0]


def test_without_events_at_all_the_folders_are_seen_more_often_and_that_is_said_once() -> None:
    watch = Invented(100.0, problem="no events")
    watch.reports()
    assert watch.looks == [0.0, 30.0, 60.0, 90.0]
    assert watch.notes == ["no events: the folders are looked through every 30 s instead"]


def test_a_watch_waits_for_another_writer_and_says_so_once() -> None:
    watch = Invented(60.0, locked=range(0, 30))
    assert watch.reports() == 1
    assert [when for when, _ in watch.runs] == [30.0]
    assert watch.notes == ["/library: locked by another deltaclip (process 7); waiting until it has ended"]


def test_a_failure_is_named_once_until_it_has_passed() -> None:
    gone = (Failure(Path("/videos"), "does not exist. Check the name."),)

    def are(failures: tuple[Failure, ...]) -> None:
        watch.failures = failures
        watch.event()

    watch = Invented(100.0)
    watch.at = {10.0: lambda: are(gone), 20.0: watch.event, 40.0: lambda: are(()), 60.0: lambda: are(gone)}
    assert watch.reports() == 3
    assert [failures for _, failures in watch.runs if failures] == [gone, gone]
