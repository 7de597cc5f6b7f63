"""Keeping a library in step with real folders, by the events of the system."""

import errno
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deltaclip.library import IndexReport, WatchTimes
from deltaclip.library.candidates import find_candidates
from deltaclip.library.folder_events import FolderEvents
from tests.library.fakes import Shelf

SHORT = WatchTimes(settle=0.3, rescan=60.0, tick=0.02, retry=0.05)


@pytest.fixture
def _in_time() -> Iterator[None]:
    """A watch ends never by itself: after 60 s the test fails."""

    def too_late(*_: object) -> None:
        raise AssertionError("the watch told nothing for 60 s")

    before = signal.signal(signal.SIGALRM, too_late)
    signal.alarm(60)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def told(report: IndexReport) -> dict[str, int]:
    """What a report tells, without zeros."""
    names = ("indexed", "unchanged", "failed", "missing", "returned", "removed")
    return {name: number for name in names if (number := getattr(report, name))}


@pytest.mark.usefixtures("_in_time")
def test_a_watch_keeps_a_library_in_step_with_real_files(shelf: Shelf) -> None:
    shelf.write("a.mp4", "a 2")
    watch = shelf.library.watch([shelf.videos], exclude=["drafts/"], times=SHORT)
    assert told(next(watch)) == {"indexed": 1}
    shelf.write("drafts/x.mp4", "x 1")
    shelf.write("new folder/b.mp4", "b 1")
    assert told(next(watch)) == {"indexed": 1}
    (shelf.videos / "new folder").rename(shelf.videos / "moved")
    assert told(next(watch)) == {"indexed": 1}
    (shelf.videos / "a.mp4").unlink()
    assert told(next(watch)) == {"missing": 1}
    shelf.write("a.mp4", "a 2")
    assert told(next(watch)) == {"unchanged": 1, "returned": 1}
    shelf.write("a.mp4", "other 3")
    assert told(next(watch)) == {"indexed": 1}
    assert shelf.reader.opened == ["a.mp4", "b.mp4", "a.mp4"]
    assert shelf.found("b 0") == ["b.mp4"]


@pytest.mark.usefixtures("_in_time")
def test_a_watched_folder_may_go_and_come_back(shelf: Shelf, tmp_path: Path) -> None:
    shelf.write("a.mp4", "a 1")
    watch = shelf.library.watch([shelf.videos], prune=True, times=SHORT)
    next(watch)
    shelf.videos.rename(tmp_path / "away")
    assert told(next(watch)) == {"failed": 1, "missing": 1}
    (tmp_path / "away").rename(shelf.videos)
    assert told(next(watch)) == {"unchanged": 1, "returned": 1}
    shelf.write("b.mp4", "b 1")  # and is watched again
    assert told(next(watch)) == {"indexed": 1}
    assert shelf.reader.opened == ["a.mp4", "b.mp4"]


@pytest.mark.usefixtures("_in_time")
def test_links_to_folders_and_names_that_are_no_utf8_are_watched(shelf: Shelf, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (shelf.videos / "link").symlink_to(elsewhere)
    watch = shelf.library.watch([shelf.videos], times=SHORT)
    assert told(next(watch)) == {}
    (elsewhere / "a\udcff.mp4").write_text("a 1")
    assert told(next(watch)) == {"indexed": 1}
    assert [row.path for row in shelf.library.videos()] == [shelf.videos / "link" / "a\udcff.mp4"]


@pytest.mark.usefixtures("_in_time")
def test_a_file_that_grows_is_read_once_when_it_is_complete(shelf: Shelf) -> None:
    watch = shelf.library.watch([shelf.videos], times=SHORT)
    next(watch)
    path, written = shelf.videos / "a.mp4", list[float]()

    def write() -> None:
        with path.open("w") as file:
            for letter in "a 2 grows":
                file.write(letter)
                file.flush()
                written.append(time.monotonic())
                time.sleep(SHORT.settle / 2)

    writer = threading.Thread(target=write)
    writer.start()
    assert told(next(watch)) == {"indexed": 1}
    assert time.monotonic() - written[-1] >= SHORT.settle * 0.9
    writer.join()
    assert len(written) == len("a 2 grows")
    assert shelf.reader.opened == ["a.mp4"]


def test_a_file_that_changed_after_it_was_found_is_left_for_a_later_run(shelf: Shelf) -> None:
    path = shelf.write("a.mp4", "a 1")
    asked = list[float]()

    def touch(state: object) -> None:
        if not asked:  # before the first file is looked at
            path.write_text("a 2 and it grows")
        asked.append(0.0)

    other = shelf.write("0.mp4", "0 1")
    reports = shelf.library.watch([shelf.videos], touch, times=SHORT)
    assert told(next(reports)) == {"indexed": 1}
    assert [row.path for row in shelf.library.videos()] == [other]


@pytest.mark.usefixtures("_in_time")
def test_a_file_that_changes_while_it_is_read_is_read_again(shelf: Shelf) -> None:
    path = shelf.write("a.mp4", "a 1")
    asked = list[object]()

    def write_once(state: object) -> None:
        if not asked:  # its bytes were looked at, and are read next
            path.write_text("a 2 and more")
        asked.append(state)

    watch = shelf.library.watch([shelf.videos], write_once, times=SHORT)
    assert told(next(watch)) == {"failed": 1}
    assert told(next(watch)) == {"indexed": 1}
    assert shelf.library.status().segments == 2


@pytest.mark.usefixtures("_in_time")
def test_a_file_that_failed_is_tried_again_when_it_has_changed(shelf: Shelf) -> None:
    shelf.write("a.mp4", "nothing")
    watch = shelf.library.watch([shelf.videos], times=SHORT)
    assert told(next(watch)) == {"failed": 1}
    shelf.write("b.mp4", "b 1")
    assert told(next(watch)) == {"indexed": 1}
    shelf.write("a.mp4", "a 1")
    assert told(next(watch)) == {"indexed": 1}


@pytest.mark.usefixtures("_in_time")
def test_a_file_given_by_name_is_watched_whatever_it_is_called(shelf: Shelf) -> None:
    path = shelf.write("film", "a 1")
    watch = shelf.library.watch([path], times=SHORT)
    assert told(next(watch)) == {"indexed": 1}
    shelf.write("other.mp4", "b 1")
    path.write_text("a 2 3")
    assert told(next(watch)) == {"indexed": 1}
    path.unlink()
    assert told(next(watch)) == {"failed": 1, "missing": 1}
    assert [row.path for row in shelf.library.videos()] == [path]


@pytest.mark.usefixtures("_in_time")
def test_a_watch_waits_for_a_real_lock(shelf: Shelf) -> None:
    shelf.write("a.mp4", "a 1")
    notes, held, told_of_it = list[str](), threading.Event(), threading.Event()

    def hold() -> None:
        with shelf.open()._store.writing():
            held.set()
            told_of_it.wait(60)

    def release(text: str) -> None:
        notes.append(text)
        told_of_it.set()

    writer = threading.Thread(target=hold)
    writer.start()
    held.wait(60)
    assert told(next(shelf.library.watch([shelf.videos], on_note=release, times=SHORT))) == {"indexed": 1}
    writer.join()
    assert len(notes) == 1
    assert "writing to it already; waiting" in notes[0]


@pytest.mark.usefixtures("_in_time")
def test_a_limit_of_the_system_is_a_note_and_looks_instead(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "inotify watch limit reached")

    monkeypatch.setattr("watchdog.observers.api.BaseObserver.schedule", refuse)
    notes = list[str]()
    often = WatchTimes(settle=0.1, poll=0.1, tick=0.02)
    watch = shelf.library.watch([shelf.videos], on_note=notes.append, times=often)
    next(watch)
    shelf.write("a.mp4", "a 1")
    assert told(next(watch)) == {"indexed": 1}
    assert len(notes) == 1
    assert "raise fs.inotify.max_user_watches" in notes[0]


def within_a_second(happened: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 1.0
    while not (found := happened()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return found


@pytest.mark.parametrize(
    ("name", "counts"),
    [("a.mp4", True), ("a.txt", False), (".a.mp4", False), ("drafts/a.mp4", False), ("lib/a.mp4", False)],
)
def test_only_events_of_what_a_look_would_find_count(tmp_path: Path, name: str, counts: bool) -> None:
    for folder in ("drafts", "lib"):
        (tmp_path / folder).mkdir()
    events = FolderEvents()
    try:
        assert events.follow(find_candidates([tmp_path], tmp_path / "lib", ["drafts/"]))
        (tmp_path / name).write_text("a 1")
        assert within_a_second(lambda: events.taken(())) == counts
    finally:
        events.close()


def test_reading_a_file_and_files_that_wait_anyway_do_not_count(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_text("a 1")
    events = FolderEvents()
    try:
        events.follow(find_candidates([path]))
        path.read_text()
        assert not within_a_second(lambda: events.taken(()))
        path.write_text("a 2")
        assert not within_a_second(lambda: events.taken([path]))
        path.write_text("a 3")
        assert within_a_second(lambda: events.taken(()))
    finally:
        events.close()
