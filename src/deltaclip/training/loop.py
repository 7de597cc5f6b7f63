"""The training loop, one for every recipe: thin, and deterministic from seed and step on one kind of machine."""

import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deltaclip.model import family_of
from deltaclip.training.choices import recipe_doubts
from deltaclip.training.dataset import Batch, batches, default_workers
from deltaclip.training.devices import MixedPrecision, join_peers, peak_memory
from deltaclip.training.interrupt import Interrupt
from deltaclip.training.journal import Journal, Stopwatch, TrainingProgress, Watch, read_rows
from deltaclip.training.recipe import Recipe
from deltaclip.training.report import Outcome, Speed, report_weights
from deltaclip.training.run import Run
from deltaclip.training.run_folder import RUN_FOLDER
from deltaclip.training.sampler import no_negatives
from deltaclip.training.source import TrainingData
from deltaclip.training.start import alpha_parts
from deltaclip.training.validation import ValidationMetrics

__all__ = ["train"]

CONTINUE, TOO_LATE, INTERRUPTED = range(3)
"""What a process wants after a step; the highest value of all processes decides."""


def train(
    recipe: Recipe,
    data: TrainingData,
    out: Path,
    watch: Watch = lambda progress: None,
    *,
    validated: Callable[[Outcome], None] = lambda outcome: None,
    resume: bool = False,
    overwrite: bool = False,
    time_limit: int | float | None = None,
    device: str = "auto",
    workers: int | None = None,
    note: Callable[[str], None] = lambda text: None,
) -> Outcome:
    """Trains by a recipe on some clips and writes a checkpoint folder; the run's own files are in OUT/training.

    watch: called after every step, by the leading process. validated: called by it after every validation but that
    of the last step, once a state is saved, with the outcome so far. resume: continue from the last state of a run with
    the same recipe and clips, or start if there is none. overwrite: remove an older run and start anew.
    time_limit: seconds after which the run stops at the end of a step, with a saved state and no checkpoint.
    device: as in torch, or auto. workers: processes that read clips; None starts none for clips in memory.
    note: called by the leading process with messages for people, a sentence each.
    Under torchrun every process calls this with the same arguments.
    Raises TrainingError if the run cannot start or continue, RunInUseError if a different process is training in OUT,
    CheckpointError if the start weights are missing, PrecisionError if the recipe's precision gives wrong results on
    this machine. The first Ctrl-C raises a KeyboardInterrupt after the current step, once a state is saved.
    """
    started = time.monotonic()
    precision = MixedPrecision.choose(device, recipe.optim.precision)
    with join_peers(precision.device) as peers:
        run = Run(recipe, data, out, precision, peers)
        tell = note if peers.leads else lambda text: None
        with run.in_place(resume=resume, overwrite=overwrite):
            for text in (*data.notes, *recipe_doubts(recipe, len(data.train.owner))):
                tell(text)
            if run.precision.refused is not None:
                tell(run.precision.refused)
            if resume:
                tell(_where(run))
            loop = _Loop(run, watch, validated, tell, default_workers(data.train) if workers is None else workers)
            with closing(loop):
                finished = loop.run_steps(None if time_limit is None else started + time_limit)
            outcome = report_weights(run, loop.figures, loop.speed, finished)
            peers.any(False, precision.device)  # wait until the checkpoint is there
            return outcome


class _Loop:
    """Steps of a run, with what is measured and written in between. figures: of the last validation."""

    def __init__(
        self, run: Run, watch: Watch, validated: Callable[[Outcome], None], note: Callable[[str], None], workers: int
    ) -> None:
        self.run, self.watch, self.validated, self.note, self.workers = run, watch, validated, note, workers
        self.figures: ValidationMetrics | None = None
        self._whole, self._window = Stopwatch(), Stopwatch()
        self._told_no_negatives = self._looked = False
        self._journal = Journal(run.out / RUN_FOLDER, run.step, note) if run.peers.leads else None
        self._write({"computing": run.plan.facts()})

    @property
    def speed(self) -> Speed:
        """Speed of the steps so far."""
        clips_per_second, data_wait = self._whole.read()
        return Speed(round(clips_per_second, 2), round(data_wait, 4), peak_memory(self.run.precision.device))

    def close(self) -> None:
        """Closes the journal."""
        if self._journal is not None:
            self._journal.close()

    def run_steps(self, deadline: float | None) -> bool:
        """Steps until the end (returns True), or until the deadline (`time.monotonic`) has passed (returns False).

        Raises KeyboardInterrupt after the step in which Ctrl-C was pressed, once a state is saved.
        """
        run = self.run
        if run.step == run.steps:  # a finished run is resumed: its last metrics are in its journal
            self.figures = self._last_figures()
        stream = batches(
            run.data.train,
            run.recipe,
            run.side,
            run.start.rows,
            range(run.step, run.steps),
            run.order,
            (run.peers.rank, run.peers.world),
            self.workers,
            family_of(run.model).fit,
            pinned=run.precision.device.type == "cuda",
        )
        with Interrupt(self.note) as interrupt:
            while run.step < run.steps:
                unsaved = self._step(stream)
                wanted = self._wanted(deadline, interrupt)
                if wanted == CONTINUE or run.step == run.steps:
                    continue
                if unsaved is not None:
                    run.look()
                    run.refuse_broken(unsaved)
                    run.save()
                if wanted == INTERRUPTED:
                    raise KeyboardInterrupt(
                        f"the state of step {run.step} of {run.steps} is saved; the same command with --resume "
                        "continues from there"
                    )
                return False
        return True

    def _wanted(self, deadline: float | None, interrupt: Interrupt) -> int:
        """What to do after a step. Several processes agree when they look at their numbers, since both wait."""
        if not self._looked and self.run.peers.world > 1:
            return CONTINUE
        late = deadline is not None and time.monotonic() > deadline
        own = INTERRUPTED if interrupt.asked else TOO_LATE if late else CONTINUE
        return max(self.run.peers.counts(own, self.run.precision.device))

    def _step(self, stream: Any) -> Batch | None:  # Any: the iterator of batches
        """Makes one step. Returns its batch if no state was saved after it, else None."""
        run = self.run
        began = time.perf_counter()
        batch: Batch = next(stream)
        ready = time.perf_counter()
        numbers = run.order.batch_of(run.step)
        self._tell_no_negatives(numbers)
        run.advance(batch)
        save_every = run.recipe.loop.save_every
        logged = run.step % run.log_every == 0 or run.step in (1, run.steps)
        validated = run.step % run.validate_every == 0 or run.step == run.steps
        saved = save_every is not None and run.step % save_every == 0
        self._looked = logged or validated or saved or run.step % run.look_every == 0
        if self._looked:
            figures = run.look()
        taken, waited = time.perf_counter() - began, ready - began
        for stopwatch in (self._whole, self._window):
            stopwatch.count(len(numbers), taken, waited)
        mask_cosine = run.refuse_broken(batch) if logged or validated or saved else None
        if logged:
            self._write(
                {
                    "epoch": run.order.epoch_of(run.step - 1),
                    "steps": run.steps,
                    "seconds": round(run.seconds, 1),
                    "loss": figures.loss,
                    "rate": figures.rate,
                    "gradient_norm": figures.gradient_norm,
                    "logit_scale": run.model.logit_scale.exp().item(),
                    "mask_cosine": mask_cosine,
                    **self._measured(),
                }
            )
        if validated:
            self.figures = run.validate(self.workers)
            if self.figures is not None:
                self._write(dict(self.figures))
            run.save()
            if run.peers.leads and run.step < run.steps:
                self.validated(report_weights(run, self.figures, self.speed, finished=False))
        elif saved:
            run.save()
        if run.peers.leads:
            self.watch(self._progress())
        return None if validated or saved else batch

    def _tell_no_negatives(self, numbers: NDArray[np.int64]) -> None:
        run = self.run
        if not self._told_no_negatives and no_negatives(run.data.train, numbers, run.recipe):
            self._told_no_negatives = True
            self.note(
                f"step {run.step + 1}: all captions of this batch belong to one video or class, so nothing is learned "
                "from it; a larger optim.batch makes such steps rare"
            )

    def _measured(self) -> dict[str, float]:
        """Speed, memory, and norms of the alpha and colour weights."""
        run = self.run
        clips_per_second, data_wait = self._window.read()
        self._window = Stopwatch()
        rgb, alpha = alpha_parts(run.model)
        return {
            "clips_per_second": clips_per_second,
            "data_wait": data_wait,
            "memory_bytes": peak_memory(run.precision.device),
            "alpha_norm": alpha.norm().item(),
            "rgb_norm": rgb.norm().item(),
        }

    def _write(self, row: dict[str, Any]) -> None:  # Any: numbers and figures
        if self._journal is not None:
            self._journal.write({"step": self.run.step, **row})

    def _progress(self) -> TrainingProgress:
        run, speed = self.run, self.speed
        r1 = None if self.figures is None else self.figures["t2v"]["R1"]
        return TrainingProgress(
            run.step, run.steps, run.loss, speed.clips_per_second, speed.data_wait, speed.memory_bytes, r1
        )

    def _last_figures(self) -> ValidationMetrics | None:
        rows = [row for row in read_rows(self.run.out / RUN_FOLDER) if "t2v" in row]
        return {side: rows[-1][side] for side in ("t2v", "v2t")} if rows else None


def _where(run: Run) -> str:
    """What --resume found, for people."""
    if not run.step:
        return f"{run.out} has no saved state to continue from; the run starts with its first step"
    return f"the run continues after step {run.step} of {run.steps}"
