"""The processes of one run, and the few things they say to each other. One process alone says nothing.

Not DistributedDataParallel: it averages over processes what a contrastive loss needs summed, and it hooks into one
backward pass where gradient caching has several. Gradients are summed once a step, in a few large pieces.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.distributed as dist

__all__ = ["ALONE", "Peers", "join_peers"]

PIECE_ELEMENTS = 1 << 24
"""Numbers of one all-reduce: 64 MB, large enough for full speed, small enough to fit beside the gradients."""


@dataclass(frozen=True, slots=True)
class Peers:
    """rank: this process, from 0. world: how many there are."""

    rank: int = 0
    world: int = 1

    @property
    def leads(self) -> bool:
        """Whether this process writes files and speaks."""
        return self.rank == 0

    def counts(self, own: int, device: torch.device) -> list[int]:
        """The number that each process gives, in order of rank."""
        if self.world == 1:
            return [own]
        numbers = [torch.zeros(1, dtype=torch.int64, device=device) for _ in range(self.world)]
        dist.all_gather(numbers, torch.tensor([own], device=device))
        return [int(number) for number in numbers]

    def gather_rows(self, rows: torch.Tensor) -> torch.Tensor:
        """The rows of all processes, in order of rank: (n, ...) -> (sum of n, ...). n may differ, or be 0.

        No gradient goes through: `gradients.accumulate` hands each process the gradient of its own rows.
        """
        if self.world == 1:
            return rows
        counts = self.counts(len(rows), rows.device)
        padded = rows.new_zeros((max(counts), *rows.shape[1:]))
        padded[: len(rows)] = rows
        gathered = [torch.empty_like(padded) for _ in counts]
        dist.all_gather(gathered, padded)
        return torch.cat([part[:count] for part, count in zip(gathered, counts, strict=True)])

    def sum_gradients(self, parameters: Sequence[torch.nn.Parameter]) -> None:
        """Each parameter's gradient becomes the sum over all processes; one that had none counts as zero."""
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
        """Whether any process says so; all hear the same answer, and so none goes on alone."""
        return any(self.counts(int(flag), device))


ALONE = Peers()


@contextmanager
def join_peers(device: torch.device) -> Iterator[Peers]:
    """The processes that torchrun started, by its environment variables: NCCL on CUDA, gloo elsewhere."""
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
    """Gradients in order, in lists of about PIECE_ELEMENTS."""
    piece: list[torch.Tensor] = []
    for gradient in gradients:
        piece.append(gradient)
        if sum(each.numel() for each in piece) >= PIECE_ELEMENTS:
            yield piece
            piece = []
    if piece:
        yield piece
