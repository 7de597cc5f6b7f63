"""The outcome of a run: so far, at its end, where the reported weights become the checkpoint, and read again."""

import json
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

from deltaclip.errors import TrainingError
from deltaclip.model import replace_files
from deltaclip.training.journal import read_rows
from deltaclip.training.run import Run
from deltaclip.training.run_folder import RUN_FOLDER, save_whole
from deltaclip.training.validation import ValidationMetrics

__all__ = ["Outcome", "Speed", "read_outcome", "report_weights"]

RESULTS = "results.json"


@dataclass(frozen=True, slots=True)
class Speed:
    """clips_per_second, data_wait: over this part of the run, without validation. memory_bytes: the peak."""

    clips_per_second: float
    data_wait: float
    memory_bytes: int


@dataclass(frozen=True, slots=True, repr=False)
class Outcome:
    """The result of a run.

    finished: False if a time limit stopped it. step, steps: done, and in total. loss: of the last step.
    reported_step: the step whose weights the checkpoint has, None before the end. validation: their metrics, before
    the end those of the last validation; None without held-out clips. seconds: over all parts of the run.
    speed: of the last part.
    """

    out: Path
    finished: bool
    step: int
    steps: int
    loss: float
    reported_step: int | None
    validation: ValidationMetrics | None
    seconds: float
    speed: Speed

    def __repr__(self) -> str:
        r1 = "" if self.validation is None else f", validation R@1 {self.validation['t2v']['R1']:.1f}"
        return f"Outcome({self.out}, step {self.step} of {self.steps}, loss={self.loss:.3f}{r1})"


def report_weights(run: Run, last: ValidationMetrics | None, speed: Speed, finished: bool) -> Outcome:
    """Writes a finished run's checkpoint into OUT, and OUT/training/results.json.

    last: metrics of the last validation. Of a run that is not finished it only tells the outcome so far.
    """
    step, figures = (run.step if finished else None), last
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
        save_whole(run.out / RUN_FOLDER / RESULTS, lambda stream: stream.write(text.encode()))
    return outcome


def _write_checkpoint(run: Run, step: int, figures: ValidationMetrics | None) -> None:
    """File by file: OUT also contains the run, so it cannot be replaced as a whole."""
    made = run.out / RUN_FOLDER / "reported"
    if step == run.step:
        with run.mean.in_place(run.model):
            run.save_weights(made, figures)
    else:
        shutil.copytree(run.states.best_folder(step), made, dirs_exist_ok=True)
    aside = run.out / RUN_FOLDER / "replaced"
    shutil.rmtree(aside, ignore_errors=True)  # left by a run that was killed here
    aside.mkdir()
    replace_files(made, run.out, aside)
    shutil.rmtree(aside, ignore_errors=True)
    made.rmdir()


def read_outcome(out: Path) -> Outcome:
    """The outcome of the run in OUT: as it was reported, or as far as its journal goes.

    Raises TrainingError if nothing was logged yet.
    """
    results = out / RUN_FOLDER / RESULTS
    if results.is_file():
        told = json.loads(results.read_text(encoding="utf-8"))
        del told["recipe"]
        return Outcome(**{**told, "out": out, "speed": Speed(**told["speed"])})
    rows = read_rows(out / RUN_FOLDER)
    logged = [row for row in rows if "steps" in row]
    if not logged:
        raise TrainingError(str(out), "its run has not logged a step yet", "Wait until it has, or continue it.")
    last, validated = logged[-1], [row for row in rows if "t2v" in row]
    return Outcome(
        out=out,
        finished=False,
        step=last["step"],
        steps=last["steps"],
        loss=last["loss"],
        reported_step=None,
        validation={side: validated[-1][side] for side in ("t2v", "v2t")} if validated else None,
        seconds=last["seconds"],
        speed=Speed(last["clips_per_second"], last["data_wait"], last["memory_bytes"]),
    )
