"""Where a run computes: its device, its precision, and the processes that share the work.

Not DistributedDataParallel: it averages over processes what a contrastive loss needs summed, and it hooks into a single
backward pass, whereas gradient caching has several. Gradients are summed once per step, in a few large pieces.
"""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import torch
import torch.distributed as dist

from deltaclip.encoder import Placement, choose_placement
from deltaclip.model import DualEncoder, checked_placement
from deltaclip.training.computing import Ability, local_device, precision_for
from deltaclip.training.recipe import TrainingPrecision

__all__ = ["ALONE", "MixedPrecision", "Peers", "join_peers", "peak_memory"]


@dataclass(frozen=True, slots=True)
class MixedPrecision:
    """The device, and the dtype that autocast computes products in; weights stay float32.

    as_asked: whether the recipe names the dtype. refused: why a lower dtype is not used; None if none was refused.
    tf32: whether float32 products of the encoders are rounded to TF32, on the way there and back.
    """

    device: torch.device
    dtype: torch.dtype = torch.float32
    as_asked: bool = False
    refused: str | None = None
    tf32: bool = False

    @classmethod
    def choose(cls, device: str, precision: TrainingPrecision) -> "MixedPrecision":
        """The device asked for, or under torchrun the one of this process, and the precision for it.

        Raises ValueError if there is no such device, PrecisionError if it does not have that precision.
        """
        asked = choose_placement(device, "float32").device
        here = int(os.environ.get("LOCAL_RANK", "0")), int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
        chosen = local_device(asked, *here)
        if chosen.type == "cuda":
            torch.cuda.set_device(chosen)
        dtype = precision_for(precision, Ability.of(chosen))
        return cls(chosen, dtype, as_asked=precision != "auto", tf32=precision == "tf32")

    def checked(self, model: DualEncoder) -> "MixedPrecision":
        """The same, or float32 if a lower dtype gives wrong results on this device, on which the model already is.

        Raises PrecisionError if the recipe names the dtype.
        """
        plan = Placement(self.device, self.dtype, "", "")
        found = checked_placement(plan, model, as_asked=self.as_asked)
        return replace(self, dtype=found.dtype, refused=found.refused)

    @property
    def machine(self) -> str:
        """Name of the hardware, for the record of a checkpoint."""
        on_gpu = self.device.type == "cuda"
        return torch.cuda.get_device_name(self.device) if on_gpu else f"{self.device}, {os.cpu_count()} cores"

    def autocast(self) -> torch.autocast:
        """The context for a forward pass."""
        lower = self.dtype != torch.float32
        return torch.autocast(self.device.type, dtype=self.dtype if lower else None, enabled=lower)

    @contextmanager
    def products(self) -> Iterator[None]:
        """The context for both passes through the encoders; the loss is outside, and always in full float32."""
        settings = torch.backends.cuda.matmul
        before = settings.fp32_precision
        if self.tf32:
            settings.fp32_precision = "tf32"
        try:
            yield
        finally:
            settings.fp32_precision = before

    def scaler(self) -> torch.amp.GradScaler:
        """Scales gradients of float16 products, which would be too small for it; off for all others."""
        return torch.amp.GradScaler(self.device.type, enabled=self.dtype == torch.float16)


PIECE_ELEMENTS = 1 << 24
"""Elements of one all-reduce: 64 MB, large enough for full speed, small enough to fit beside the gradients."""


@dataclass(frozen=True, slots=True)
class Peers:
    """The processes of a run. rank: this process, from 0. world: how many there are."""

    rank: int = 0
    world: int = 1

    @property
    def leads(self) -> bool:
        """Whether this process writes files and messages."""
        return self.rank == 0

    def counts(self, own: int, device: torch.device) -> list[int]:
        """The number that each process passes, in order of rank."""
        if self.world == 1:
            return [own]
        numbers = [torch.zeros(1, dtype=torch.int64, device=device) for _ in range(self.world)]
        dist.all_gather(numbers, torch.tensor([own], device=device))
        return [int(number) for number in numbers]

    def gather_rows(self, rows: torch.Tensor, counts: Sequence[int] | None = None) -> torch.Tensor:
        """The rows of all processes, in order of rank: (n, ...) -> (sum of n, ...). n may differ, or be 0.

        counts: n of each process; None asks them, which waits for all.
        It is not differentiable: `loss.accumulate` gives each process the gradient of its own rows.
        """
        if self.world == 1:
            return rows
        counts = self.counts(len(rows), rows.device) if counts is None else counts
        padded = rows.new_zeros((max(counts), *rows.shape[1:]))
        padded[: len(rows)] = rows
        gathered = [torch.empty_like(padded) for _ in counts]
        dist.all_gather(gathered, padded)
        return torch.cat([part[:count] for part, count in zip(gathered, counts, strict=True)])

    def sum_gradients(self, parameters: Sequence[torch.nn.Parameter]) -> None:
        """Sums each parameter's gradient over all processes; a process without one counts as zero."""
        if self.world == 1:
            return
        for parameter in parameters:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
        for piece in _pieces([parameter.grad for parameter in parameters if parameter.grad is not None]):
            flat = torch.cat([gradient.flatten() for gradient in piece])
            dist.all_reduce(flat)
            for gradient, part in zip(piece, torch.split(flat, [gradient.numel() for gradient in piece]), strict=True):
                gradient.copy_(part.view_as(gradient))

    def any(self, flag: bool, device: torch.device) -> bool:
        """Whether the flag is set in any process; all get the same answer, so that none continues alone."""
        return any(self.counts(int(flag), device))


ALONE = Peers()


@contextmanager
def join_peers(device: torch.device) -> Iterator[Peers]:
    """Joins the processes that torchrun started, by its environment variables: NCCL on CUDA, else gloo."""
    world = int(os.environ.get("WORLD_SIZE", "1"))
    if dist.is_initialized():
        yield Peers(dist.get_rank(), dist.get_world_size())
    elif world == 1:
        yield ALONE
    else:
        dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
        try:
            yield Peers(dist.get_rank(), world)
        finally:
            dist.destroy_process_group()


def _pieces(gradients: Sequence[torch.Tensor]) -> Iterator[list[torch.Tensor]]:
    """Gradients in order, in lists of about PIECE_ELEMENTS elements."""
    piece: list[torch.Tensor] = []
    for gradient in gradients:
        piece.append(gradient)
        if sum(each.numel() for each in piece) >= PIECE_ELEMENTS:
            yield piece
            piece = []
    if piece:
        yield piece


def peak_memory(device: torch.device) -> int:
    """Peak memory in bytes: of the GPU, or of this process if it runs on the CPU."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    import resource  # Unix only

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
