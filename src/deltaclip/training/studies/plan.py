"""What the user may choose about a study that trains."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Stopped", "StudyPlan", "StudyProgress"]


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
