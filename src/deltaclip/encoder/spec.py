"""What a user may choose about an encoder."""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal, TypedDict

__all__ = ["PRECISIONS", "ChoiceError", "EncoderOptions", "EncoderSpec", "EngineWord", "PrecisionWord"]
__all__ += ["ReadingOptions", "refuse_unknown_options"]

EngineWord = Literal["auto", "torch", "openvino"]
PrecisionWord = Literal["auto", "fp32", "bf16", "int8", "float32", "bfloat16"]
PRECISIONS = {
    "auto": "auto",
    "fp32": "float32",
    "bf16": "bfloat16",
    "int8": "int8",
    "float32": "float32",
    "bfloat16": "bfloat16",
}
"""What users call precisions -> the name of each in results; the last two are torch's own names."""


class ReadingOptions(TypedDict, total=False):
    """Those fields of `EncoderSpec` that do not concern the engine, by name."""

    motion: str | None
    num_frames: int | None
    sampling: str
    max_words: int | None
    keep: float | None


class EncoderOptions(ReadingOptions, total=False):
    """The fields of `EncoderSpec`, by name."""

    device: str
    precision: PrecisionWord
    engine: EngineWord


@dataclass(frozen=True, slots=True)
class EncoderSpec:
    """What the user may choose about an encoder; None takes what the checkpoint remembers.

    motion: a mask in the word of `motion.MotionSpec`. num_frames: frames of a clip. device: auto, cpu, cuda, cuda:1,
    mps.
    precision: of the matrix products; vectors are pooled and scored in float32 always. A lower one is compared with
    float32 on this machine: if it gives wrong results, auto takes float32 and says so, and bf16 is refused. int8 needs
    OpenVINO and a calibration (`encoder.calibrate`), and is never taken unless asked for.
    engine: what computes image vectors; auto is OpenVINO on a CPU if it is installed and right there, else torch.
    sampling: a name in `video.SAMPLINGS`: where a clip's frames are taken from.
    max_words: longest row of token ids, begin and end included; longer texts are cut. At most the model's context
    length.
    keep: share of the patches of each frame that enter the image encoder's layers, above 0 and at most 1: those with
    the most alpha and an even spread of the others (`model.pruning`). None takes all. Below 1 masks count even where
    alpha weights are zero. Raises TypeError if device, precision or engine is no text.
    """

    motion: str | None = None
    num_frames: int | None = None
    device: str = "auto"
    precision: PrecisionWord = "auto"
    sampling: str = "uniform"
    max_words: int | None = None
    engine: EngineWord = "auto"
    keep: float | None = None

    def __post_init__(self) -> None:
        for name in ("device", "precision", "engine"):
            if not isinstance(word := getattr(self, name), str):
                raise TypeError(f"{name} is {word!r}: give its name, such as 'auto'")


class ChoiceError(ValueError):
    """A choice in an EncoderSpec that does not exist, or not on this machine; the message begins with its name."""


def refuse_unknown_options(given: Iterable[str], function: str, known: Iterable[str]) -> None:
    """Raises TypeError for an option that is not known, with the nearest one that is."""
    options = tuple(known)
    for name in given:
        if name not in options:
            near = get_close_matches(name, options, 1)
            hint = f"did you mean {near[0]}?" if near else f"the options are {', '.join(options)}"
            raise TypeError(f"{function} has no option {name!r}: {hint}")
