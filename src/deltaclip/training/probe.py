"""A look at what the weights make of a few clips: whether that is numbers at all, and whether masks act."""

from dataclasses import dataclass

import torch
from transformers import CLIPModel

from deltaclip.channels import ALPHA
from deltaclip.training.forward import Batch, Precision, text_vectors, video_vectors

__all__ = ["Seen", "look"]

COMPARED_CLIPS = 8
"""Pairs of a batch that are looked at."""


@dataclass(frozen=True, slots=True)
class Seen:
    """sound: whether all vectors are finite.

    mask_cosine: mean cosine between vectors of clips with their masks and with all ones; None where no clip has a mask.
    """

    sound: bool
    mask_cosine: float | None


@torch.no_grad()
def look(model: CLIPModel, batch: Batch, precision: Precision) -> Seen:
    """Encodes the first pairs of a batch as search would; a batch of no pairs is sound."""
    frames, ids = (rows[:COMPARED_CLIPS].to(precision.device) for rows in (batch.frames, batch.ids))
    if not len(frames):
        return Seen(True, None)
    masked = (frames[:, :, ALPHA] < 255).flatten(1).any(1)
    whole = frames.clone()
    whole[:, :, ALPHA] = 255
    was_training = model.training
    model.train(False)
    with_masks, without = (video_vectors(model, each, precision) for each in (frames, whole))
    texts = text_vectors(model, ids, precision)
    model.train(was_training)
    sound = all(bool(torch.isfinite(vectors).all()) for vectors in (with_masks, without, texts))
    cosines = (with_masks * without).sum(1)[masked]
    return Seen(sound, cosines.mean().item() if len(cosines) else None)
