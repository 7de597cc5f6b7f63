"""Work in processes of its own: in order, with one thread, and gone when this process is."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from deltaclip.errors import TrainingError
from deltaclip.training.studies.runner import at_once


def threads_and(number: int) -> tuple[int, int]:
    return torch.get_num_threads(), number


def refused(number: int) -> int:
    if number == 1:
        raise TrainingError("one", "is refused", "Take another.")
    return number


def dying(number: int) -> int:
    os._exit(9)


def endless(path: str) -> None:
    Path(path).write_text(str(os.getpid()))
    time.sleep(600)


def test_answers_come_in_the_order_of_the_tasks_each_from_one_thread() -> None:
    assert at_once(threads_and, [3, 1, 2], 2) == [(1, 3), (1, 1), (1, 2)]
    assert at_once(threads_and, [], 2) == []


def test_an_error_of_a_task_is_told_as_it_is() -> None:
    with pytest.raises(TrainingError, match=r"one: is refused\. Take another"):
        at_once(refused, [0, 1, 2], 1)


def test_a_process_that_dies_is_an_error_that_says_what_to_do() -> None:
    with pytest.raises(TrainingError, match="fewer --jobs"):
        at_once(dying, [0], 1)


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks into /proc")
@pytest.mark.parametrize("stop", [signal.SIGKILL, signal.SIGINT])
def test_what_is_under_way_ends_with_its_parent(tmp_path: Path, stop: signal.Signals) -> None:
    file = tmp_path / "pid"
    words = f"from tests.training.studies.test_runner import *; at_once(endless, [{str(file)!r}], 1)"
    parent = subprocess.Popen([sys.executable, "-c", words], cwd=Path(__file__).parents[3], stderr=subprocess.DEVNULL)
    while not file.exists() or not file.read_text():
        assert parent.poll() is None
        time.sleep(0.1)
    child = int(file.read_text())
    parent.send_signal(stop)
    parent.wait(timeout=60)
    for _ in range(300):
        if not alive(child):
            return
        time.sleep(0.1)
    os.kill(child, signal.SIGKILL)
    pytest.fail("the child went on without its parent")


def alive(process: int) -> bool:
    """Whether it runs; a dead one that nobody waited for does not."""
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"
