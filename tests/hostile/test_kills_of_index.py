"""`index` is killed at every named step, at random calls and at random times: what is left is whole, and goes on."""

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.hostile.runs import Run, forked

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="forks"),
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning"),
]

STEPS = {
    "indexing.py": ("_take", "_add_moments", "_commit", "_take_over", "_settle_the_rest"),
    "writer.py": ("begin", "remember", "put", "move", "copy", "seen_again", "set_missing", "delete", "_append"),
    "vectors.py": ("append", "_write", "_flush_folder", "copy_rows", "write_rows", "read_rows"),
    "rows.py": ("insert_video",),
    "meta.py": ("use_rows", "use_new_file", "use_new_motion_file", "count_commit", "remember"),
    "tidying.py": ("tidy", "drop_dead_rows", "_copy", "delete_unused_files"),
    "database.py": ("writing", "vacuum"),
    "lock.py": ("writer_lock",),
}
"""The steps of `index`, by file and function: killed as each begins and as it ends, the first time and the last."""
Killer = Callable[[object, str, object], bool]
"""Whether to kill at this event: the frame, what happened, and to what, as `sys.setprofile` says."""


def at_call(number: int) -> Killer:
    """At so many calls of functions, of Python's and of C's."""
    calls = 0

    def kill(frame: object, event: str, argument: object) -> bool:
        nonlocal calls
        calls += event in ("call", "c_call")
        return calls > number

    return kill


def at_step(file: str, name: str, event: str, nth: int) -> Killer:
    """When a function begins ("call") or ends ("return") for the nth time."""
    seen = 0

    def kill(frame: object, happened: str, argument: object) -> bool:
        nonlocal seen
        code = frame.f_code  # type: ignore[attr-defined]  # a frame
        if happened == event and code.co_name == name and Path(code.co_filename).name == file:
            seen += 1
        return seen >= nth

    return kill


def killed_by(run: Run, kill: Killer) -> bool:
    """Does the work in a process of its own; whether it was killed."""

    def look(frame: object, event: str, argument: object) -> None:
        if kill(frame, event, argument):
            os.kill(os.getpid(), signal.SIGKILL)

    def work() -> None:
        sys.setprofile(look)
        run.work()
        sys.setprofile(None)

    return os.WIFSIGNALED(forked(work))


def count_calls(run: Run) -> tuple[int, dict[tuple[str, str], int]]:
    """How many calls a whole run makes, and how often it comes to each step."""
    calls, steps = 0, dict[tuple[str, str], int]()

    def look(frame: object, event: str, argument: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")
        if event == "call":
            code = frame.f_code  # type: ignore[attr-defined]  # a frame
            key = (Path(code.co_filename).name, code.co_name)
            steps[key] = steps.get(key, 0) + 1

    sys.setprofile(look)
    try:
        run.work()
    finally:
        sys.setprofile(None)
    run.anew()
    return calls, steps


def kill_often(run: Run, num_calls: int, num_times: int, *, at_steps: bool) -> dict[str, int]:
    """Kills `index` in every way, and checks each time. Returns how often it was killed in which way."""
    killed = {"steps": 0, "calls": 0, "times": 0}
    calls, steps = count_calls(run)
    named = [(file, name) for file, names in STEPS.items() for name in names]
    assert [step for step in named if step not in steps] == []  # each is come to
    for file, name in named if at_steps else ():
        for event in ("call", "return"):
            for nth in sorted({1, steps[file, name]}):
                run.anew()
                killed["steps"] += killed_by(run, at_step(file, name, event, nth))
                run.check(f"killed at the {event} {nth} of {name} in {file}")
    random = np.random.default_rng(0)
    for number in random.integers(calls, size=num_calls).tolist():
        run.anew()
        killed["calls"] += killed_by(run, at_call(number))
        run.check(f"killed at call {number} of {calls}")
    run.anew()
    begun = time.monotonic()
    forked(run.work)
    whole = time.monotonic() - begun
    for seconds in random.uniform(0, whole, num_times).tolist():
        run.anew()
        killed["times"] += os.WIFSIGNALED(forked(run.work, seconds))
        run.check(f"killed after {seconds:.3f} s")
    return killed


def test_index_is_killed_at_some_calls_and_times(run: Run) -> None:
    assert kill_often(run, 12, 4, at_steps=False)["calls"] >= 11


@pytest.mark.slow
def test_index_is_killed_at_every_step_and_more_than_two_hundred_times(
    run: Run, tell: Callable[[object], None]
) -> None:
    killed = kill_often(run, 150, 60, at_steps=True)
    tell(f"{sum(killed.values())} kills ({killed}), 0 lost")
    assert sum(killed.values()) >= 200
