"""Why a run stops by itself: numbers that are none, and memory that is not there. It says where and what to do."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from deltaclip.errors import TrainingError
from deltaclip.training.gradients import Vectors
from deltaclip.training.recipe import Recipe
from deltaclip.wording import listed

__all__ = ["broken_update", "memory_explained", "refuse_loss", "refuse_norm"]

ANEW = "a new run with a different --out: --resume keeps the settings and would fail here again."
"""States before it stay, but no setting may change with them."""
REMEDY = f"Look at these clips; or lower optim.lr or set optim.precision=float32 in {ANEW}"


def refuse_loss(step: int, loss: torch.Tensor, vectors: Vectors, logit_scale: torch.Tensor) -> None:
    """Raises TrainingError where the loss is not finite: the step, the part, and the videos it came from."""
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
        raise _refused(step, "the logit scale is no number")
    # Another process may hold the broken rows; it names them.
    raise _refused(step, f"the loss is {loss.item()}, with {listed(vectors.batch.names)} in this process")


def refuse_norm(step: int, norm: torch.Tensor, model: torch.nn.Module, names: list[str]) -> None:
    """Raises TrainingError where the gradient's norm is not finite, and names the weights it came from."""
    if bool(torch.isfinite(norm)):
        return
    broken = [
        name
        for name, weight in model.named_parameters()
        if weight.grad is not None and not bool(torch.isfinite(weight.grad).all())
    ]
    raise _refused(
        step, f"the gradient of {listed(broken) or 'all weights together'} is no number, with {listed(names)}"
    )


def broken_update(step: int, found: str, rate: float, norm: float) -> TrainingError:
    """For weights that were finite before a step and are of no use after it. norm: of the gradient, before clipping."""
    numbers = f"rate {rate:.3g}, gradient norm {norm:.3g} before it was clipped"
    remedy = f"Nothing of this step was saved. Lower optim.lr in {ANEW}"
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
