"""The contrastive loss of a batch, and its exact gradient in chunks and over processes.

The loss needs the vectors of the whole batch at once, but the encoders process only a chunk at a time (GradCache: Gao
et al., "Scaling Deep Contrastive Learning Batch Size under Memory Limited Setup"): first the vectors of all chunks
without a graph, gathered from every process; then the loss and its gradient with respect to each vector; then each
chunk again with a graph, backpropagating that gradient. Every process computes the same loss and backpropagates its own
rows only, so the sum of the processes' gradients equals the gradient of one process with the whole batch.

Losses and gradients that are not finite, and a lack of memory, end the run with an error that says what to change.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch

from deltaclip.errors import TrainingError
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
from deltaclip.training.recipe import Recipe
from deltaclip.wording import listed

__all__ = [
    "BatchVectors",
    "accumulate",
    "broken_update",
    "memory_explained",
    "refuse_loss",
    "refuse_norm",
    "text_vectors",
    "video_vectors",
]


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
    check: Callable[[torch.Tensor, BatchVectors], None] = lambda loss, vectors: None,
) -> torch.Tensor:
    """Adds the gradient of the whole batch's loss to the model's parameters, summed over processes.

    batch: this process's pairs, on the model's device; may be empty if a different process has some.
    chunk: pairs that are held with a graph at once. check: sees loss and vectors before the backward pass; may raise.
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
    check(loss, BatchVectors(texts, videos, batch))
    for number, piece in enumerate(pieces):
        rows = slice(number * chunk, number * chunk + len(piece))
        if in_one:
            encoded = made[0]
        else:
            random.again(number)  # so that dropout drops the same
            encoded = _encode(model, piece, precision)
        torch.autograd.backward(encoded, (text_gradient[rows], video_gradient[rows]))
    peers.sum_gradients([parameter for parameter in model.parameters() if parameter.requires_grad])
    return loss


def _encode(model: DualEncoder, piece: Batch, precision: MixedPrecision) -> tuple[torch.Tensor, torch.Tensor]:
    return text_vectors(model, piece.ids, precision), video_vectors(model, piece.frames, precision, piece.keep)


def _loss(
    model: DualEncoder, texts: torch.Tensor, videos: torch.Tensor, batch: Batch, peers: Peers, masked: bool
) -> tuple[torch.Tensor, tuple[torch.Tensor, torch.Tensor]]:
    """The loss of the whole batch, and its gradient for this process's texts and videos. Sets `grad` of scale, bias."""
    start = sum(peers.counts(len(batch), texts.device)[: peers.rank])
    all_texts, all_videos = (peers.gather_rows(rows).requires_grad_() for rows in (texts, videos))
    numbers = peers.gather_rows(batch.alike) if masked else None
    weights = similarity_weights(model)
    loss = LOSSES[family_of(model).loss](all_texts, all_videos, *weights, same_video=numbers)
    trained = [weight for weight in weights if weight.requires_grad]
    of_texts, of_videos, *of_weights = torch.autograd.grad(loss, [all_texts, all_videos, *trained])
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


NEW_RUN = "a new run in a different folder: resume (--resume) keeps the settings and would fail here again."
"""Earlier states are kept, but settings cannot change when a run is resumed."""
REMEDY = f"Look at these clips; or lower optim.lr or set optim.precision=float32 in {NEW_RUN}"


def refuse_loss(step: int, loss: torch.Tensor, vectors: BatchVectors, logit_scale: torch.Tensor) -> None:
    """Raises TrainingError if the loss is not finite, naming the step, the part, and the videos it came from."""
    if bool(torch.isfinite(loss)):
        return
    parts = {"video vectors": vectors.videos, "text vectors": vectors.texts}
    for part, rows in parts.items():
        broken = (~torch.isfinite(rows).all(1)).nonzero().flatten().tolist()
        if broken:
            raise _refused(
                step, f"the {part} of {listed([vectors.batch.names[row] for row in broken])} are NaN or infinite"
            )
    if not bool(torch.isfinite(logit_scale)):
        raise _refused(step, f"the logit scale is {logit_scale.item()}")
    # Another process may hold the broken rows; it names them.
    raise _refused(step, f"the loss is {loss.item()}, with {listed(vectors.batch.names)} in this process")


def refuse_norm(step: int, norm: torch.Tensor, model: torch.nn.Module, names: list[str]) -> None:
    """Raises TrainingError if the gradient norm is not finite, naming the weights that it came from."""
    if bool(torch.isfinite(norm)):
        return
    broken = [
        name
        for name, weight in model.named_parameters()
        if weight.grad is not None and not bool(torch.isfinite(weight.grad).all())
    ]
    raise _refused(
        step, f"the gradient of {listed(broken) or 'all weights together'} is NaN or infinite, with {listed(names)}"
    )


def broken_update(step: int, found: str, rate: float, norm: float) -> TrainingError:
    """The error for weights that a step made unusable. norm: of the gradient, before clipping."""
    numbers = f"rate {rate:.3g}, gradient norm {norm:.3g} before it was clipped"
    remedy = f"Nothing of this step was saved. Lower optim.lr in {NEW_RUN}"
    return TrainingError(f"step {step}", f"the update itself broke the weights: {found} ({numbers})", remedy)


@contextmanager
def memory_explained(recipe: Recipe, frames: int) -> Iterator[None]:
    """Turns running out of memory into a TrainingError that says which setting to change. frames: of a clip."""
    try:
        yield
    except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
        if not isinstance(error, torch.OutOfMemoryError | MemoryError) and "allocate memory" not in str(error):
            raise
        optim = recipe.optim
        chunk = min(optim.chunk, optim.batch)
        found = f"no memory left for {chunk} clips of {frames} frames at once"
        ways = [f"lower optim.chunk (now {chunk}), which keeps the batch of {optim.batch} and its gradient"]
        if not optim.checkpointing:
            ways.append("set optim.checkpointing=true")
        ways.append(f"lower data.frames (now {frames})")
        raise TrainingError("memory", found, f"{'; or '.join(ways)}.".capitalize()) from error


def _refused(step: int, found: str) -> TrainingError:
    return TrainingError(f"step {step}", found, REMEDY)
