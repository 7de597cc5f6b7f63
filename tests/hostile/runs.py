"""One run of `index` that does everything, to be stopped in every way, and what has to hold afterwards."""

import os
import shutil
import signal
import time
from collections.abc import Callable

import numpy as np

from deltaclip.errors import DeltaclipError
from deltaclip.library import Library
from tests.library.fakes import Shelf, motion_of, vector_of

__all__ = ["FAILED", "REPORTED", "Run", "forked"]

REPORTED, FAILED = 3, 4
"""Exit codes of a process of `forked`: an error of ours, and any other."""
BEFORE = {"stays": (1,), "touched": (1,), "old": (2,), "changed": (20,), "gone": (2,), "linked": (2,)}
"""What the library holds before: how many moments of each."""
FINISHED = {"new": 3, "touched": 1, "moved": 2, "copied": 2, "changed": 4, "broken": 2, "long": 9, "stays": 1}
"""What the library holds in the end: how many moments of each."""


class Run:
    """One run of `index` that does everything: reads, copies, moves, replaces, marks as missing and drops dead rows."""

    def __init__(self, shelf: Shelf) -> None:
        for name, (count,) in BEFORE.items():
            shelf.write(f"{name}.mp4", f"{name} {count}")
        shelf.library.index([shelf.videos])
        shelf.library.remove([shelf.videos / "nothing.mp4"])
        shelf.library.close()
        self.shelf, self.saved = shelf, shelf.library_path.with_name("saved")
        shutil.copytree(shelf.library_path, self.saved)
        (shelf.videos / "old.mp4").rename(shelf.videos / "moved.mp4")
        shutil.copy(shelf.videos / "moved.mp4", shelf.videos / "copied.mp4")
        (shelf.videos / "gone.mp4").unlink()
        (shelf.videos / "linked.mp4").unlink()
        (shelf.videos / "linked.mp4").hardlink_to(shelf.videos / "stays.mp4")
        shelf.write("changed.mp4", "changed 4")
        shelf.write("new.mp4", "new 3")
        shelf.write("broken.mp4", "broken 2 damaged")
        shelf.write("long.mp4", "long 9")
        os.utime(shelf.videos / "touched.mp4", (1, 1))

    def anew(self) -> None:
        shutil.rmtree(self.shelf.library_path)
        shutil.copytree(self.saved, self.shelf.library_path)

    def work(self) -> None:
        with self.shelf.open() as library:
            library.index([self.shelf.videos])

    def check(self, what: str) -> None:
        """Asserts that nothing is lost and nothing is half, and that the next run completes the work."""
        with self.shelf.open() as library:
            assert list(library._store.problems()) == [], what
            known = {row.path.stem: row for row in library.videos()}
            # What was committed before is there, under its old or its new name, or in its new form.
            assert {"stays", "touched", "changed", "gone"} <= known.keys(), what
            assert {"old", "moved", "copied"} & known.keys(), what
            for name, row in known.items():
                counts = BEFORE.get(name, ()) + ((FINISHED[name],) if name in FINISHED else ())
                assert row.num_segments == row.num_motion in counts, (what, name)
            require_own_vectors(library, what)
            assert library.index([self.shelf.videos]).failed == 1, what  # the broken one
            finished = {row.path.stem: row.num_segments for row in library.videos() if not row.missing}
            assert finished == FINISHED, what
            require_own_vectors(library, what)
            assert library.verify().problems == (), what
            assert library.index([self.shelf.videos]).indexed == 0, what
        names = [len(list(self.shelf.library_path.glob(pattern))) for pattern in ("vectors-*", "motion-*")]
        assert names == [1, 1], what


def require_own_vectors(library: Library, what: str) -> None:
    """Each moment has the vectors that were made of its own video and its own place in it."""
    for moment in library.moments():
        seed = {"moved": "old", "copied": "old"}.get(moment.path.stem, moment.path.stem)
        number = int(moment.start / 15)
        np.testing.assert_array_equal(moment.vector, vector_of(seed, number), err_msg=what)
        assert moment.motion is not None
        np.testing.assert_allclose(moment.motion, motion_of(seed, number), atol=1e-6, err_msg=what)


def forked(work: Callable[[], None], seconds: float | None = None) -> int:
    """Does `work` in a process of its own, which is killed after so many seconds, and returns its status.

    Its exit code is 0, REPORTED or FAILED.
    """
    child = os.fork()
    if child == 0:
        code = FAILED
        try:
            work()
            code = 0
        except DeltaclipError:
            code = REPORTED
        finally:
            os._exit(code)
    if seconds is not None:
        time.sleep(seconds)
        os.kill(child, signal.SIGKILL)
    return os.waitpid(child, 0)[1]
