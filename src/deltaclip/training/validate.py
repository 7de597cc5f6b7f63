"""Validation: T2V and V2T of held-out clips, shared over the processes of a run."""

from collections.abc import Sequence
from dataclasses import asdict

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import CLIPModel

from deltaclip.model import model_spec
from deltaclip.ranking import compute_metrics, rank_blocks, similarity_blocks
from deltaclip.training.dataset import TokenRows, video_batches
from deltaclip.training.forward import Precision, text_vectors, video_vectors
from deltaclip.training.peers import Peers
from deltaclip.training.recipe import Recipe
from deltaclip.training.sampler import own_part
from deltaclip.training.source import ClipSource
from deltaclip.wording import listed

__all__ = ["Figures", "validate"]

Figures = dict[str, dict[str, float]]
"""{"t2v": {"R1", "R5", "R10", "MdR", "MnR", "queries"}, "v2t": ...}"""


@torch.no_grad()
def validate(
    model: CLIPModel,
    source: ClipSource,
    recipe: Recipe,
    rows: TokenRows,
    side: int,
    precision: Precision,
    peers: Peers,
    workers: int = 0,
) -> Figures:
    """Ranks of all held-out captions and videos. Every process encodes its part, and all get the same figures.

    Raises FloatingPointError, in every process, where vectors are not finite; it names them.
    """
    was_training = model.training
    model.train(False)
    size = recipe.optim.chunk
    none = torch.zeros(0, model_spec(model).projection_dim, device=precision.device)  # of a process without any
    videos = own_part(np.arange(len(source.video_ids)), peers.rank, peers.world)
    made = [
        video_vectors(model, frames.to(precision.device), precision)
        for frames in video_batches(source, recipe, side, videos.tolist(), size, workers)
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
