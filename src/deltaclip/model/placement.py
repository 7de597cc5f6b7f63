"""Where a model runs, and in which precision."""

import platform
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import torch

if TYPE_CHECKING:
    from deltaclip.model.self_check import SelfCheck

__all__ = ["Placement", "Precision", "Processor", "choose_placement", "device_facts", "this_processor"]

Precision = Literal["auto", "float32", "bfloat16"]
PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16}
DEVICES = "auto, cpu, cuda, cuda:1, mps"


@dataclass(frozen=True, slots=True)
class Placement:
    """Where the model runs and why.

    device, dtype: as in torch. reason, precision_reason: why this device and this precision, said to the user, who must
    not guess. self_check: of a precision below float32, on the model itself; None before it, and if none is needed.
    """

    device: torch.device
    dtype: torch.dtype
    reason: str
    precision_reason: str
    self_check: "SelfCheck | None" = None

    @property
    def refused(self) -> str | None:
        """Why the wanted precision is not used; None if it is."""
        return None if self.self_check is None or self.self_check.passed else self.precision_reason

    def __str__(self) -> str:
        short = {torch.bfloat16: "bf16", torch.float32: "fp32"}[self.dtype]
        return f"{self.device} ({', '.join(filter(None, (short, self.reason, self.refused)))})"


@dataclass(frozen=True, slots=True)
class Processor:
    """name: as torch has it. features: what it has, of those that matter to lower precisions."""

    name: str
    features: Mapping[str, bool]

    @property
    def multiplies_bfloat16(self) -> tuple[str, ...]:
        """Features that multiply bf16 natively; elsewhere bf16 is emulated and several times slower."""
        return tuple(name for name in BFLOAT16_FEATURES if self.features.get(name))

    def __str__(self) -> str:
        has = ", ".join(f"{name} {'yes' if there else 'no'}" for name, there in self.features.items())
        return f"{self.name} ({has or 'features not known'})"


BFLOAT16_FEATURES = ("avx512_bf16", "amx_bf16", "bf16")
FEATURES = ("avx2", "avx512_f", *BFLOAT16_FEATURES)


def this_processor() -> Processor:
    """The one that this program runs on; without features if torch cannot tell (before 2.11)."""
    capabilities = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    name = str(capabilities.get("cpu_name") or platform.processor() or platform.machine())
    return Processor(name, {feature: bool(capabilities[feature]) for feature in FEATURES if feature in capabilities})


def device_facts() -> dict[str, Any]:
    """What torch finds on this machine, as a JSON object: the processor with its features, and GPUs."""
    processor = this_processor()
    return {
        "processor": processor.name,
        "features": dict(processor.features),
        "torch": torch.__version__,
        "torch_cuda": torch.version.cuda,
        "cuda": [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())],
        "mps": torch.backends.mps.is_available(),
    }


def choose_placement(device: str = "auto", precision: Precision = "auto") -> Placement:
    """Where to run: CUDA in bf16, else Apple's MPS, else the CPU, in bf16 if it has instructions for it.

    Raises ValueError for a device that does not exist, or not here, and for an unknown precision. Whether bf16 is
    right there, nobody has asked yet: `self_check.checked_placement` does.
    """
    if precision not in ("auto", *PRECISIONS):
        raise ValueError(f"precision {precision!r} is not one of auto, {', '.join(PRECISIONS)}")
    if device != "auto":
        chosen, reason = _device_named(device), "as asked"
    elif torch.cuda.is_available():
        chosen, reason = torch.device("cuda"), "a CUDA GPU was found"
    elif torch.backends.mps.is_available():
        chosen, reason = torch.device("mps"), "an Apple GPU was found"
    else:
        chosen, reason = torch.device("cpu"), "no GPU was found"
    if precision != "auto":
        return Placement(chosen, PRECISIONS[precision], reason, "as asked")
    native, why = _native_bfloat16(chosen)
    return Placement(chosen, torch.bfloat16 if native else torch.float32, reason, why)


def _device_named(name: str) -> torch.device:
    """The device of that name. Raises ValueError if torch knows none, or if this machine does not have it."""
    try:
        device = torch.device(name)
    except (RuntimeError, TypeError) as error:
        raise ValueError(f"device {name!r} is not one of {DEVICES}") from error
    if device.type == "cuda":
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if (device.index or 0) >= count:
            raise ValueError(f"device {name}: {count or 'no'} CUDA GPU{'s' if count > 1 else ''} found here")
    elif device.type == "mps":
        if not torch.backends.mps.is_available():
            raise ValueError(f"device {name}: no Apple GPU found here")
    elif device.type != "cpu":
        raise ValueError(f"device {name!r} is not one of {DEVICES}")
    if device.type != "cuda" and device.index:  # torch takes any number, and there is one
        raise ValueError(f"device {name}: there is only one {device.type} here, number 0")
    return device


def _native_bfloat16(device: torch.device) -> tuple[bool, str]:
    """Whether a device multiplies bf16 natively, and how that is known."""
    if device.type == "cuda":
        native = torch.cuda.is_bf16_supported(including_emulation=False)
        return native, f"the GPU {'multiplies' if native else 'does not multiply'} bf16"
    if device.type != "cpu":
        return False, "bf16 is not used on Apple GPUs"
    processor = this_processor()
    if native := processor.multiplies_bfloat16:
        return True, f"the processor multiplies bf16 ({', '.join(native)})"
    return False, "the processor is not known to multiply bf16"
