"""What studies that train share: their plan, runs in parallel processes, and the results of finished runs on disk."""

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
from deltaclip.shapes import Twins
from deltaclip.training.dataset import worker_context
from deltaclip.training.run_folder import differences, save_whole

__all__ = [
    "Document",
    "Stopped",
    "StudyPlan",
    "StudyProgress",
    "at_once",
    "is_late",
    "keep_figures",
    "kept_figures",
    "seconds_left",
]


@dataclass(frozen=True, slots=True)
class StudyProgress:
    """Progress of a study. doing: in words. done, total: steps of all runs together, or clips to draw."""

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
    steps, seeds, masks, cameras, clips: None means the study's own. seeds: their number; they are 0, 1, and so on.
    clips: number of test clips for each camera. twins: for `shapes`, what they differ in, as in `shapes.ShapesSpec`.
    settings: values for fields of the recipe, as in optim.lr=1e-3.
    data, folds: for `actions`, the folder of its sets, and the folds to hold out in turn.
    jobs: runs at once, each in a process with one thread; results do not depend on it. device: as in torch, or auto.
    deadline: `time.time()` after which every run stops at the end of its step and saves a state.
    progress: called from time to time.
    """

    folder: Path
    steps: int | None = None
    seeds: int | None = None
    masks: tuple[str, ...] | None = None
    cameras: tuple[str, ...] | None = None
    clips: int | None = None
    twins: Twins = "mover"
    settings: tuple[str, ...] = ()
    data: Path | None = None
    folds: tuple[int, ...] | None = None
    jobs: int = 1
    device: str = "auto"
    deadline: float | None = None
    progress: Callable[[StudyProgress], None] = lambda progress: None


def seconds_left(deadline: float | None) -> float | None:
    """How long until a deadline of `StudyPlan`, 0 if it has passed; None without one."""
    return None if deadline is None else max(deadline - time.time(), 0.0)


def is_late(deadline: float | None) -> bool:
    """Whether a deadline of `StudyPlan` has passed."""
    return deadline is not None and time.time() > deadline


Document = dict[str, Any]  # Any: a json document


def keep_figures(path: Path, settings: Document, figures: Document) -> None:
    """Writes both to one json file, whole or not at all."""
    document = json.dumps({"settings": settings, "figures": figures}, indent=1, allow_nan=False)
    save_whole(path, lambda stream: stream.write(document.encode()))


def kept_figures(path: Path, settings: Document, what: Path, remedy: str) -> Document | None:
    """The figures in that file, None if there is none.

    Raises TrainingError about `what` if the settings differ.
    """
    if not path.is_file():
        return None
    document = json.loads(path.read_text(encoding="utf-8"))
    now = json.loads(json.dumps(settings))  # as in json: tuples are lists
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
    """Results of `work`, a function of a module, for each task, in order. look: called about once a second.

    Each process has one thread for any number of jobs, since sums of floats, and so results, depend on the number of
    threads. The first error of a task is raised once running tasks have ended. Raises TrainingError if a process died.
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
            found = "ended without an error message, probably because memory ran out"
            remedy = "Use fewer --jobs; the same command continues all runs."
            raise TrainingError("a process that trains", found, remedy) from error
        except KeyboardInterrupt:
            for process in set(active_children()) - others:  # otherwise the pool would wait until their runs end
                process.terminate()
            raise
        finally:
            pool.shutdown(cancel_futures=True)


def _wait(under_way: "list[Future[Result]]", look: Callable[[], None]) -> None:
    """Waits until all are done or one has failed."""
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
    """A killed study must not continue in its children: the next one would write to the same folders."""
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        time.sleep(0.1)  # if the parent ends normally, it ends this process itself
        os._exit(1)  # files are whole at any moment
