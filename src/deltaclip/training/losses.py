"""The losses of pairs of texts and videos, one for each way that families are trained in, and the scale within them."""

import math
from collections.abc import Callable, Mapping

import torch

from deltaclip.model import DualEncoder, family_of

__all__ = ["LOSSES", "limit_scale", "pairwise_sigmoid", "similarity_weights", "symmetric_cross_entropy"]


def symmetric_cross_entropy(
    texts: torch.Tensor, videos: torch.Tensor, logit_scale: torch.Tensor, same_video: torch.Tensor | None = None
) -> torch.Tensor:
    """Mean of the T2V and the V2T cross entropy (CLIP, figure 3; CLIP4Clip `CrossEn` on the matrix and its transpose).

    texts, videos: (B, D) unit rows; row i of both is a pair. logit_scale: the log of the scale, as CLIP stores it.
    same_video: (B,) int64, the video of each pair; two pairs of one video are then no negatives of each other. Without
    it they are, as in CLIP4Clip.
    """
    # (B, D) @ (D, B) -> (B, B): row = text, column = video
    logits = logit_scale.exp() * texts @ videos.T
    truth = torch.arange(len(logits), device=logits.device)
    if same_video is not None:
        other = same_video[:, None] == same_video[None, :]
        other.fill_diagonal_(False)
        logits = logits.masked_fill(other, float("-inf"))
    t2v = torch.nn.functional.cross_entropy(logits, truth)
    v2t = torch.nn.functional.cross_entropy(logits.T, truth)
    return (t2v + v2t) / 2


def pairwise_sigmoid(
    texts: torch.Tensor,
    videos: torch.Tensor,
    logit_scale: torch.Tensor,
    logit_bias: torch.Tensor,
    same_video: torch.Tensor | None = None,
) -> torch.Tensor:
    """Whether each text belongs to each video, as questions of their own: the sum over videos, the mean over texts.

    Zhai et al., "Sigmoid Loss for Language Image Pre-Training", 2023, algorithm 1. Arguments as in
    `symmetric_cross_entropy`; logit_bias: added to the scaled similarities. Two pairs of one video are not asked about.
    """
    logits = logit_scale.exp() * texts @ videos.T + logit_bias
    own = torch.eye(len(logits), device=logits.device, dtype=torch.bool)
    losses = -torch.nn.functional.logsigmoid(torch.where(own, logits, -logits))
    if same_video is not None:
        losses = losses.masked_fill((same_video[:, None] == same_video[None, :]) & ~own, 0)
    return losses.sum(1).mean()


LOSSES: Mapping[str, Callable[..., torch.Tensor]] = {"softmax": symmetric_cross_entropy, "sigmoid": pairwise_sigmoid}
"""`Family.loss` -> the loss: of texts, videos, the `similarity_weights` of a model, and the video of each pair."""


def similarity_weights(model: DualEncoder) -> list[torch.Tensor]:
    """What a model makes logits of similarities with: the log of their scale, and a bias if its family has one."""
    bias = getattr(model, "logit_bias", None)
    return [model.logit_scale] if bias is None else [model.logit_scale, bias]


@torch.no_grad()
def limit_scale(model: DualEncoder) -> None:
    """Brings the scale of similarities back into the limits of the model's family."""
    most = family_of(model).most_scale
    model.logit_scale.clamp_(0, None if most is None else math.log(most))
