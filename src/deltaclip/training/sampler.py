"""Which captions each step takes: a pure function of seed and step, so that a position in a run is its step number.

Also the check that a batch has negatives: without any, the loss is zero and nothing is learned.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from deltaclip.errors import TrainingError
from deltaclip.training.recipe import Recipe
from deltaclip.training.source import ClipSource

__all__ = ["Order", "no_negatives", "own_part", "refuse_without_negatives"]


@dataclass(frozen=True, slots=True)
class Order:
    """Every caption once an epoch, in units that stay together.

    Batch sizes of an epoch differ by one unit at most: the loss of a small last batch would have a different scale, and
    a single caption has no loss.

    captions: N. unit: captions that stay together. batch: the most captions of a step over all processes.
    """

    captions: int
    unit: int
    batch: int
    seed: int

    def __post_init__(self) -> None:
        if self.captions < 1 or self.captions % self.unit:
            raise ValueError(f"{self.captions} captions are not a whole number of units of {self.unit}")

    @property
    def units_a_batch(self) -> int:
        return max(self.batch // self.unit, 1)

    @property
    def steps_an_epoch(self) -> int:
        return -(-(self.captions // self.unit) // self.units_a_batch)

    def epoch_of(self, step: int) -> int:
        """The epoch of a step, both from 0."""
        return step // self.steps_an_epoch

    def batch_of(self, step: int) -> NDArray[np.int64]:
        """Numbers of the captions of a step (from 0), int64 (batch,) or fewer, over all processes."""
        epoch, place = divmod(step, self.steps_an_epoch)
        order = _shuffled(self.seed, epoch, self.captions // self.unit)
        least, longer = divmod(len(order), self.steps_an_epoch)  # the first batches are longer by one
        begin = place * least + min(place, longer)
        units = order[begin : begin + least + (place < longer)]
        # (U,) -> (U, M) -> (U * M,)
        numbers: NDArray[np.int64] = (units[:, None] * self.unit + np.arange(self.unit)).reshape(-1)
        return numbers


@lru_cache(maxsize=2)  # two epochs: clips are read ahead of the step that takes them
def _shuffled(seed: int, epoch: int, units: int) -> NDArray[np.int64]:
    """The numbers of all units in the order of an epoch; read-only, because it is shared."""
    order = np.random.default_rng([seed, 2, epoch]).permutation(units)
    order.flags.writeable = False
    return order


def own_part(numbers: NDArray[np.int64], rank: int, world: int) -> NDArray[np.int64]:
    """The part of one process: equal parts in order of rank; the first ones may be longer by one."""
    return np.array_split(numbers, world)[rank]


def refuse_without_negatives(source: ClipSource, order: Order) -> None:
    """Raises TrainingError if no batch of a run can have negatives."""
    what = "the clips to train on"
    remedy = "Give captions of at least two videos that say different things."
    if len(source.video_ids) == 1 or len(np.unique(source.alike)) == 1:
        one = source.video_ids[0] if len(source.video_ids) == 1 else "one class"
        raise TrainingError(what, f"all captions belong to {one}: no pair has a negative, and the loss is 0", remedy)
    texts = {source.caption(number, None) for number in range(len(source.owner))}
    if len(texts) == 1:
        raise TrainingError(what, f"all have the caption {texts.pop()!r}: nothing distinguishes them", remedy)
    if order.units_a_batch * order.unit == 1:
        found = "a batch of 1 pair has no negatives, and the loss is 0"
        raise TrainingError("optim.batch", found, "Set optim.batch to 2 or more; larger batches have more negatives.")


def no_negatives(source: ClipSource, numbers: NDArray[np.int64], recipe: Recipe) -> bool:
    """Whether no caption `numbers` (B,) of a batch has a negative, so that its loss is 0."""
    return recipe.optim.same_video == "mask" and len(np.unique(np.asarray(source.alike)[numbers])) == 1
