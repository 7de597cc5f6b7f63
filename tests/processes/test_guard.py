"""A child that crashes, hangs or lies costs one file, never the next one."""

import errno
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import resource_tracker, spawn
from multiprocessing.context import SpawnProcess
from pathlib import Path

import numpy as np
import pytest

from deltaclip.errors import CaptionError, DeltaclipError, VideoError
from deltaclip.processes import Guard
from tests.processes.jobs import job


@pytest.fixture(scope="module")
def guard() -> Iterator[Guard[object]]:
    with Guard(job, stall_seconds=1) as guard:
        yield guard


def run(guard: Guard[object], kind: str, amount: int = 0) -> list[object]:
    return list(guard.stream(f"{kind}.mp4", kind, amount))


def test_items_come_in_order(guard: Guard[object]) -> None:
    assert run(guard, "count", 500) == ["count", *range(500)]


def test_one_child_serves_many_files(guard: Guard[object]) -> None:
    pids = {run(guard, "pid")[1] for _ in range(3)}
    assert len(pids) == 1
    assert os.getpid() not in pids


def test_a_standstill_names_the_file_and_how_to_give_it_longer(guard: Guard[object]) -> None:
    start = time.perf_counter()
    with pytest.raises(VideoError, match=r"hang.mp4: no progress for 1 s, given up. .*DELTACLIP_STALL_LIMIT=3"):
        run(guard, "hang")
    assert time.perf_counter() - start < 30


def test_work_that_makes_progress_may_take_longer_than_a_standstill(guard: Guard[object]) -> None:
    # A second of healthy 5K video decodes in more than 8 s, which was once the limit.
    assert run(guard, "steps", 10) == ["steps", "done"]


def test_our_own_work_on_decoded_pictures_is_no_standstill() -> None:
    with Guard(job, stall_seconds=3) as guard:
        assert run(guard, "measure") == ["measure", "done"]


def test_work_that_never_ends_is_given_up_although_it_makes_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deltaclip.processes.guard.MOST_STEPS", 2)
    with (
        Guard(job, stall_seconds=2) as patient,
        pytest.raises(VideoError, match=r"endless.mp4: not done after [4-9] s"),
    ):
        run(patient, "endless")


def test_a_large_file_may_take_the_time_that_a_slow_disk_needs(tmp_path: Path) -> None:
    large = tmp_path / "large.mkv"
    with large.open("wb") as file:
        file.truncate(100 * 2**20)
    with Guard(job, stall_seconds=0.5) as guard:
        assert list(guard.stream(str(large), "slow", 2000)) == ["slow", 0, 1, 2]


def test_the_environment_gives_every_file_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DELTACLIP_STALL_LIMIT", "0.5")
    with Guard(job) as guard, pytest.raises(VideoError, match=r"no progress for 0.5 s"):
        run(guard, "hang")
    monkeypatch.setenv("DELTACLIP_STALL_LIMIT", "soon")
    with pytest.raises(ValueError, match="DELTACLIP_STALL_LIMIT is 'soon'"):
        Guard(job)


def test_the_limit_is_for_an_item_and_not_for_the_file(guard: Guard[object]) -> None:
    assert run(guard, "slow", 500) == ["slow", 0, 1, 2]


@pytest.mark.parametrize(("kind", "cause"), [("kill", "signal SIGKILL"), ("exit", "exit code 7")])
def test_a_dead_child_is_named_with_its_cause(guard: Guard[object], kind: str, cause: str) -> None:
    with pytest.raises(VideoError, match=rf"{kind}.mp4: the process that read it died twice \({cause}\)"):
        run(guard, kind)


def test_the_next_file_finds_a_fresh_child(guard: Guard[object]) -> None:
    with pytest.raises(VideoError):
        run(guard, "kill")
    assert run(guard, "count", 2) == ["count", 0, 1]


def test_our_own_errors_arrive_as_they_are(guard: Guard[object]) -> None:
    with pytest.raises(CaptionError, match=r"captions.json: no such column. Name another."):
        run(guard, "ours")
    assert run(guard, "count", 1) == ["count", 0]


def test_other_errors_become_video_errors_with_the_traceback_of_the_child(guard: Guard[object]) -> None:
    with pytest.raises(VideoError, match=r"theirs.mp4: ZeroDivisionError: by nought") as caught:
        run(guard, "theirs")
    assert "jobs.py" in caught.value.__notes__[0]


def test_an_item_that_cannot_travel_is_an_error_and_not_a_hang(guard: Guard[object]) -> None:
    with pytest.raises(VideoError, match=r"unportable.mp4: .*lambda"):
        run(guard, "unportable")


def test_a_stream_left_in_the_middle_leaves_nothing_for_the_next(guard: Guard[object]) -> None:
    stream = guard.stream("count.mp4", "count", 10_000)
    assert [next(stream) for _ in range(3)] == ["count", 0, 1]
    del stream
    assert run(guard, "count", 2) == ["count", 0, 1]


def test_a_later_stream_ends_one_that_is_still_open(guard: Guard[object]) -> None:
    stream = guard.stream("first.mp4", "count", 10_000)
    next(stream)
    assert run(guard, "count", 2) == ["count", 0, 1]
    with pytest.raises(ValueError, match=r"first.mp4: this stream was ended"):
        next(stream)
    assert run(guard, "count", 1) == ["count", 0]


@pytest.mark.parametrize("rows", [4_000, 20_000])  # through shared memory, and more than that holds
def test_large_arrays_arrive_whole_and_are_ours(guard: Guard[object], rows: int) -> None:
    arrays = [array for array in run(guard, "large", rows) if isinstance(array, np.ndarray)]
    assert [np.unique(array).tolist() for array in arrays] == [[0], [1], [2]]
    arrays[0][:] = 9  # writable, and no other item sees it
    assert [int(array.max()) for array in arrays] == [9, 1, 2]


def test_arrays_stay_as_they_are_while_the_child_goes_on_to_the_next(guard: Guard[object]) -> None:
    stream = guard.stream("large.mp4", "large", 4_000)
    next(stream)
    first = next(stream)
    assert isinstance(first, np.ndarray)
    time.sleep(0.5)  # the child has overwritten the shared memory by now
    assert np.unique(first).tolist() == [0]
    assert len(list(stream)) == 2


def test_arrays_take_the_pipe_if_the_system_has_no_memory_to_share(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(descriptor: int, offset: int, length: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    Guard(job)  # multiprocessing keeps a few descriptors from the first one on
    resource_tracker.ensure_running()
    before = len(os.listdir("/proc/self/fd"))
    monkeypatch.setattr(os, "posix_fallocate", refuse)
    with Guard(job) as guard:
        arrays = [array for array in run(guard, "large", 4_000) if isinstance(array, np.ndarray)]
    assert [np.unique(array).tolist() for array in arrays] == [[0], [1], [2]]
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_guard_that_is_closed_keeps_no_descriptor() -> None:
    Guard(job)  # multiprocessing keeps a few descriptors from the first one on
    resource_tracker.ensure_running()
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        with Guard(job) as guard:
            assert len(run(guard, "large", 4_000)) == 4
    assert len(os.listdir("/proc/self/fd")) == before


def test_ctrl_c_does_not_reach_the_child(guard: Guard[object]) -> None:
    assert run(guard, "interrupt") == ["interrupt", "still here"]


def test_opencv_works_with_one_thread_there(guard: Guard[object]) -> None:
    assert run(guard, "threads") == ["threads", 1]


def test_a_child_that_died_while_idle_is_replaced(guard: Guard[object]) -> None:
    pid = run(guard, "pid")[1]
    assert isinstance(pid, int)
    os.kill(pid, 9)
    deadline = time.monotonic() + 10
    while Path(f"/proc/{pid}/stat").exists() and " Z " not in Path(f"/proc/{pid}/stat").read_text():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    time.sleep(0.3)  # its last thread may outlive the first by a moment
    assert run(guard, "count", 1) == ["count", 0]


def test_the_child_dies_with_its_parent_even_while_it_hangs() -> None:
    script = (
        "from deltaclip.processes import Guard\n"
        "from tests.processes.jobs import job\n"
        "if __name__ == '__main__':\n"
        "    guard = Guard(job, 100)\n"
        "    print(list(guard.stream('pid.mp4', 'pid'))[1], flush=True)\n"
        "    list(guard.stream('orphan.mp4', 'orphan'))\n"
    )
    process = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    child = Path(f"/proc/{int(process.stdout)}/stat")
    deadline = time.monotonic() + 10
    while child.exists() and " Z " not in child.read_text():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_function_that_the_child_cannot_find_is_refused_at_once() -> None:
    with pytest.raises((AttributeError, TypeError), match="local object"):
        Guard(lambda: iter(()), 1)


def test_a_script_without_a_main_guard_is_not_run_again_by_the_child(tmp_path: Path) -> None:
    script = tmp_path / "five_lines.py"
    script.write_text(
        "print('once')\n"
        "from deltaclip.processes import Guard\n"
        "from tests.processes.jobs import job\n"
        "with Guard(job, 20) as guard:\n"
        "    print(list(guard.stream('three', 'count', 3)))\n"
    )
    root = Path(__file__).parents[2]
    result = subprocess.run([sys.executable, script], capture_output=True, text=True, cwd=root, env=_with_path(root))
    assert result.stdout.splitlines() == ["once", "['count', 0, 1, 2]"], result.stderr


def test_guards_started_from_several_threads_leave_the_script_as_it_was() -> None:
    # multiprocessing's own __main__ is hidden while a child starts; two at once hid it for good.
    script = sys.modules["__main__"]

    def one(_: int) -> list[object]:
        with Guard(job, 30.0) as guard:
            return run(guard, "count", 2)

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(one, range(4))) == [["count", 0, 1]] * 4
    assert sys.modules["__main__"] is script


def _with_path(root: Path) -> dict[str, str]:
    given = os.environ.get("PYTHONPATH")  # which may say which checkout is tested
    return {**os.environ, "PYTHONPATH": str(root) if not given else f"{given}{os.pathsep}{root}"}


def test_a_child_that_ends_before_it_has_started_is_not_blamed_on_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    start = SpawnProcess.start

    def start_and_wait(process: SpawnProcess) -> None:
        start(process)
        process.join()  # so that the first write finds nobody

    resource_tracker.ensure_running()  # with the real executable
    executable = spawn.get_executable()
    monkeypatch.setattr(SpawnProcess, "start", start_and_wait)
    multiprocessing.set_executable("/bin/false")
    try:
        with Guard(job) as guard, pytest.raises(VideoError) as caught:
            next(guard.stream("a.mp4", "items", 1))
    finally:
        multiprocessing.set_executable(executable)
    assert caught.value.found == "the process that reads files could not be started (exit code 1)"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable"), "Resource temporarily unavailable"),
        (BrokenPipeError(errno.EPIPE, "Broken pipe"), "Broken pipe"),  # which is taken for a closed stdout elsewhere
    ],
)
def test_a_machine_without_room_for_a_process_is_an_error(
    monkeypatch: pytest.MonkeyPatch, error: OSError, words: str
) -> None:
    def refuse(process: SpawnProcess) -> None:
        raise error

    with Guard(job) as guard:
        with monkeypatch.context() as patch:
            patch.setattr(SpawnProcess, "start", refuse)
            with pytest.raises(VideoError, match=rf"could not be started \({words}\)"):
                next(guard.stream("a.mp4", "items", 1))
        assert list(guard.stream("a.mp4", "count", 2)) == ["count", 0, 1]


# Limits, a second try, and what a child said last


def test_a_child_that_dies_once_is_replaced_and_no_item_comes_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TESTS_PROOF", str(tmp_path / "proof"))
    with Guard(job) as guard:
        assert run(guard, "dies once", 5) == ["dies once", "first", 5, "last"]
        assert run(guard, "count", 1) == ["count", 0]


def test_a_child_that_somebody_ends_is_not_tried_again(guard: Guard[object]) -> None:
    stream = guard.stream("hang.mp4", "hang")
    assert next(stream) == "hang"
    guard.kill()
    with pytest.raises(VideoError, match="died"):
        next(stream)
    assert run(guard, "count", 1) == ["count", 0]


def test_a_child_is_replaced_after_many_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deltaclip.processes.guard.FILES_PER_CHILD", 3)
    with Guard(job) as guard:
        pids = [run(guard, "pid")[1] for _ in range(7)]
    assert [pids.count(pid) for pid in dict.fromkeys(pids)] == [3, 3, 1]


def test_the_reason_ends_with_what_the_decoder_said_last(guard: Guard[object]) -> None:
    with pytest.raises(VideoError) as told:
        run(guard, "says", 500)
    assert told.value.found == "damaged ([h264] line 498 of many; [h264] line 499 of many)"
    with pytest.raises(VideoError, match=r"died twice \(signal SIGABRT\) \(free\(\): invalid pointer\)"):
        run(guard, "says and dies")
    with pytest.raises(VideoError) as told:
        run(guard, "theirs")
    assert "line" not in told.value.found  # of an earlier file


def test_a_child_that_says_very_much_waits_for_nobody(guard: Guard[object]) -> None:
    stream = guard.stream("floods.mp4", "floods", 5_000)
    assert next(stream) == "floods"
    time.sleep(0.5)  # nobody reads meanwhile, and a pipe holds 64 KB
    assert list(stream) == ["done"]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux keeps this limit")
def test_a_file_that_wants_too_much_memory_is_named_and_the_next_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DELTACLIP_MEMORY_LIMIT", "200")
    with Guard(job) as guard:
        assert run(guard, "takes", 100) == ["takes", 100 * 2**20]
        with pytest.raises(VideoError, match=r"takes.mp4: needs more memory than a file may take. .*_MEMORY_LIMIT"):
            run(guard, "takes", 300)
        assert run(guard, "takes", 100) == ["takes", 100 * 2**20]
    with Guard(job, bounds_memory=False) as guard:
        assert run(guard, "takes", 300) == ["takes", 300 * 2**20]
    for wrong in ("much", "0", "-1"):
        monkeypatch.setenv("DELTACLIP_MEMORY_LIMIT", wrong)
        with pytest.raises(DeltaclipError, match=f"DELTACLIP_MEMORY_LIMIT: the environment sets it to '{wrong}'"):
            Guard(job)


@pytest.mark.skipif(os.name != "posix", reason="POSIX only")
def test_processor_time_is_limited_for_each_item_and_no_core_is_dumped() -> None:
    with Guard(job, stall_seconds=2) as guard:
        _, first, core = run(guard, "limits")
        _, second, _ = run(guard, "limits")
    assert core == 0
    assert isinstance(first, float)
    assert isinstance(second, float)
    assert 59 < first < 62
    assert 59 < second < 62
    code = "from deltaclip.processes.limits import bound_cpu\nbound_cpu(0.1)\nwhile True: pass"
    done = subprocess.run([sys.executable, "-c", code], check=False, timeout=60)
    assert done.returncode == -signal.SIGXCPU
