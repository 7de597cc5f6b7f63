"""The exact gradient of a large contrastive batch, in pieces and over processes.

The loss sees all vectors of the batch at once, the encoders only a piece (GradCache: Gao et al., "Scaling Deep
Contrastive Learning Batch Size under Memory Limited Setup"): vectors of all pieces without a graph, gathered from
every process; the loss and its gradient for each vector; then each piece again with a graph, going back from that
gradient. Every process computes the same loss and goes back through its own rows only, so that the sum of the
processes' gradients is that of one process with the whole batch.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from transformers import CLIPModel

from deltaclip.model import model_spec
from deltaclip.training.forward import Batch, Precision, text_vectors, video_vectors
from deltaclip.training.loss import symmetric_cross_entropy
from deltaclip.training.peers import Peers

__all__ = ["Vectors", "accumulate"]


@dataclass(frozen=True, slots=True)
class Vectors:
    """Of one process's part of a batch: texts, videos (B, D) unit rows, and the batch they are of."""

    texts: torch.Tensor
    videos: torch.Tensor
    batch: Batch


def accumulate(
    model: CLIPModel,
    batch: Batch,
    chunk: int,
    precision: Precision,
    peers: Peers,
    *,
    same_video_masked: bool = True,
    check: Callable[[torch.Tensor, Vectors], None] = lambda loss, vectors: None,
) -> torch.Tensor:
    """Adds the gradient of the whole batch's loss to the model's parameters, summed over processes.

    batch: this process's pairs, on the model's device; may be empty where another process has some.
    chunk: pairs that are held with a graph at once. check: sees loss and vectors before the way back, and may raise.
    Returns the loss of the whole batch, the same in every process.
    """
    pieces = list(batch.pieces(chunk))
    in_one = len(pieces) == 1
    random = _Random(precision.device)
    with torch.set_grad_enabled(in_one):
        made = []
        for piece in pieces:
            random.note()
            made.append(_encode(model, piece, precision))
    empty = torch.zeros(0, model_spec(model).projection_dim, device=precision.device)
    texts, videos = (torch.cat([empty, *(each[side].detach() for each in made)]) for side in (0, 1))
    loss, (text_gradient, video_gradient) = _loss(model, texts, videos, batch, peers, same_video_masked)
    check(loss, Vectors(texts, videos, batch))
    for number, piece in enumerate(pieces):
        rows = slice(number * chunk, number * chunk + len(piece))
        if in_one:
            encoded = made[0]
        else:
            random.again(number)  # dropout drops the same
            encoded = _encode(model, piece, precision)
        torch.autograd.backward(encoded, (text_gradient[rows], video_gradient[rows]))
    peers.sum_gradients([parameter for parameter in model.parameters() if parameter.requires_grad])
    return loss


def _encode(model: CLIPModel, piece: Batch, precision: Precision) -> tuple[torch.Tensor, torch.Tensor]:
    return text_vectors(model, piece.ids, precision), video_vectors(model, piece.frames, precision)


def _loss(
    model: CLIPModel, texts: torch.Tensor, videos: torch.Tensor, batch: Batch, peers: Peers, masked: bool
) -> tuple[torch.Tensor, tuple[torch.Tensor, torch.Tensor]]:
    """The loss of the whole batch, and its gradient for this process's texts and videos. Scale's goes to its `grad`."""
    start = sum(peers.counts(len(batch), texts.device)[: peers.rank])
    all_texts, all_videos = (peers.gather_rows(rows).requires_grad_() for rows in (texts, videos))
    numbers = peers.gather_rows(batch.alike) if masked else None
    scale = model.logit_scale
    loss = symmetric_cross_entropy(all_texts, all_videos, scale, numbers)
    wanted = [all_texts, all_videos] + ([scale] if scale.requires_grad else [])
    of_texts, of_videos, *of_scale = torch.autograd.grad(loss, wanted)
    if of_scale and peers.leads:  # each process has the whole of it, and they are summed
        scale.grad = of_scale[0] if scale.grad is None else scale.grad + of_scale[0]
    own = slice(start, start + len(batch))
    return loss.detach(), (of_texts[own], of_videos[own])


class _Random:
    """Torch's random state before each piece, and after the last: the second pass draws what the first drew."""

    def __init__(self, device: torch.device) -> None:
        self._cuda = device if device.type == "cuda" else None
        self._states: list[tuple[torch.Tensor, torch.Tensor | None]] = []

    def note(self) -> None:
        self._states.append(
            (torch.get_rng_state(), None if self._cuda is None else torch.cuda.get_rng_state(self._cuda))
        )

    def again(self, number: int) -> None:
        on_cpu, on_cuda = self._states[number]
        torch.set_rng_state(on_cpu)
        if on_cuda is not None and self._cuda is not None:
            torch.cuda.set_rng_state(on_cuda, self._cuda)
