"""One run: its model and optimiser, a step, and everything that is needed to go on later."""

import json
import shutil
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

import deltaclip
from deltaclip.errors import TrainingError
from deltaclip.model import CheckpointRecord, save_checkpoint
from deltaclip.model.checkpoint import check_place
from deltaclip.model.clip import assemble
from deltaclip.provenance import running_checkout
from deltaclip.training.durable import write_whole
from deltaclip.training.forward import Batch, Precision
from deltaclip.training.gradients import Vectors, accumulate
from deltaclip.training.optim import MAX_LOGIT_SCALE, RunningMean, make_optimiser, plain_weights, set_rates, split_alpha
from deltaclip.training.peers import Peers
from deltaclip.training.recipe import Recipe
from deltaclip.training.sampler import Order
from deltaclip.training.source import TrainingData
from deltaclip.training.start import recompute_layers, start_model
from deltaclip.training.state import SavedState, States
from deltaclip.training.stops import memory_explained, refuse_loss, refuse_norm
from deltaclip.training.validate import Figures, validate

__all__ = ["FOLDER", "Run", "StepFigures", "differences"]

FOLDER = "training"
"""The part of a checkpoint's folder that holds the run which made it."""
RUN_FILE = "run.json"


@dataclass(frozen=True, slots=True)
class StepFigures:
    """loss: of the whole batch. gradient_norm: before clipping. rate: share of the peak rate."""

    loss: float
    gradient_norm: float
    rate: float


class Run:
    """A run between two steps. step: how many are done; best: step and figures of the best validation so far."""

    def __init__(
        self,
        recipe: Recipe,
        data: TrainingData,
        out: Path,
        precision: Precision,
        peers: Peers,
        *,
        resume: bool,
        overwrite: bool,
    ) -> None:
        self.recipe, self.data, self.out, self.precision, self.peers = recipe, data, out, precision, peers
        self.states = States(out / FOLDER, recipe.loop.keep_states)
        self.order = Order(len(data.train.owner), data.train.unit, recipe.optim.batch, recipe.seed)
        self.steps = recipe.optim.steps or recipe.optim.epochs * self.order.steps_an_epoch
        self.validate_every = recipe.loop.validate_every or max(min(self.order.steps_an_epoch, -(-self.steps // 10)), 1)
        self.log_every = recipe.loop.log_every or min(10, max(self.steps // 100, 1))
        self.commit = _commit()  # before the run: files may change while it goes on
        self.start = start_model(recipe, data)
        if data.side is not None and data.side < self.side:
            remedy = "Make another cache with deltaclip cache and its --size, into a new folder."
            raise TrainingError("clips", f"pictures of {data.side} pixels where the model takes {self.side}", remedy)
        self.model = self.start.model
        torch.nn.Module.to(self.model, precision.device)
        split_alpha(self.model)
        if recipe.optim.checkpointing:
            recompute_layers(self.model)
        self.model.train()
        self.optimiser = make_optimiser(self.model, recipe.optim)
        self.mean = RunningMean(self.model, recipe.optim.ema)
        self.step, self.loss = 0, float("nan")
        self.best: tuple[int, Figures] | None = None
        self._seconds, self._since = 0.0, time.perf_counter()
        if peers.leads:
            self._take_place(resume=resume, overwrite=overwrite)
        peers.any(False, precision.device)  # nobody looks for states before the folder is in order
        if resume and (saved := self.states.saved()):
            self._load(saved[-1])

    @property
    def side(self) -> int:
        """Pixels of a side that the model takes."""
        return self.start.sizes.image_size

    @property
    def seconds(self) -> float:
        """How long the run took so far, over all its parts."""
        return self._seconds + time.perf_counter() - self._since

    def advance(self, batch: Batch) -> StepFigures:
        """One step with this process's part of a batch. Raises TrainingError where it cannot be done."""
        optim = self.recipe.optim
        # Chance of a step follows from its number, as that of its clips does: there is no random state to keep.
        chance = np.random.SeedSequence([self.recipe.seed, 4, self.step, self.peers.rank])
        torch.manual_seed(int(chance.generate_state(1)[0]))
        rate = set_rates(self.optimiser, self.step, self.steps, optim.warm_up)
        self.optimiser.zero_grad(set_to_none=True)

        def check(loss: torch.Tensor, vectors: Vectors) -> None:
            refuse_loss(self.step + 1, loss, vectors, self.model.logit_scale)

        with memory_explained(self.recipe, self.recipe.data.frames):
            loss = accumulate(
                self.model,
                batch.to(self.precision.device),
                optim.chunk,
                self.precision,
                self.peers,
                same_video_masked=optim.same_video == "mask",
                check=check,
            )
            norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), optim.gradient_norm)
            refuse_norm(self.step + 1, norm, self.model, batch.names)
            self.optimiser.step()
        with torch.no_grad():
            self.model.logit_scale.clamp_(0, MAX_LOGIT_SCALE)
        self.mean.update(self.model)
        self.step += 1
        self.loss = loss.item()
        return StepFigures(self.loss, norm.item(), rate)

    def validate(self, workers: int) -> Figures | None:
        """Figures of the held-out clips, or None without any; the best weights so far are kept as a checkpoint."""
        if self.data.validation is None:
            return None
        source, rows = self.data.validation, self.start.rows
        with self.mean.in_place(self.model):
            figures = validate(self.model, source, self.recipe, rows, self.side, self.precision, self.peers, workers)
            if self.best is None or figures["t2v"]["R1"] > self.best[1]["t2v"]["R1"]:
                self.best = self.step, figures
                if self.peers.leads:
                    self.save_weights(self.states.best_folder(self.step), figures)
        return figures

    def save(self) -> None:
        """Writes what is needed to go on from here."""
        if not self.peers.leads:
            return
        best_step, figures = self.best or (0, None)
        content = {
            "step": self.step,
            "loss": self.loss,
            "seconds": self.seconds,
            "best": {"step": best_step, "figures": figures},
            "model": self.model.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "mean": self.mean.weights,
        }
        self.states.save(SavedState(self.step, best_step), content)

    def save_weights(self, folder: Path, figures: Figures | None) -> None:
        """Writes the model as a checkpoint folder; for the running mean's weights call it inside `mean.in_place`."""
        weights = plain_weights(self.model.state_dict())
        model = assemble(self.model.config, weights, f"the weights of step {self.step}")
        save_checkpoint(folder, model, self.start.tokenizer, self._record(figures))

    def _record(self, figures: Figures | None) -> CheckpointRecord:
        training = {
            **self.recipe.facts(),
            "steps": self.steps,
            "motion": self.recipe.data.motion,
            "clips": dict(self.data.facts),
            "step": self.step,
            "loss": self.loss,
            "seconds": round(self.seconds, 1),
            "validation": figures,
            "processes": self.peers.world,
            "commit": self.commit,
            "machine": self.precision.machine,
            "torch": str(torch.__version__),
        }
        return replace(self.start.record, training=training)

    def _load(self, saved: SavedState) -> None:
        content = self.states.load(saved, self.precision.device)
        self.model.load_state_dict(content["model"])
        self.optimiser.load_state_dict(content["optimiser"])
        self.mean.weights = content["mean"]
        self.step, self.loss, self._seconds = content["step"], content["loss"], content["seconds"]
        best = content["best"]
        self.best = None if best["figures"] is None else (best["step"], best["figures"])

    def _take_place(self, *, resume: bool, overwrite: bool) -> None:
        """Makes OUT ours. Raises TrainingError where another run lies there, CheckpointError for anything else."""
        folder = self.out / FOLDER
        facts = json.loads(json.dumps({"recipe": self.recipe.facts(), "clips": dict(self.data.facts)}))
        if resume and (folder / RUN_FILE).is_file():
            _refuse_others(self.out, json.loads((folder / RUN_FILE).read_text(encoding="utf-8")), facts)
            self.states.sweep()
            return
        others = [path for path in self.out.iterdir() if path != folder] if self.out.is_dir() else []
        if others or not self.out.is_dir():
            check_place(self.out)
        if not overwrite and (others or (folder / RUN_FILE).exists()):
            remedy = "Give a new folder; --resume goes on with a run of these settings, --overwrite replaces it."
            raise TrainingError(str(self.out), "the folder is not empty", remedy)
        for name in (RUN_FILE, "metrics.jsonl", "results.json", "report.html"):
            (folder / name).unlink(missing_ok=True)
        for name in ("states", "best", "reported", "tensorboard"):  # a frame cache may lie there as well
            shutil.rmtree(folder / name, ignore_errors=True)
        write_whole(folder / RUN_FILE, lambda stream: stream.write(json.dumps(facts, indent=2).encode()))


def _commit() -> str:
    """That of the checkout that runs, with a plus where files differ from it; the version outside a checkout."""
    checkout = running_checkout()
    return (
        f"version {deltaclip.__version__}" if checkout is None else checkout.commit + ("+" if checkout.changed else "")
    )


def differences(then: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """What differs between two json documents, as "optim.lr 0.001, not 0.002"; none for equal ones."""
    before, after = _flat(then), _flat(now)
    return [
        f"{name} {before.get(name)}, not {after.get(name)}"
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name)
    ]


def _refuse_others(out: Path, then: dict[str, Any], now: dict[str, Any]) -> None:
    """TrainingError with what differs between the run that lies there and this one."""
    if changed := differences(then, now):
        remedy = "Go on with the same settings and clips, or train into a new folder."
        raise TrainingError(str(out), f"the run there has {'; '.join(changed)}", remedy)


def _flat(facts: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in facts.items():
        flat |= _flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {f"{prefix}{name}": value}
    return flat
