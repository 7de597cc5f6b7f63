"""One run: its model and optimiser, a step, and everything that is needed to resume it."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from math import isfinite
from pathlib import Path

import numpy as np
import torch

import deltaclip
from deltaclip.errors import TrainingError
from deltaclip.model import CheckpointRecord, assemble, save_checkpoint
from deltaclip.provenance import running_checkout
from deltaclip.training.computing import compile_layers, own_share, steps_between_looks
from deltaclip.training.dataset import Batch
from deltaclip.training.devices import MixedPrecision, Peers
from deltaclip.training.loss import BatchVectors, accumulate
from deltaclip.training.losses import limit_scale
from deltaclip.training.plan import make_plan
from deltaclip.training.recipe import Recipe
from deltaclip.training.run_folder import RUN_FOLDER, SavedState, States, claim_run_folder, hold_run_folder
from deltaclip.training.sampler import Order, refuse_without_negatives
from deltaclip.training.source import TrainingData
from deltaclip.training.start import (
    RunningMean,
    alpha_parts,
    make_optimiser,
    plain_weights,
    recompute_layers,
    set_rates,
    split_alpha,
    start_model,
    trained,
)
from deltaclip.training.stops import Checks, broken_update, memory_explained, unsound_gradient, unsound_loss
from deltaclip.training.tuning import tune
from deltaclip.training.validation import ValidationMetrics, look, validate

__all__ = ["Run", "StepMetrics"]


@dataclass(frozen=True, slots=True)
class StepMetrics:
    """loss: of the whole batch. gradient_norm: before clipping. rate: share of the peak rate.

    gradient_norm is None if float16 could not hold the gradients and the step was left out.
    """

    loss: float
    gradient_norm: float | None
    rate: float


class Run:
    """A run between two steps. step: how many are done; best: step and metrics of the best validation so far."""

    def __init__(
        self,
        recipe: Recipe,
        data: TrainingData,
        out: Path,
        precision: MixedPrecision,
        peers: Peers,
    ) -> None:
        self.recipe, self.data, self.out, self.peers = recipe, data, out, peers
        self.states = States(out / RUN_FOLDER, recipe.loop.keep_states)
        self.order = Order(len(data.train.owner), data.train.unit, recipe.optim.batch, recipe.seed)
        self.steps = recipe.optim.steps_of_run(self.order.steps_an_epoch)
        self.validate_every = recipe.loop.validate_every or max(min(self.order.steps_an_epoch, -(-self.steps // 10)), 1)
        self.log_every = recipe.loop.log_every or min(10, max(self.steps // 100, 1))
        refuse_without_negatives(data.train, self.order)
        self.commit = _commit()  # before the run: files may change during it
        self.start = start_model(recipe, data)
        if data.side is not None and data.side < self.side:
            remedy = "Make a new cache with deltaclip cache and its --size, in a new folder."
            raise TrainingError("clips", f"pictures of {data.side} pixels, but the model takes {self.side}", remedy)
        self.model = self.start.model
        torch.nn.Module.to(self.model, precision.device)
        self.precision = precision.checked(self.model)
        split_alpha(self.model)
        tune(self.model, recipe, alpha_parts(self.model)[1])
        if recipe.optim.checkpointing:
            recompute_layers(self.model)
        self.model.train()
        most_pairs = own_share(min(recipe.optim.batch, self.order.captions), peers.world)[0]
        self.plan = make_plan(self.start, recipe, self.precision, most_pairs)
        if recipe.compile:
            compile_layers(self.model, precision.device.type)
        self.optimiser = make_optimiser(self.model, recipe.optim, fused=self.plan.fused)
        self.scaler = self.precision.scaler()
        self.mean = RunningMean(self.model, recipe.optim.ema)
        self.look_every = steps_between_looks(self.plan.ability)
        self._checks = Checks(peers, precision.device, at_once=self.look_every == 1)
        self.step, self.loss = 0, float("nan")
        self._last = torch.tensor(float("nan")), torch.tensor(float("nan")), 0.0
        self.best: tuple[int, ValidationMetrics] | None = None
        self._seconds, self._since = 0.0, time.perf_counter()

    @contextmanager
    def in_place(self, *, resume: bool, overwrite: bool) -> Iterator[None]:
        """Holds OUT for this run while the context lasts, and loads the last state if the run is resumed.

        Raises TrainingError if OUT contains a different run or one in progress, CheckpointError for anything else.
        """
        facts = {"recipe": self.recipe.facts(), "clips": dict(self.data.facts)}
        if self.data.sources:
            facts["sources"] = dict(self.data.sources)
        if self.start.facts:
            facts["start"] = self.start.facts

        def take() -> None:
            claim_run_folder(self.out, facts, resume=resume, overwrite=overwrite)
            self.states.sweep()

        with hold_run_folder(self.out, self.peers, self.precision.device, take):
            if resume and (saved := self.states.saved()):
                self._load(saved[-1])
            yield

    @property
    def side(self) -> int:
        """Side of the model's input in pixels."""
        return self.start.sizes.image_size

    @property
    def seconds(self) -> float:
        """Duration of the run so far, over all its parts."""
        return self._seconds + time.perf_counter() - self._since

    def advance(self, batch: Batch) -> None:
        """One step with this process's part of a batch. Raises TrainingError if it cannot, or `look` does later."""
        optim, step = self.recipe.optim, self.step + 1
        # The randomness of a step follows from its number, as that of its clips does: no random state has to be saved.
        chance = np.random.SeedSequence([self.recipe.seed, 4, self.step, self.peers.rank])
        torch.manual_seed(int(chance.generate_state(1)[0]))
        rate = set_rates(self.optimiser, self.step, self.steps, optim.warm_up)
        self.optimiser.zero_grad(set_to_none=True)

        def check(loss: torch.Tensor, vectors: BatchVectors) -> None:
            scale = self.model.logit_scale.detach().clone()
            self._checks.add(torch.isfinite(loss), lambda: unsound_loss(step, loss, vectors, scale))

        with memory_explained(self.recipe, self.recipe.data.frames, cached=self.plan.cached):
            loss = accumulate(
                self.model,
                replace(batch.to(self.precision.device), keep=self._share_kept()),
                optim.chunk,
                self.precision,
                self.peers,
                same_video_masked=optim.same_video == "mask",
                cached=self.plan.cached,
                counts=own_share(len(self.order.batch_of(self.step)), self.peers.world),
                scaler=self.scaler,
                check=check,
            )
            self.scaler.unscale_(self.optimiser)
            norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), optim.gradient_norm)
            if not self.scaler.is_enabled():  # it leaves out a step whose gradients it scaled too much
                self._checks.add(torch.isfinite(norm), lambda: self._unsound_gradient(step, batch.names))
            self.scaler.step(self.optimiser)
            self.scaler.update()
        limit_scale(self.model)
        self.mean.update(self.model)
        self.step = step
        self._last = loss, norm, rate
        size = torch.nn.utils.get_total_norm([weight.detach() for _, weight in trained(self.model)])
        words = "their norm is {}"
        self._checks.add(
            torch.isfinite(size), lambda: self._broken(words.format(size.item()), step, rate, norm), ask_peers=True
        )

    def look(self) -> StepMetrics:
        """The metrics of the last step, once the device has computed it. Raises TrainingError if a step went wrong."""
        self._checks.look()
        loss, norm, rate = self._last
        self.loss, found = loss.item(), norm.item()
        return StepMetrics(self.loss, found if isfinite(found) else None, rate)

    def _unsound_gradient(self, step: int, names: list[str]) -> TrainingError:
        known = self.look_every == 1  # otherwise these are the gradients of a later step
        broken = [
            name
            for name, weight in (self.model.named_parameters() if known else ())
            if weight.grad is not None and not bool(torch.isfinite(weight.grad).all())
        ]
        return unsound_gradient(step, broken, names)

    def _share_kept(self) -> float:
        """Share of the patches that this step sees, the same in every process."""
        least = self.recipe.data.least_keep
        chance = np.random.default_rng([self.recipe.seed, 5, self.step])
        return 1.0 if least == 1 else float(chance.uniform(least, 1))

    def refuse_broken(self, batch: Batch) -> float | None:
        """Before weights are validated, saved or reported: TrainingError if their vectors are NaN or infinite.

        Finite weights can be too large for that. Returns the mean cosine between vectors of some clips of the batch
        with and without their masks, None if no clip has a mask.
        """
        seen = look(self.model, batch, self.precision)
        sound = seen.sound
        if self.mean.decay:
            with self.mean.in_place(self.model):
                sound = sound and look(self.model, batch, self.precision).sound
        if self.peers.any(not sound, self.precision.device):
            raise self._broken_now("the vectors that they produce are NaN or infinite")
        return seen.mask_cosine

    def validate(self, workers: int) -> ValidationMetrics | None:
        """Metrics of the held-out clips, or None without any; the best weights so far are kept as a checkpoint."""
        if self.data.validation is None:
            return None
        source, rows = self.data.validation, self.start.rows
        with self.mean.in_place(self.model):
            try:
                figures = validate(
                    self.model, source, self.recipe, rows, self.side, self.precision, self.peers, workers
                )
            except FloatingPointError as error:
                raise self._broken_now(f"{error} are NaN or infinite") from error
            if self.best is None or figures["t2v"]["R1"] > self.best[1]["t2v"]["R1"]:
                self.best = self.step, figures
                if self.peers.leads:
                    self.save_weights(self.states.best_folder(self.step), figures)
        return figures

    def save(self) -> None:
        """Writes a state that the run can be resumed from."""
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
            "scaler": self.scaler.state_dict(),
            "gradient_cache": self.plan.cached,
        }
        self.states.save(SavedState(self.step, best_step), content)

    def save_weights(self, folder: Path, figures: ValidationMetrics | None) -> None:
        """Writes the model as a checkpoint folder. For the running mean, call it inside `mean.in_place`."""
        weights = plain_weights(self.model.state_dict())
        model = assemble(self.model.config, weights, f"the weights of step {self.step}")
        save_checkpoint(folder, model, self.start.tokenizer, self._record(figures))

    def _record(self, figures: ValidationMetrics | None) -> CheckpointRecord:
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
            "computing": self.plan.facts(),
            "torch": str(torch.__version__),
        }
        return replace(self.start.record, training=training)

    def _broken(self, found: str, step: int, rate: float, norm: torch.Tensor) -> TrainingError:
        return broken_update(step, found, self.recipe.optim.lr * rate, norm.item())

    def _broken_now(self, found: str) -> TrainingError:
        _, norm, rate = self._last
        return self._broken(found, self.step, rate, norm)

    def _load(self, saved: SavedState) -> None:
        content = self.states.load(saved, self.precision.device)
        self.model.load_state_dict(content["model"])
        self.optimiser.load_state_dict(content["optimiser"])
        self.mean.weights = content["mean"]
        self.scaler.load_state_dict(content.get("scaler", {}))
        self.plan = self.plan.resumed(content.get("gradient_cache", True))  # earlier versions always cached them
        self.step, self.loss, self._seconds = content["step"], content["loss"], content["seconds"]
        best = content["best"]
        self.best = None if best["figures"] is None else (best["step"], best["figures"])


def _commit() -> str:
    """The commit that runs, with a plus if files differ from it; the version outside a checkout."""
    checkout = running_checkout()
    return (
        f"version {deltaclip.__version__}" if checkout is None else checkout.commit + ("+" if checkout.changed else "")
    )
