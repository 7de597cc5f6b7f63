"""What the user may choose about a study that trains.

----
The figures of a finished run on disk, with the settings that they were made with.

----
Several pieces of work at once, each in a process of its own with one thread, which ends with this one."""

import json
import os
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import active_children, connection, parent_process
from pathlib import Path
from typing import Any, TypeVar

from deltaclip.errors import TrainingError
from deltaclip.training.dataset import worker_context
from deltaclip.training.run_folder import differences, save_whole

__all__ = ["Document", "Stopped", "StudyPlan", "StudyProgress", "at_once", "keep_figures", "kept_figures"]


@dataclass(frozen=True, slots=True)
class StudyProgress:
    """Where a study is. doing: in words. done, total: steps of all runs together, or clips to draw."""

    doing: str
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Stopped:
    """A study that its deadline stopped. finished, runs: how many of its runs are done, of how many."""

    finished: int
    runs: int


@dataclass(frozen=True, slots=True)
class StudyPlan:
    """A study that trains.

    folder: for its runs, clips and states; what is finished there is not done again.
    steps, seeds, masks, cameras, clips: None takes the study's own. seeds: how many, 0 and up. clips: to test with, a
    camera. settings: other values of the recipe's fields, as in optim.lr=1e-3.
    data, folds: of `actions`, the folder of its sets, and which folds are held out in turn.
    jobs: runs at once, each in a process with one thread; results do not depend on it. device: as in torch, or auto.
    deadline: `time.time()` after which every run stops behind its step, with a state to go on from.
    progress: called now and then.
    """

    folder: Path
    steps: int | None = None
    seeds: int | None = None
    masks: tuple[str, ...] | None = None
    cameras: tuple[str, ...] | None = None
    clips: int | None = None
    settings: tuple[str, ...] = ()
    data: Path | None = None
    folds: tuple[int, ...] | None = None
    jobs: int = 1
    device: str = "auto"
    deadline: float | None = None
    progress: Callable[[StudyProgress], None] = lambda progress: None


Document = dict[str, Any]  # Any: a json document


def keep_figures(path: Path, settings: Document, figures: Document) -> None:
    """Writes both as one json file that is whole or not there."""
    document = json.dumps({"settings": settings, "figures": figures}, indent=1, allow_nan=False)
    save_whole(path, lambda stream: stream.write(document.encode()))


def kept_figures(path: Path, settings: Document, what: Path, remedy: str) -> Document | None:
    """The figures in that file, None where there is none.

    Raises TrainingError about `what` where the settings were other ones.
    """
    if not path.is_file():
        return None
    document = json.loads(path.read_text(encoding="utf-8"))
    now = json.loads(json.dumps(settings))  # as json holds them: tuples are lists
    if changed := differences(document["settings"], now):
        raise TrainingError(str(what), f"the finished run there has {'; '.join(changed)}", remedy)
    figures: Document = document["figures"]
    return figures


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
