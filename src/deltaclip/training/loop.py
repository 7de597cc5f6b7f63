"""The training loop, one for every recipe: thin, and deterministic from seed and step on one kind of machine."""

import time
from pathlib import Path
from typing import Any

import torch

from deltaclip.training.dataset import batches, default_workers
from deltaclip.training.forward import Batch, Precision, video_vectors
from deltaclip.training.journal import Journal, Progress, Stopwatch, Watch, peak_memory, read_rows
from deltaclip.training.optim import alpha_parts
from deltaclip.training.outcome import Outcome, Speed, report_weights
from deltaclip.training.peers import join_peers
from deltaclip.training.recipe import Recipe
from deltaclip.training.run import FOLDER, Run
from deltaclip.training.source import TrainingData
from deltaclip.training.validate import Figures

__all__ = ["train"]

COMPARED_CLIPS = 8
"""Clips of a batch whose vectors are compared with and without their masks."""


def train(
    recipe: Recipe,
    data: TrainingData,
    out: Path,
    watch: Watch = lambda progress: None,
    *,
    resume: bool = False,
    overwrite: bool = False,
    time_limit: int | float | None = None,
    device: str = "auto",
    workers: int | None = None,
) -> Outcome:
    """Trains by a recipe on some clips and writes a checkpoint folder; the run's own files lie in OUT/training.

    watch: called after every step, by the leading process. resume: go on from the last state of a run with the same
    recipe and clips, or begin where there is none. overwrite: begin anew and remove an older run.
    time_limit: seconds after which the run stops behind a step, with a state to go on from and no checkpoint.
    device: as in torch, or auto. workers: processes that read clips; None takes none for clips in memory.
    Under torchrun every process calls this with the same arguments.
    Raises TrainingError where the run cannot begin or go on, CheckpointError where the start weights are missing.
    """
    started = time.monotonic()
    precision = Precision.choose(device, recipe.optim.precision)
    with join_peers(precision.device) as peers:
        run = Run(recipe, data, out, precision, peers, resume=resume, overwrite=overwrite)
        loop = _Loop(run, watch, default_workers(data.train) if workers is None else workers)
        finished = loop.go_on(None if time_limit is None else started + time_limit)
        outcome = report_weights(run, loop.figures, loop.speed, finished)
        peers.any(False, precision.device)  # the checkpoint is there for all
        return outcome


class _Loop:
    """Steps of a run, with what is measured and written on the way. figures: of the last validation."""

    def __init__(self, run: Run, watch: Watch, workers: int) -> None:
        self.run, self.watch, self.workers = run, watch, workers
        self.figures: Figures | None = None
        self._whole, self._window = Stopwatch(), Stopwatch()
        self._journal = Journal(run.out / FOLDER, run.step) if run.peers.leads else None

    @property
    def speed(self) -> Speed:
        """Of the steps so far."""
        clips_per_second, data_wait = self._whole.read()
        return Speed(round(clips_per_second, 2), round(data_wait, 4), peak_memory(self.run.precision.device))

    def go_on(self, deadline: float | None) -> bool:
        """Steps until the end, or the first one after the deadline (`time.monotonic`). True at the end."""
        run = self.run
        if run.step == run.steps:  # a finished run, resumed: its last figures are its best or those of its last row
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
        )
        while run.step < run.steps:
            self._step(stream)
            if deadline is not None and run.peers.any(time.monotonic() > deadline, run.precision.device):
                if run.step < run.steps:
                    run.save()
                return run.step == run.steps
        return True

    def _step(self, stream: Any) -> None:  # Any: the iterator of batches
        run = self.run
        began = time.perf_counter()
        batch: Batch = next(stream)
        ready = time.perf_counter()
        size = len(run.order.batch_of(run.step))
        figures = run.advance(batch)
        taken, waited = time.perf_counter() - began, ready - began
        for stopwatch in (self._whole, self._window):
            stopwatch.count(size, taken, waited)
        save_every = run.recipe.loop.save_every
        if run.step % run.log_every == 0 or run.step in (1, run.steps):
            self._write(
                {
                    "epoch": run.order.epoch_of(run.step - 1),
                    "loss": figures.loss,
                    "rate": figures.rate,
                    "gradient_norm": figures.gradient_norm,
                    "logit_scale": run.model.logit_scale.exp().item(),
                    **self._measured(batch),
                }
            )
        if run.step % run.validate_every == 0 or run.step == run.steps:
            self.figures = run.validate(self.workers)
            if self.figures is not None:
                self._write(dict(self.figures))
            run.save()
        elif save_every is not None and run.step % save_every == 0:
            run.save()
        if run.peers.leads:
            self.watch(self._progress())

    def _measured(self, batch: Batch) -> dict[str, Any]:  # Any: numbers, or None where there was nothing to measure
        """Speed, memory, and whether masks act: norms of alpha and colour weights, cosine with and without a mask."""
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
            "mask_cosine": self._mask_cosine(batch) if run.peers.leads else None,
        }

    @torch.no_grad()
    def _mask_cosine(self, batch: Batch) -> float | None:
        """Mean cosine between vectors of clips with their masks and with all ones; None where no clip has a mask."""
        masked = (batch.frames[:, :, 3] < 255).flatten(1).any(1)
        frames = batch.frames[masked][:COMPARED_CLIPS].to(self.run.precision.device)
        if not len(frames):
            return None
        whole = frames.clone()
        whole[:, :, 3] = 255
        model = self.run.model
        model.train(False)
        with_masks, without = (video_vectors(model, each, self.run.precision) for each in (frames, whole))
        model.train()
        return (with_masks * without).sum(1).mean().item()

    def _write(self, row: dict[str, Any]) -> None:  # Any: numbers and figures
        if self._journal is not None:
            self._journal.write({"step": self.run.step, **row})

    def _progress(self) -> Progress:
        run, speed = self.run, self.speed
        r1 = None if self.figures is None else self.figures["t2v"]["R1"]
        return Progress(run.step, run.steps, run.loss, speed.clips_per_second, speed.data_wait, speed.memory_bytes, r1)

    def _last_figures(self) -> Figures | None:
        rows = [row for row in read_rows(self.run.out / FOLDER) if "t2v" in row]
        return {side: rows[-1][side] for side in ("t2v", "v2t")} if rows else None
