"""Several pieces of work at once, each in a process of its own with one thread, which ends with this one."""

import os
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import active_children, connection, parent_process
from typing import TypeVar

from deltaclip.errors import TrainingError
from deltaclip.training.dataset import worker_context

__all__ = ["at_once"]

LOOK_EVERY_SECONDS = 1.0

Task = TypeVar("Task")
Result = TypeVar("Result")


def at_once(
    work: Callable[[Task], Result], tasks: Sequence[Task], jobs: int, look: Callable[[], None] = lambda: None
) -> list[Result]:
    """What `work`, a function of a module, makes of each task, in their order. look: called about once a second.

    One thread a process, for any number of jobs: sums of floats depend on the number of threads, and so would results.
    The first error of a task is raised once those under way have ended. Raises TrainingError where a process died.
    """
    if not tasks:
        return []
    with ProcessPoolExecutor(min(jobs, len(tasks)), worker_context(), initializer=_begin) as pool:
        others = set(active_children())
        under_way = [pool.submit(work, task) for task in tasks]
        try:
            _wait(under_way, look)
            return [each.result() for each in under_way]
        except BrokenProcessPool as error:
            found = "ended without a word, as it does where memory is short"
            remedy = "Give fewer --jobs; the same command continues all runs."
            raise TrainingError("a process that trains", found, remedy) from error
        except KeyboardInterrupt:
            for process in set(active_children()) - others:  # else the pool waits for the ends of their runs
                process.terminate()
            raise
        finally:
            pool.shutdown(cancel_futures=True)


def _wait(under_way: "list[Future[Result]]", look: Callable[[], None]) -> None:
    """Until all are done or one failed."""
    left: set[Future[Result]] = set(under_way)
    while left:
        done, left = wait(left, LOOK_EVERY_SECONDS, return_when=FIRST_EXCEPTION)
        look()
        if any(each.exception() is not None for each in done):
            return


def _begin() -> None:
    import cv2
    import torch

    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """A killed study must not go on in its children: the next one would write to the same folders."""
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        time.sleep(0.1)  # an orderly end of the parent ends this process by itself
        os._exit(1)  # states are whole at any moment
