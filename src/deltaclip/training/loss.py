"""The contrastive loss of a batch, and its exact gradient in chunks and over processes.

The loss needs the vectors of the whole batch at once, but the encoders process only a chunk at a time. First come the
vectors of all chunks, gathered from every process; then the loss and its gradient with respect to each vector; then
each chunk backpropagates that gradient. If the graphs of all chunks do not fit in memory, the vectors are computed
without a graph and each chunk again with one (GradCache: Gao et al., "Scaling Deep Contrastive Learning Batch Size
under Memory Limited Setup"), for about a third more work. Every process computes the same loss and backpropagates its
own rows only, so the sum of the processes' gradients equals the gradient of one process with the whole batch.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from deltaclip.model import (
    DualEncoder,
    family_of,
    image_features,
    kept_or_all,
    model_spec,
    normalised,
    pool_frames,
    text_features,
)
from deltaclip.training.dataset import Batch
from deltaclip.training.devices import MixedPrecision, Peers
from deltaclip.training.losses import LOSSES, similarity_weights

__all__ = ["BatchVectors", "accumulate", "text_vectors", "video_vectors"]


def video_vectors(
    model: DualEncoder, frames: torch.Tensor, precision: MixedPrecision, keep: float = 1.0
) -> torch.Tensor:
    """uint8 (B, T, C, S, S) -> (B, D) float32 unit rows, frames pooled as the encoder does.

    keep: share of the patches of each frame that enter the layers.
    """
    # (B, T, C, S, S) -> (B * T, C, S, S)
    rows, lengths = frames.flatten(0, 1), [frames.shape[1]] * len(frames)
    kept = kept_or_all(rows, lengths, model_spec(model).patch_size, keep)
    with precision.autocast():
        features = image_features(model, normalised(rows), kept)
    # (B * T, D) -> (B, T, D) -> (B, D)
    return pool_frames(model, features.float().reshape(len(frames), -1, features.shape[-1]))


def text_vectors(model: DualEncoder, ids: torch.Tensor, precision: MixedPrecision) -> torch.Tensor:
    """int64 (B, L) -> (B, D) float32 unit rows."""
    with precision.autocast():
        features = text_features(model, ids)
    return torch.nn.functional.normalize(features.float(), dim=-1)


@dataclass(frozen=True, slots=True)
class BatchVectors:
    """Vectors of one process's part of a batch: texts and videos (B, D), unit rows, and the batch itself."""

    texts: torch.Tensor
    videos: torch.Tensor
    batch: Batch


def accumulate(
    model: DualEncoder,
    batch: Batch,
    chunk: int,
    precision: MixedPrecision,
    peers: Peers,
    *,
    same_video_masked: bool = True,
    cached: bool = True,
    counts: Sequence[int] | None = None,
    scaler: torch.amp.GradScaler | None = None,
    check: Callable[[torch.Tensor, BatchVectors], None] = lambda loss, vectors: None,
) -> torch.Tensor:
    """Adds the gradient of the whole batch's loss to the model's parameters, summed over processes.

    batch: this process's pairs, on the model's device; may be empty if a different process has some.
    chunk: pairs that go through the encoders at once. cached: whether only one chunk is held with a graph at once.
    counts: pairs of each process; None asks them. scaler: multiplies the gradients, whoever takes a step divides them.
    check: sees loss and vectors before the backward pass; may raise.
    Returns the loss of the whole batch, the same in every process.
    """
    pieces = list(batch.pieces(chunk))
    held = not cached or len(pieces) == 1
    random = _Random(precision.device)
    made = []
    with torch.set_grad_enabled(held), precision.products():
        for piece in pieces:
            if not held:
                random.note()
            made.append(_encode(model, piece, precision))
    empty = torch.zeros(0, model_spec(model).projection_dim, device=precision.device)
    texts, videos = (torch.cat([empty, *(each[side].detach() for each in made)]) for side in (0, 1))
    counts = peers.counts(len(batch), texts.device) if counts is None else counts
    loss, gradients = _loss(model, texts, videos, batch, peers, same_video_masked, counts, scaler)
    check(loss, BatchVectors(texts, videos, batch))
    with precision.products():
        for number, piece in enumerate(pieces):
            if held:
                encoded = made[number]
                made[number] = empty, empty  # its graph is freed on the way back
            else:
                random.again(number)  # so that dropout drops the same
                encoded = _encode(model, piece, precision)
            rows = slice(number * chunk, number * chunk + len(piece))
            # Without a graph are texts if only motion channels are trained.
            learnt = [side for side in (0, 1) if encoded[side].requires_grad]
            torch.autograd.backward([encoded[side] for side in learnt], [gradients[side][rows] for side in learnt])
    peers.sum_gradients([parameter for parameter in model.parameters() if parameter.requires_grad])
    return loss


def _encode(model: DualEncoder, piece: Batch, precision: MixedPrecision) -> tuple[torch.Tensor, torch.Tensor]:
    return text_vectors(model, piece.ids, precision), video_vectors(model, piece.frames, precision, piece.keep)


def _loss(
    model: DualEncoder,
    texts: torch.Tensor,
    videos: torch.Tensor,
    batch: Batch,
    peers: Peers,
    masked: bool,
    counts: Sequence[int],
    scaler: torch.amp.GradScaler | None,
) -> tuple[torch.Tensor, tuple[torch.Tensor, torch.Tensor]]:
    """The loss of the whole batch, and its gradient for this process's texts and videos. Sets `grad` of scale, bias."""
    start = sum(counts[: peers.rank])
    all_texts, all_videos = (peers.gather_rows(rows, counts).requires_grad_() for rows in (texts, videos))
    numbers = peers.gather_rows(batch.alike, counts) if masked else None
    weights = similarity_weights(model)
    loss = LOSSES[family_of(model).loss](all_texts, all_videos, *weights, same_video=numbers)
    trained = [weight for weight in weights if weight.requires_grad]
    scaled = loss if scaler is None else scaler.scale(loss)
    of_texts, of_videos, *of_weights = torch.autograd.grad(scaled, [all_texts, all_videos, *trained])
    if peers.leads:  # every process has all of it, and they are summed
        for weight, gradient in zip(trained, of_weights, strict=True):
            weight.grad = gradient if weight.grad is None else weight.grad + gradient
    own = slice(start, start + len(batch))
    return loss.detach(), (of_texts[own], of_videos[own])


class _Random:
    """Torch's random state before each piece, and after the last: the second pass draws the same."""

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
