"""A disk that fills up, fails or has a quota in the middle of `index`: what is left is whole, and goes on."""

import errno
import os
import sys
from collections.abc import Callable
from typing import Any

import pytest

from deltaclip.library.sqlite import vectors
from tests.hostile.runs import FAILED, REPORTED, Run, forked

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="forks"),
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning"),
]

WRITES = ("_write", "_flush", "_flush_folder")
"""What writes vectors, in `vectors`; the database's own writes are those that a quota stops."""


def failing(function: Callable[..., object], nth: int, code: int) -> Callable[..., object]:
    """The function, which fails from its nth call on."""
    calls = 0

    def fail(*args: Any) -> object:
        nonlocal calls
        calls += 1
        if calls >= nth:
            raise OSError(code, os.strerror(code))
        return function(*args)

    return fail


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EDQUOT, errno.EROFS], ids=errno.errorcode.get)
@pytest.mark.parametrize("name", WRITES)
def test_a_disk_that_fails_to_write_is_reported_and_loses_nothing(run: Run, name: str, code: int) -> None:
    function = getattr(vectors, name)
    outcomes = set()
    for nth in (1, 2, 5, 9):

        def work(nth: int = nth) -> None:
            setattr(vectors, name, failing(function, nth, code))
            run.work()

        run.anew()
        outcomes.add(os.waitstatus_to_exitcode(forked(work)))
        run.check(f"{name} failed with {errno.errorcode[code]} from call {nth} on")
    assert FAILED not in outcomes
    # A new file is made here only to drop dead rows, which can wait.
    assert (REPORTED in outcomes) == (name != "_flush_folder")


@pytest.mark.parametrize("kilobytes", [1, 8, 40, 60, 80, 120, 160])
def test_a_quota_is_reported_and_loses_nothing(run: Run, kilobytes: int) -> None:
    import resource

    def work() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (kilobytes * 1024, resource.RLIM_INFINITY))
        run.work()

    code = os.waitstatus_to_exitcode(forked(work))
    assert code in (0, REPORTED)
    if kilobytes < 40:
        assert code == REPORTED
    run.check(f"no file above {kilobytes} KB")


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX")
def test_a_database_that_cannot_grow_any_more_is_reported_and_loses_nothing(run: Run) -> None:
    import resource

    size = max(path.stat().st_size for path in run.shelf.library_path.iterdir())

    def work() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
        for number in range(300):
            run.shelf.write(f"more{number:03}.mp4", f"more{number} 20")
        run.work()

    assert os.waitstatus_to_exitcode(forked(work)) == REPORTED
    for path in run.shelf.videos.glob("more*"):
        path.unlink()
    with run.shelf.open() as library:
        library.remove(row.path for row in library.videos() if row.path.stem.startswith("more"))
    run.check("a database that could not grow")
