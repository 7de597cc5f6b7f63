"""Validation: T2V and V2T of held-out clips over all processes of a run, and a quick check of vectors and masks."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from deltaclip.channels import ALPHA, channels_of, extras_of, neutral_frames
from deltaclip.model import DualEncoder, family_of, model_spec
from deltaclip.ranking import compute_metrics, rank_blocks, similarity_blocks
from deltaclip.training.dataset import Batch, TokenRows, video_batches
from deltaclip.training.devices import MixedPrecision, Peers
from deltaclip.training.loss import text_vectors, video_vectors
from deltaclip.training.recipe import Recipe
from deltaclip.training.sampler import own_part
from deltaclip.training.source import ClipSource
from deltaclip.wording import listed

__all__ = ["Seen", "ValidationMetrics", "look", "validate"]


ValidationMetrics = dict[str, dict[str, float]]
"""{"t2v": {"R1", "R5", "R10", "MdR", "MnR", "queries"}, "v2t": ...}"""


@torch.no_grad()
def validate(
    model: DualEncoder,
    source: ClipSource,
    recipe: Recipe,
    rows: TokenRows,
    side: int,
    precision: MixedPrecision,
    peers: Peers,
    workers: int = 0,
) -> ValidationMetrics:
    """Metrics of all held-out captions and videos. Every process encodes its part, and all get the same metrics.

    Raises FloatingPointError in every process if vectors are not finite, naming them.
    """
    was_training = model.training
    model.train(False)
    size = recipe.optim.chunk
    none = torch.zeros(0, model_spec(model).projection_dim, device=precision.device)  # of a process without any
    videos = own_part(np.arange(len(source.video_ids)), peers.rank, peers.world)
    made = [
        video_vectors(model, frames.to(precision.device), precision)
        for frames in video_batches(source, recipe, side, videos.tolist(), size, workers, family_of(model).fit)
    ]
    texts = own_part(np.arange(len(source.owner)), peers.rank, peers.world)
    said = []
    for start in range(0, len(texts), size):
        ids = rows([source.caption(int(number), None) for number in texts[start : start + size]])
        said.append(text_vectors(model, ids.to(precision.device), precision))
    all_videos, all_texts = (peers.gather_rows(torch.cat([none, *parts])).cpu().numpy() for parts in (made, said))
    model.train(was_training)
    owner = np.asarray(source.owner)
    _refuse_broken("video vectors", all_videos, source.video_ids)
    _refuse_broken("text vectors of captions", all_texts, [source.video_ids[video] for video in owner])
    ranking = rank_blocks(similarity_blocks(all_texts, all_videos, owner), owner, len(all_videos))
    return {
        "t2v": asdict(compute_metrics(ranking.t2v.pessimistic)),
        "v2t": asdict(compute_metrics(ranking.v2t.pessimistic)),
    }


def _refuse_broken(what: str, rows: NDArray[np.float32], names: Sequence[str]) -> None:
    broken = list(dict.fromkeys(names[row] for row in np.flatnonzero(~np.isfinite(rows).all(axis=1)).tolist()))
    if broken:
        raise FloatingPointError(f"the {what} of {listed(broken)}")


COMPARED_CLIPS = 8
"""Pairs of a batch that `look` encodes."""


@dataclass(frozen=True, slots=True)
class Seen:
    """sound: whether all vectors are finite.

    mask_cosine: mean cosine between vectors of clips with their masks and with all ones; None if no clip has a mask.
    """

    sound: bool
    mask_cosine: float | None


@torch.no_grad()
def look(model: DualEncoder, batch: Batch, precision: MixedPrecision) -> Seen:
    """Encodes the first pairs of a batch as search would; an empty batch is sound."""
    frames, ids = (rows[:COMPARED_CLIPS].to(precision.device) for rows in (batch.frames, batch.ids))
    if not len(frames):
        return Seen(True, None)
    masked = (frames[:, :, ALPHA] < 255).flatten(1).any(1)
    whole = frames.clone()
    channels = channels_of(extras_of(frames.shape[2]))
    whole[:, :, ALPHA:] = torch.from_numpy(neutral_frames(channels)[ALPHA:]).to(whole.device)
    was_training = model.training
    model.train(False)
    with_masks, without = (video_vectors(model, each, precision) for each in (frames, whole))
    texts = text_vectors(model, ids, precision)
    model.train(was_training)
    sound = all(bool(torch.isfinite(vectors).all()) for vectors in (with_masks, without, texts))
    cosines = (with_masks * without).sum(1)[masked]
    return Seen(sound, cosines.mean().item() if len(cosines) else None)
