"""The training loss: symmetric cross entropy over the pairs of a batch."""

import torch

__all__ = ["symmetric_cross_entropy"]


def symmetric_cross_entropy(
    texts: torch.Tensor, videos: torch.Tensor, logit_scale: torch.Tensor, same_video: torch.Tensor | None = None
) -> torch.Tensor:
    """Mean of the T2V and the V2T cross entropy (CLIP, figure 3; CLIP4Clip `CrossEn` on the matrix and its transpose).

    texts, videos: (B, D) unit rows, row i of both belong together. logit_scale: the log of the scale, as CLIP keeps it.
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
