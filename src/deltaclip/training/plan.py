"""How a run computes its steps on its device, decided before the first one and told in its journal and checkpoint."""

from dataclasses import dataclass, replace
from typing import Any

import torch

from deltaclip.training.computing import Ability, cached_gradients, fuses, graph_bytes, needed_bytes
from deltaclip.training.dataset import Batch
from deltaclip.training.devices import MixedPrecision
from deltaclip.training.loss import text_vectors, video_vectors
from deltaclip.training.recipe import Recipe
from deltaclip.training.start import Start
from deltaclip.training.stops import memory_explained

__all__ = ["StepPlan", "make_plan"]


@dataclass(frozen=True, slots=True)
class StepPlan:
    """What a run decides.

    ability: of its device. precision: of products. cached: whether gradients are cached, chunk by chunk, instead of the
    graphs of all chunks held. needed_bytes: of a step that holds them all; None if nothing depended on it.
    fused: whether AdamW updates all weights at once. compiled: whether the layers are.
    """

    ability: Ability
    precision: str
    cached: bool
    needed_bytes: int | None
    fused: bool
    compiled: bool

    def facts(self) -> dict[str, Any]:  # Any: a json document
        """For the journal and the checkpoint."""
        return {
            "device": self.ability.kind,
            "compute_capability": None if self.ability.compute is None else list(self.ability.compute),
            "memory_bytes": self.ability.memory_bytes,
            "precision": self.precision,
            "gradient_cache": self.cached,
            "bytes_without_gradient_cache": self.needed_bytes,
            "fused": self.fused,
            "compiled": self.compiled,
        }

    def resumed(self, cached: bool) -> "StepPlan":
        """The plan of a run whose saved steps cached gradients or not: as they did, if that fits in memory here."""
        return replace(self, cached=cached or self.cached)


def make_plan(start: Start, recipe: Recipe, precision: MixedPrecision, most_pairs: int) -> StepPlan:
    """Decides.

    start: its model on the device, ready to be trained but not compiled. most_pairs: of a step in one process.
    """
    ability, optim = Ability.of(precision.device), recipe.optim
    needed = None
    if optim.gradient_cache == "auto" and most_pairs > optim.chunk and not optim.checkpointing:
        with memory_explained(recipe, recipe.data.frames):
            one, two = (_graph_bytes(start, recipe, precision, size) for size in (1, 2))
        needed = needed_bytes(start.model, one, two, most_pairs, averaged=optim.ema > 0)
    return StepPlan(
        ability,
        "tf32" if precision.tf32 else str(precision.dtype).removeprefix("torch."),
        most_pairs > optim.chunk and cached_gradients(optim.gradient_cache, needed, ability),
        needed,
        fuses(ability),
        recipe.compile,
    )


def _graph_bytes(start: Start, recipe: Recipe, precision: MixedPrecision, pairs: int) -> int:
    """Bytes of the graph of that many pairs of black clips."""
    model, side = start.model, start.sizes.image_size
    channels = model.vision_model.embeddings.patch_embedding.weight.shape[1]
    frames = torch.zeros(pairs, recipe.data.frames, channels, side, side, dtype=torch.uint8)
    blank = Batch(frames, start.rows(["a"] * pairs), torch.arange(pairs), [""] * pairs, [""] * pairs)
    batch = blank.to(precision.device)
    return graph_bytes(
        model,
        lambda: (text_vectors(model, batch.ids, precision), video_vectors(model, batch.frames, precision)),
    )
