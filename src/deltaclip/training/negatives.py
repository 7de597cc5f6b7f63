"""Whether there is anything to tell a pair from: without negatives the loss is zero, and so is what is learnt."""

import numpy as np
from numpy.typing import NDArray

from deltaclip.errors import TrainingError
from deltaclip.training.recipe import Recipe
from deltaclip.training.sampler import Order
from deltaclip.training.source import ClipSource

__all__ = ["no_negatives", "refuse_without_negatives"]


def refuse_without_negatives(source: ClipSource, order: Order) -> None:
    """Raises TrainingError where no batch of a run can have negatives."""
    what = "the clips to train on"
    remedy = "Give captions of at least two videos that say different things."
    if len(source.video_ids) == 1 or len(np.unique(source.alike)) == 1:
        one = f"all captions are of {source.video_ids[0]}" if len(source.video_ids) == 1 else "all are of one class"
        raise TrainingError(what, f"{one}: no pair has another to be told from, and the loss is 0", remedy)
    texts = {source.caption(number, None) for number in range(len(source.owner))}
    if len(texts) == 1:
        raise TrainingError(what, f"all have the caption {texts.pop()!r}: nothing tells them apart", remedy)
    if order.units_a_batch * order.unit == 1:
        found = "a batch of 1 pair has no other to tell it from, and the loss is 0"
        raise TrainingError("optim.batch", found, "Set optim.batch to 2 or more; large batches learn more.")


def no_negatives(source: ClipSource, numbers: NDArray[np.int64], recipe: Recipe) -> bool:
    """Whether all captions `numbers` (B,) of a batch count as one, so that its loss is 0."""
    return recipe.optim.same_video == "mask" and len(np.unique(np.asarray(source.alike)[numbers])) == 1
