"""Which captions each step takes: a pure function of seed and step, so that a place in a run is its step number."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Order", "own_part"]


@dataclass(frozen=True, slots=True)
class Order:
    """Every caption once an epoch, in units that stay together.

    Batches of an epoch differ by one unit at most: the loss of a small rest would be of another scale, and one caption
    alone has none.

    captions: N. unit: captions that stay together. batch: the most captions of a step over all processes.
    """

    captions: int
    unit: int
    batch: int
    seed: int

    def __post_init__(self) -> None:
        if self.captions < 1 or self.captions % self.unit:
            raise ValueError(f"{self.captions} captions are no whole number of units of {self.unit}")

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
        """Numbers of the captions of a step from 0, int64 (batch,) or fewer, over all processes."""
        epoch, place = divmod(step, self.steps_an_epoch)
        order = np.random.default_rng([self.seed, 2, epoch]).permutation(self.captions // self.unit)
        units = np.array_split(order, self.steps_an_epoch)[place]
        # (U,) -> (U, M) -> (U * M,)
        numbers: NDArray[np.int64] = (units[:, None] * self.unit + np.arange(self.unit)).reshape(-1)
        return numbers


def own_part(numbers: NDArray[np.int64], rank: int, world: int) -> NDArray[np.int64]:
    """The part of one process: equal runs in order of rank, the first ones longer by one where they do not divide."""
    return np.array_split(numbers, world)[rank]
