"""Where a model runs, and in which precision."""

from dataclasses import dataclass
from typing import Literal

import torch

__all__ = ["Placement", "Precision", "choose_placement"]

Precision = Literal["auto", "float32", "bfloat16"]
DEVICES = "auto, cpu, cuda, cuda:1, mps"


@dataclass(frozen=True, slots=True)
class Placement:
    """Where the model runs and why. device, dtype: as in torch. reason: said to the user, who must not guess."""

    device: torch.device
    dtype: torch.dtype
    reason: str

    def __str__(self) -> str:
        short = {torch.bfloat16: "bf16", torch.float32: "fp32"}[self.dtype]
        return f"{self.device} ({short}, {self.reason})"


def choose_placement(device: str = "auto", precision: Precision = "auto") -> Placement:
    """Where to run: CUDA in bf16, else Apple's MPS, else the CPU, in bf16 where it has such instructions.

    Raises ValueError for a device that does not exist, or not here.
    """
    if device != "auto":
        chosen, reason = _device_named(device), "as asked"
    elif torch.cuda.is_available():
        chosen, reason = torch.device("cuda"), "a CUDA GPU was found"
    elif torch.backends.mps.is_available():
        chosen, reason = torch.device("mps"), "an Apple GPU was found"
    else:
        chosen, reason = torch.device("cpu"), "no GPU was found"
    if precision != "auto":
        dtype = {"float32": torch.float32, "bfloat16": torch.bfloat16}[precision]
    else:
        native = {"cuda": torch.cuda.is_bf16_supported, "cpu": _cpu_has_bfloat16}.get(chosen.type, lambda: False)
        dtype = torch.bfloat16 if native() else torch.float32
    return Placement(chosen, dtype, reason)


def _device_named(name: str) -> torch.device:
    """The device of that name. Raises ValueError where torch knows none, or it is not in this machine."""
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ValueError(f"device {name!r} is none of {DEVICES}") from error
    if device.type == "cuda":
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if (device.index or 0) >= count:
            raise ValueError(f"device {name}: {count or 'no'} CUDA GPU{'s' if count > 1 else ''} found here")
    elif device.type == "mps":
        if not torch.backends.mps.is_available():
            raise ValueError(f"device {name}: no Apple GPU found here")
    elif device.type != "cpu":
        raise ValueError(f"device {name!r} is none of {DEVICES}")
    return device


def _cpu_has_bfloat16() -> bool:
    """Whether the processor multiplies bf16 natively; elsewhere bf16 is emulated and several times slower."""
    if not hasattr(torch.cpu, "get_capabilities"):  # torch before 2.11
        return False
    capabilities = torch.cpu.get_capabilities()
    return any(capabilities.get(name) for name in ("avx512_bf16", "amx_bf16", "bf16"))
