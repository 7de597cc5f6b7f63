"""The end of a run: the weights that are reported become the checkpoint, and the figures a file."""

import json
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

from deltaclip.model import replace_files
from deltaclip.training.place import FOLDER
from deltaclip.training.run import Run
from deltaclip.training.saving import save_whole
from deltaclip.training.validate import Figures

__all__ = ["Outcome", "Speed", "report_weights"]


@dataclass(frozen=True, slots=True)
class Speed:
    """clips_per_second, data_wait: over this part of the run, validation aside. memory_bytes: the most taken."""

    clips_per_second: float
    data_wait: float
    memory_bytes: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a run.

    finished: False where a time limit stopped it. step, steps: done, and in all. loss: of the last step.
    reported_step: whose weights the checkpoint has, None before the end. validation: their figures, None without
    held-out clips. seconds: over all parts of the run. speed: of the last part.
    """

    out: Path
    finished: bool
    step: int
    steps: int
    loss: float
    reported_step: int | None
    validation: Figures | None
    seconds: float
    speed: Speed


def report_weights(run: Run, last: Figures | None, speed: Speed, finished: bool) -> Outcome:
    """Writes a finished run's checkpoint into OUT, and OUT/training/results.json. last: figures at its last step."""
    step, figures = (run.step, last) if finished else (None, None)
    if finished and run.recipe.loop.report == "best" and run.best is not None:
        step, figures = run.best
    outcome = Outcome(
        out=run.out,
        finished=finished,
        step=run.step,
        steps=run.steps,
        loss=run.loss,
        reported_step=step,
        validation=figures,
        seconds=round(run.seconds, 1),
        speed=speed,
    )
    if finished and run.peers.leads:
        _write_checkpoint(run, step or 0, figures)
        text = json.dumps({**asdict(outcome), "out": str(run.out), "recipe": run.recipe.facts()}, indent=2)
        save_whole(run.out / FOLDER / "results.json", lambda stream: stream.write(text.encode()))
    return outcome


def _write_checkpoint(run: Run, step: int, figures: Figures | None) -> None:
    """File by file: OUT also holds the run, so that it cannot be swapped as a whole."""
    made = run.out / FOLDER / "reported"
    if step == run.step:
        with run.mean.in_place(run.model):
            run.save_weights(made, figures)
    else:
        shutil.copytree(run.states.best_folder(step), made, dirs_exist_ok=True)
    aside = run.out / FOLDER / "replaced"
    shutil.rmtree(aside, ignore_errors=True)  # of a run that was killed in here
    aside.mkdir()
    replace_files(made, run.out, aside)
    shutil.rmtree(aside, ignore_errors=True)
    made.rmdir()
