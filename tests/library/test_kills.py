"""A process that writes to a library is killed at many points of its work: what is left is whole, and goes on."""

import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from deltaclip.library.sqlite import SqliteStore, half_files
from deltaclip.library.store import MotionQuery
from tests.library.fakes import Shelf
from tests.library.format_3 import write_format_3
from tests.library.store_contract import ENCODER, MOTION, MOTION_DIMENSION, OTHER_MOTION, moving_video, unit_rows
from tests.library.test_upgrade import write_library

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="forks"),
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning"),
]
POINTS = 40


@pytest.fixture(params=[3, None], ids=["float16 files", "no float16 files"])
def halves(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a float16 file for every three moments, and without any."""
    if request.param is not None:
        monkeypatch.setattr(half_files, "ROWS_OF_A_FILE", request.param)
        monkeypatch.setattr(half_files, "FEWEST_ROWS", request.param)


def steps_of(work: Callable[[], object], stop: int | None = None) -> tuple[int, bool]:
    """Does `work` in a process of its own: how many functions it called, and whether it was killed at call `stop`."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        calls = 0

        def count(frame: object, event: str, argument: object) -> None:
            nonlocal calls
            if event in ("call", "c_call"):
                if calls == stop:
                    os.kill(os.getpid(), signal.SIGKILL)
                calls += 1

        try:
            sys.setprofile(count)
            work()
            sys.setprofile(None)
            os.write(write, str(calls).encode())
        finally:
            os._exit(0)
    os.close(write)
    with os.fdopen(read) as answer:
        told = answer.read()
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) != bool(told)
    return int(told or 0), os.WIFSIGNALED(status)


def killed_at_many_points(folder: Path, work: Callable[[], object], check: Callable[[], object]) -> None:
    """Does `work` on the library in `folder` again and again, from the same state, and kills it each time later."""
    saved = folder.with_name("saved")
    shutil.copytree(folder, saved)

    def anew() -> None:
        shutil.rmtree(folder)
        shutil.copytree(saved, folder)

    check()  # whatever is imported and compiled at first use is now, in this process and in those it forks off
    anew()
    steps, _ = steps_of(work)
    assert steps > POINTS
    killed = 0
    for point in range(POINTS):
        anew()
        killed += steps_of(work, steps * point // POINTS)[1]
        check()
    assert killed > POINTS - 3  # the last calls are not always as many


def whole(folder: Path, *possible: list[str]) -> None:
    """Asserts that the library has one of these lists of videos, each with its own vectors, and can be written to."""
    store = SqliteStore.open(str(folder), create=False)
    rows = store.videos()
    assert [row.path.name for row in rows] in possible
    for row in rows:
        assert store.find(unit_rows(int(row.path.stem), 4)[2:3], 1)[0].path == row.path
        assert row.num_motion == 0 or moves_like(store, int(row.path.stem)) == row.path.name
        assert list(store.problems_of(row)) == []
    with store.writing() as writer:
        writer.put([moving_video("99.mp4", seed=99, count=4)])
    assert store.find(unit_rows(99, 4)[2:3], 1)[0].path.name == "99.mp4"
    assert moves_like(store, 99) == "99.mp4"
    assert list(store.problems()) == []
    num_rows = 4 * len(store.videos())
    store.close()
    assert [len(list(folder.glob(pattern))) for pattern in ("vectors-*", "motion-*")] == [1, 1]
    made = num_rows // half_files.ROWS_OF_A_FILE
    assert len(list(folder.glob("float16-*.faiss"))) >= made
    assert list(folder.glob("float16-*.part")) == []


def moves_like(store: SqliteStore, number: int) -> str:
    """The video that has the third motion vector of video `number`."""
    asked = MotionQuery(unit_rows(number + 1000, 4, MOTION_DIMENSION)[2:3])
    return store.find(None, 1, motion=asked)[0].path.name


def filled(folder: Path, *numbers: int) -> None:
    store = SqliteStore.open(str(folder), create=True)
    with store.writing() as writer:
        writer.remember(ENCODER, MOTION)
        writer.put([moving_video(f"{number}.mp4", seed=number, count=4) for number in numbers])
    store.close()


@pytest.mark.parametrize("first", [(), (1, 2)])
def test_writing_videos(halves: None, tmp_path: Path, first: tuple[int, ...]) -> None:
    folder = tmp_path / "library"
    filled(folder, *first)

    def work() -> None:
        with SqliteStore.open(str(folder), create=False).writing() as writer:
            writer.put([moving_video("3.mp4", seed=3, count=4)])
            writer.put([moving_video("4.mp4", seed=4, count=4), moving_video("5.mp4", seed=5, count=4)])

    names = [f"{number}.mp4" for number in (*first, 3, 4, 5)]
    possible = [names[: len(names) - lost] for lost in (3, 2, 0)]
    killed_at_many_points(folder, work, lambda: whole(folder, *possible))


def test_dropping_the_rows_of_removed_videos(halves: None, tmp_path: Path) -> None:
    folder = tmp_path / "library"
    filled(folder, 1, 2, 3, 4)

    def work() -> None:
        store = SqliteStore.open(str(folder), create=False)
        with store.writing() as writer:
            writer.delete(store.videos()[:2])

    before = [f"{number}.mp4" for number in (1, 2, 3, 4)]
    killed_at_many_points(folder, work, lambda: whole(folder, before, before[2:]))


def test_measuring_motion_with_a_different_encoder(tmp_path: Path) -> None:
    folder = tmp_path / "library"
    filled(folder, 1, 2)

    def work() -> None:
        with SqliteStore.open(str(folder), create=False).writing() as writer:
            writer.remember(ENCODER, OTHER_MOTION)
            writer.put([moving_video("1.mp4", seed=1, count=4)])

    killed_at_many_points(folder, work, lambda: whole(folder, ["1.mp4", "2.mp4"]))


def test_forgetting_motion_vectors(tmp_path: Path) -> None:
    folder = tmp_path / "library"
    filled(folder, 1, 2, 3)

    def work() -> None:
        store = SqliteStore.open(str(folder), create=False)
        with store.writing() as writer:
            writer.forget_motion(store.videos()[:2])

    killed_at_many_points(folder, work, lambda: whole(folder, ["1.mp4", "2.mp4", "3.mp4"]))


def test_bringing_a_library_of_format_3_up_to_date(shelf: Shelf) -> None:
    write_format_3(shelf, a=2, b=3)

    def check() -> None:
        store = SqliteStore.open(str(shelf.library_path), create=False)
        assert (store.status().segments, store.status().without_motion) == (5, 5)
        assert [text for row in store.videos() for text in store.problems_of(row)] == []
        store.close()

    def work() -> None:
        SqliteStore.open(str(shelf.library_path), create=False)

    killed_at_many_points(shelf.library_path, work, check)


def test_bringing_an_older_library_up_to_date(shelf: Shelf) -> None:
    write_library(shelf, 2)

    def check() -> None:
        store = SqliteStore.open(str(shelf.library_path), create=False)
        assert store.status().segments == 6
        with store.writing():
            pass  # deletes what the kill left behind
        problems = [*store.problems(), *(text for row in store.videos() for text in store.problems_of(row))]
        assert problems == []
        store.close()
        assert len(list(shelf.library_path.glob("vectors-*"))) == 1

    def work() -> None:
        SqliteStore.open(str(shelf.library_path), create=False)

    killed_at_many_points(shelf.library_path, work, check)
