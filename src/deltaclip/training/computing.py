"""How a run computes: what follows from what its device can do, as pure functions, and looking at the device.

Nothing here changes what is learned beyond rounding: precision, fused updates, compiled layers, and whether the graph
of a whole batch is held or gradients are cached.
"""

import os
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import torch

from deltaclip.errors import PrecisionError, TrainingError
from deltaclip.model import DualEncoder
from deltaclip.training.recipe import TrainingPrecision

__all__ = ["Ability", "cached_gradients", "compile_layers", "fuses", "graph_bytes", "lacks_compiler"]
__all__ += ["local_device", "needed_bytes", "own_share", "precision_for", "reading_processes", "steps_between_looks"]

DTYPES = {
    "float32": torch.float32,
    "tf32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
}
AMPERE = (8, 0)
"""The first compute capability that multiplies bfloat16 and TF32. Below it torch emulates bfloat16, which is slow."""
VOLTA = (7, 0)
"""The first one that multiplies float16 faster than float32 everywhere."""


@dataclass(frozen=True, slots=True)
class Ability:
    """What a device can do, of what matters here.

    kind: cpu, cuda or mps. compute: the compute capability of a CUDA device, None of others.
    memory_bytes: all that it has, whoever else uses it, so that a run decides the same each time; None if unknown.
    processes: how many processes of this run share it.
    """

    kind: str
    compute: tuple[int, int] | None = None
    memory_bytes: int | None = None
    processes: int = 1

    @classmethod
    def of(cls, device: torch.device) -> "Ability":
        """What this machine says of a device."""
        here = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
        if device.type == "cuda":
            found = torch.cuda.get_device_properties(device)
            sharing = -(-here // torch.cuda.device_count())
            return cls("cuda", (found.major, found.minor), found.total_memory, sharing)
        return cls(device.type, None, _machine_bytes() if device.type == "cpu" else None, here)


def precision_for(wanted: TrainingPrecision, ability: Ability) -> torch.dtype:
    """The dtype of products. auto: bfloat16 on CUDA that multiplies it, float16 on V100 and T4, else float32.

    On CPUs a lower precision would speed up only large models, which are not trained there. Raises PrecisionError for
    TF32 on a device without it, ValueError for an unknown word.
    """
    compute = ability.compute or (0, 0)
    if wanted == "auto":
        if ability.kind != "cuda" or compute < VOLTA:
            return torch.float32
        return torch.bfloat16 if compute >= AMPERE else torch.float16
    if wanted not in DTYPES:
        raise ValueError(f"precision {wanted!r} is not one of auto, {', '.join(DTYPES)}")
    if wanted == "tf32" and compute < AMPERE:
        found = "it needs a CUDA GPU of compute capability 8.0 or higher"
        raise PrecisionError(f"tf32 on {ability.kind}", found, "Choose the precision auto or float32.")
    return DTYPES[wanted]


def local_device(asked: torch.device, local_rank: int, local_world: int) -> torch.device:
    """The device of one process: under torchrun its own GPU, whether cuda or cuda:0 was asked for.

    Raises ValueError for any other number there: all processes would share that GPU.
    """
    if asked.type != "cuda":
        return asked
    if local_world == 1 and asked.index is not None:
        return asked
    if asked.index:
        raise ValueError(f"device {asked}: under torchrun each process has a GPU of its own; give cuda")
    return torch.device("cuda", local_rank)


def fuses(ability: Ability) -> bool:
    """Whether torch has a fused AdamW for the device, which updates all weights in one pass over memory."""
    return ability.kind in ("cpu", "cuda")


def steps_between_looks(ability: Ability) -> int:
    """Steps after which the numbers of a run are looked at. Each look waits until a GPU has computed all of them."""
    return 5 if ability.kind == "cuda" else 1


def reading_processes(cores: int, local_world: int, in_memory: bool) -> int:
    """Processes that read clips for one process of a run: a core each, none for clips in memory.

    cores: of the machine. local_world: processes of the run on it.
    """
    return 0 if in_memory else max(cores // local_world, 1)


def own_share(number: int, world: int) -> list[int]:
    """How many of that number each process has, in order of rank, as `sampler.own_part` divides them."""
    least, longer = divmod(number, world)
    return [least + (rank < longer) for rank in range(world)]


USABLE_SHARE = {"cuda": 0.9, "cpu": 0.5}
"""Of all memory: a GPU keeps some for its own, and on a CPU other programs and the processes that read clips do."""
PASSING = 1.2
"""What a backward pass takes beside the graph that it uses up, as a factor of it."""


def cached_gradients(wanted: Literal["auto", "always", "never"], needed: int | None, ability: Ability) -> bool:
    """Whether gradients are cached, because the graph of this process's part of a batch does not fit in memory.

    needed: bytes of a step that holds the whole graph, None if nobody measured it.
    """
    if wanted != "auto":
        return wanted == "always"
    if needed is None or ability.memory_bytes is None:
        return True
    return needed > USABLE_SHARE.get(ability.kind, 0.0) * ability.memory_bytes / ability.processes


def needed_bytes(model: DualEncoder, of_one: int, of_two: int, pairs: int, *, averaged: bool) -> int:
    """Memory of a step that holds the graph of `pairs` pairs: weights, gradients, moments, and the graph.

    of_one, of_two: `graph_bytes` of one and of two pairs; what both share, such as weights in a lower precision, counts
    once. averaged: whether a running mean of the weights is kept.
    """
    weights = sum(weight.nbytes for weight in model.parameters())
    trained = sum(weight.nbytes for weight in model.parameters() if weight.requires_grad)
    graph = of_one + (pairs - 1) * (of_two - of_one)
    return int(weights + trained * (3 + averaged) + PASSING * graph)


def graph_bytes(model: DualEncoder, forward: Callable[[], object]) -> int:
    """Bytes that autograd keeps for the backward pass of a forward pass, without the weights themselves."""
    own = {weight.untyped_storage().data_ptr() for weight in (*model.parameters(), *model.buffers())}
    kept: dict[int, int] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.enable_grad(), torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        graph = forward()  # held until all is counted: a freed address would be given to another tensor
    del graph
    return sum(kept.values())


def lacks_compiler(kind: str, which: Callable[[str], str | None], has_triton: bool) -> str | None:
    """What `torch.compile` needs for a device and does not find, in words; None if nothing."""
    if kind == "cuda" and not has_triton:
        return "triton is not installed"
    names: Sequence[str] = (os.environ.get("CXX", "g++"), "g++", "clang++", "cl")
    return None if any(map(which, names)) else "no C++ compiler was found (g++ or clang++)"


def compile_layers(model: DualEncoder, kind: str) -> None:
    """Compiles the layers of both encoders, once for all layers of a kind. Raises TrainingError without a compiler.

    The weights keep their names. The first step of each shape takes longer.
    """
    lacking = lacks_compiler(kind, shutil.which, find_spec("triton") is not None)
    if lacking is not None:
        remedy = "Install it, or train without compile, which only takes longer."
        raise TrainingError("compile", f"torch.compile cannot be used: {lacking}", remedy)
    for tower in (model.vision_model, model.text_model):
        for layer in tower.encoder.layers:
            layer.compile()


def _machine_bytes() -> int | None:
    """Memory of this machine, or of the part of it that a container gives; None if the system does not say."""
    if not sys.platform.startswith("linux"):
        return None
    whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limit = Path("/sys/fs/cgroup/memory.max")
    text = limit.read_text().strip() if limit.is_file() else ""
    return min(whole, int(text)) if text.isdecimal() else whole
