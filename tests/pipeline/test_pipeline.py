"""Many files through watched children: order, bounds, faults that cost their own file, and the end of everything."""

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from deltaclip.errors import CaptionError, VideoError
from deltaclip.pipeline import STAGES, Job, Pipeline, Stages, single
from tests.pipeline.jobs import measured, read


def jobs(*names: str, amount: int = 1, seconds: float = 0.0, folder: Path = Path("/nowhere")) -> list[Job[int]]:
    return [Job(number, folder / name, (amount, seconds)) for number, name in enumerate(names)]


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return True


@pytest.mark.parametrize("workers", [1, 3])
def test_files_come_in_the_order_given_however_long_each_takes(workers: int) -> None:
    asked = [Job(number, Path(f"/{number}"), (3, 0.05 * (number % 3 == 0))) for number in range(7)]
    with Pipeline(read, workers) as pipeline:
        found = [(job.key, [int(item[0, 0]) for item in items]) for job, items in pipeline.read(asked)]  # type: ignore[index]  # arrays
    assert found == [(number, [0, 1, 2]) for number in range(7)]


def test_arrays_stay_as_they_came_while_later_ones_are_read() -> None:
    with Pipeline(read) as pipeline:
        for _, items in pipeline.read(jobs("a", amount=20)):
            kept = list(items)
    assert [int(np.unique(item).item()) for item in kept] == list(range(20))  # type: ignore[call-overload]  # arrays


@pytest.mark.parametrize("workers", [1, 2])
def test_a_bad_file_costs_itself(workers: int) -> None:
    names = ["a", "bad", "dies", "damaged", "ours", "theirs", "b"]
    told: dict[str, str] = {}
    got: dict[str, int] = {}
    with Pipeline(read, workers) as pipeline:
        for job, items in pipeline.read(jobs(*names)):
            got[job.path.name] = 0
            try:
                for _ in items:
                    got[job.path.name] += 1
            except (VideoError, CaptionError) as error:
                told[job.path.name] = f"{type(error).__name__} {error}"
    assert got == {"a": 1, "bad": 0, "dies": 0, "damaged": 1, "ours": 0, "theirs": 0, "b": 1}
    assert "not a video" in told["bad"]
    assert "died twice (signal SIGKILL)" in told["dies"]
    assert "damaged after 1 s" in told["damaged"]
    assert told["ours"].startswith("CaptionError")
    assert told["theirs"].startswith("VideoError")
    assert "ZeroDivisionError" in told["theirs"]
    assert set(told) == {"bad", "dies", "damaged", "ours", "theirs"}


def test_a_file_that_hangs_is_given_up_and_the_others_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DELTACLIP_STALL_LIMIT", "1")
    with Pipeline(read, 2) as pipeline:
        results = pipeline.read(jobs("hangs", "a"))
        _, items = next(results)
        with pytest.raises(VideoError, match="no progress for 1 s, given up"):
            next(items)
        _, items = next(results)
        assert len(list(items)) == 1


def test_what_the_consumer_leaves_is_dropped_and_nothing_of_it_shows_up_later() -> None:
    with Pipeline(read) as pipeline:
        firsts = []
        for job, items in pipeline.read(jobs("a", "b", "c", amount=50)):
            firsts.append((job.key, int(next(items)[0, 0])))  # type: ignore[index]  # an array
            left = items
        assert firsts == [(0, 0), (1, 0), (2, 0)]
        with pytest.raises(ValueError, match="dropped"):
            next(left)


def test_a_child_works_ahead_but_not_without_bounds(tmp_path: Path) -> None:
    log = tmp_path / "counted.log"
    with Pipeline(read) as pipeline:
        for _, items in pipeline.read(jobs("counted", amount=100, folder=tmp_path)):
            next(items)
            time.sleep(1.5)
            num_read = len(log.read_text().split())
            assert len(list(items)) == 99
    assert 2 < num_read < 12
    assert len(log.read_text().split()) == 100


def test_jobs_are_taken_a_few_ahead_and_in_the_consumers_thread() -> None:
    taken: list[threading.Thread] = []

    def asked() -> Iterator[Job[int]]:
        for job in jobs(*"abcdefghijklmnopqrst"):
            taken.append(threading.current_thread())
            yield job

    with Pipeline(read, 2) as pipeline:
        for number, (_, items) in enumerate(pipeline.read(asked())):
            assert len(taken) <= min(number + 2 + 8, 20)
            list(items)
    assert len(taken) == 20
    assert set(taken) == {threading.current_thread()}


def test_several_children_read_side_by_side_and_end_with_the_block() -> None:
    with Pipeline(read, 2) as pipeline:
        pids = [next(items) for _, items in pipeline.read(jobs(*["pid"] * 6, seconds=0.2))]
        assert len(set(pids)) == 2
        assert all(is_alive(int(pid)) for pid in pids)  # type: ignore[call-overload]  # numbers
    assert not any(is_alive(int(pid)) for pid in pids)  # type: ignore[call-overload]  # numbers


@pytest.mark.parametrize("name", ["hangs", "a"])
def test_ctrl_c_ends_the_children_at_once(name: str) -> None:
    begun = time.monotonic()
    pipeline = Pipeline(read)
    results = pipeline.read(jobs("pid", name, amount=3))
    pid = next(next(results)[1])
    next(results)
    with pytest.raises(KeyboardInterrupt), pipeline:
        raise KeyboardInterrupt
    assert time.monotonic() - begun < 15  # the stall limit is 20
    assert not is_alive(int(pid))  # type: ignore[call-overload]  # a number
    with pytest.raises(ValueError, match="closed"):
        next(pipeline.read(jobs("a")))


def test_an_error_of_whoever_names_the_jobs_is_raised_and_ends_all() -> None:
    def asked() -> Iterator[Job[int]]:
        yield from jobs("a", "b")
        raise OSError("the disk is gone")

    with Pipeline(read) as pipeline, pytest.raises(OSError, match="the disk is gone"):
        list(pipeline.read(asked()))


def test_a_second_reading_uses_the_same_child() -> None:
    with Pipeline(read) as pipeline:
        pids = {item for _ in range(2) for _, items in pipeline.read(jobs("pid")) for item in items}
    assert len(pids) == 1


def test_no_jobs_start_no_child() -> None:
    with Pipeline(read) as pipeline:
        assert list(pipeline.read([])) == []
        assert not [thread for thread in threading.enumerate() if thread.name == "deltaclip-pipeline"]


@pytest.mark.parametrize("workers", [0, -1])
def test_less_than_one_child_is_refused(workers: int) -> None:
    with pytest.raises(ValueError, match="at least one child process"):
        Pipeline(read, workers)


def test_the_time_of_decoding_and_of_measuring_masks_is_told_apart() -> None:
    with Pipeline(single(measured)) as pipeline:
        assert [list(items) for _, items in pipeline.read([Job(0, Path("/x")), Job(1, Path("/y"))])] == [["x"], ["y"]]
        busy = pipeline.stages.busy(10.0)
    assert busy["decode"] == pytest.approx(0.1, abs=0.05)
    assert busy["mask"] == pytest.approx(0.1, abs=0.05)


def test_busy_is_each_stages_share_of_the_time_and_the_mean_of_the_children() -> None:
    stages = Stages(workers=2)
    for stage, seconds in zip(STAGES, (8.0, 4.0, 5.0, 1.0), strict=True):
        stages.add(stage, seconds)
    assert stages.busy(10.0) == {"decode": 0.4, "mask": 0.2, "encode": 0.5, "store": 0.1}
    assert stages.busy(0.0) == dict.fromkeys(STAGES, 0.0)
    with stages.working("store"):
        time.sleep(0.05)
    assert stages.busy(10.0)["store"] > 0.104
