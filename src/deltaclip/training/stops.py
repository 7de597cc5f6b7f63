"""Why a step ends a run: numbers that are not finite, and a lack of memory; each error says what to change.

A GPU is asked for its numbers once every few steps, because the answer comes only when it has computed all of them.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch

from deltaclip.errors import TrainingError
from deltaclip.training.devices import Peers
from deltaclip.training.loss import BatchVectors
from deltaclip.training.recipe import Recipe
from deltaclip.wording import listed

__all__ = ["Checks", "broken_update", "memory_explained", "unsound_gradient", "unsound_loss"]

NEW_RUN = "a new run in a different folder: resume (--resume) keeps the settings and would fail here again."
"""Earlier states are kept, but settings cannot change when a run is resumed."""
REMEDY = f"Look at these clips; or lower optim.lr or set optim.precision=float32 in {NEW_RUN}"

Refusal = Callable[[], TrainingError]


class Checks:
    """What has to hold in each step, as flags on the device.

    at_once: each flag is read when it comes; otherwise all of them by `look`.
    """

    def __init__(self, peers: Peers, device: torch.device, *, at_once: bool) -> None:
        self._peers, self._device, self._at_once = peers, device, at_once
        self._waiting: list[tuple[torch.Tensor, Refusal]] = []

    def add(self, sound: torch.Tensor, refusal: Refusal, *, ask_peers: bool = False) -> None:
        """Notes a flag, and the error to raise if it is false.

        ask_peers: whether it may be false in one process alone; all of them raise then.
        """
        if not self._at_once:
            self._waiting.append((sound, refusal))
            return
        broken = not bool(sound)
        if self._peers.any(broken, self._device) if ask_peers else broken:
            raise refusal()

    def look(self) -> None:
        """Raises the error of the first flag that is false, in every process if it is so in any."""
        waiting, self._waiting = self._waiting, []
        if not waiting:
            return
        flags = torch.stack([sound for sound, _ in waiting]).tolist()
        broken = [number for number, sound in enumerate(flags) if not sound]
        if self._peers.any(bool(broken), self._device):
            raise waiting[broken[0] if broken else -1][1]()


def unsound_loss(step: int, loss: torch.Tensor, vectors: BatchVectors, logit_scale: torch.Tensor) -> TrainingError:
    """The error for a loss that is not finite: the step, the part, and the videos it came from."""
    parts = {"video vectors": vectors.videos, "text vectors": vectors.texts}
    for part, rows in parts.items():
        broken = (~torch.isfinite(rows).all(1)).nonzero().flatten().tolist()
        if broken:
            return _refused(
                step, f"the {part} of {listed([vectors.batch.names[row] for row in broken])} are NaN or infinite"
            )
    if not bool(torch.isfinite(logit_scale)):
        return _refused(step, f"the logit scale is {logit_scale.item()}")
    # Another process may hold the broken rows; it names them.
    return _refused(step, f"the loss is {loss.item()}, with {listed(vectors.batch.names)} in this process")


def unsound_gradient(step: int, weights: list[str], names: list[str]) -> TrainingError:
    """The error for a gradient norm that is not finite. weights: those that it came from, if they are known."""
    return _refused(
        step, f"the gradient of {listed(weights) or 'all weights together'} is NaN or infinite, with {listed(names)}"
    )


def broken_update(step: int, found: str, rate: float, norm: float) -> TrainingError:
    """The error for weights that a step made unusable. norm: of the gradient, before clipping."""
    numbers = f"rate {rate:.3g}, gradient norm {norm:.3g} before it was clipped"
    remedy = f"Nothing of this step was saved. Lower optim.lr in {NEW_RUN}"
    return TrainingError(f"step {step}", f"the update itself broke the weights: {found} ({numbers})", remedy)


@contextmanager
def memory_explained(recipe: Recipe, frames: int, *, cached: bool = True) -> Iterator[None]:
    """Turns running out of memory into a TrainingError that says which setting to change.

    frames: of a clip. cached: whether gradients are cached.
    """
    try:
        yield
    except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
        if not isinstance(error, torch.OutOfMemoryError | MemoryError) and "allocate memory" not in str(error):
            raise
        optim = recipe.optim
        chunk = min(optim.chunk, optim.batch)
        held = chunk if cached else optim.batch
        found = f"no memory left for {held} clips of {frames} frames at once"
        ways = [f"lower optim.chunk (now {chunk}), which keeps the batch of {optim.batch} and its gradient"]
        if not cached:
            ways.insert(0, "set optim.gradient_cache=always")
        if not optim.checkpointing:
            ways.append("set optim.checkpointing=true")
        ways.append(f"lower data.frames (now {frames})")
        raise TrainingError("memory", found, f"{'; or '.join(ways)}.".capitalize()) from error


def _refused(step: int, found: str) -> TrainingError:
    return TrainingError(f"step {step}", found, REMEDY)
