"""Which engine runs a checkpoint: as the user chose, else what is fastest here and right."""

from deltaclip.encoder.openvino_engine import OpenVinoEngine
from deltaclip.encoder.openvino_graph import INSTALL, is_installed
from deltaclip.encoder.spec import PRECISIONS, ChoiceError, EncoderSpec
from deltaclip.encoder.torch_engine import TorchEngine
from deltaclip.model import Checkpoint, choose_placement, loaded_digest

__all__ = ["ENGINES", "chosen_engine"]

ENGINES = {"torch": TorchEngine, "openvino": OpenVinoEngine}
"""What users call engines -> the class of each."""
PRECISION_NAMES = "auto, fp32, bf16, int8"


def chosen_engine(checkpoint: Checkpoint, spec: EncoderSpec) -> TorchEngine | OpenVinoEngine:
    """An engine for a checkpoint. Raises ChoiceError for a device, precision or engine that does not exist here, or
    that do not go together, and PrecisionError for a precision that torch gives wrong results in.
    """
    name, reason = _named(spec)
    precision, known = PRECISIONS[spec.precision], loaded_digest(checkpoint)
    if name == "torch":
        return TorchEngine(checkpoint.model, spec.device, precision, known, reason=reason)  # type: ignore[arg-type]
    return OpenVinoEngine(
        checkpoint.model,
        precision,  # type: ignore[arg-type]  # one of four, as PRECISIONS has them
        known,
        own_folder=None if checkpoint.kept is None else checkpoint.kept.own_folder,
        reason=reason,
        may_fall_back=spec.engine == "auto" and precision != "int8",
    )


def _named(spec: EncoderSpec) -> tuple[str, str]:
    """The name of the engine, and why. Raises ChoiceError."""
    if spec.engine not in ("auto", *ENGINES):
        raise ChoiceError(f"engine {spec.engine!r} is not one of auto, {', '.join(ENGINES)}")
    if spec.precision not in PRECISIONS:
        raise ChoiceError(f"precision {spec.precision!r} is not one of {PRECISION_NAMES}")
    is_int8 = spec.precision == "int8"
    if spec.engine == "torch":
        if is_int8:
            raise ChoiceError("precision int8: it runs in the engine openvino only")
        return "torch", "as asked"
    try:
        device = choose_placement(spec.device).device.type
    except ValueError as error:
        raise ChoiceError(str(error)) from error
    if spec.engine == "openvino" or is_int8:
        what = "engine openvino" if spec.engine == "openvino" else "precision int8"
        if device != "cpu" and spec.device != "auto":
            raise ChoiceError(f"{what}: it runs on the CPU, not on {spec.device}")
        if spec.engine == "openvino" and not is_installed():
            raise ChoiceError(f"{what}: OpenVINO is not installed. {INSTALL.removesuffix('.')}")
        return "openvino", "as asked" if spec.engine == "openvino" else "int8 runs in OpenVINO only"
    if device != "cpu":
        return "torch", "OpenVINO is for CPUs"
    if not is_installed():
        return "torch", "OpenVINO is not installed"
    return "openvino", "OpenVINO is faster on CPUs"
