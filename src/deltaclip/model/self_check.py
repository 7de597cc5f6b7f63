"""Whether a lower precision multiplies rightly on this machine, before anything is made with it.

A faulty kernel gives wrong numbers without an error, on one kind of processor, for some sizes of a matrix. So the model
itself is asked: its own weights up to the first layer of both encoders, all later ones having the same sizes, on the
device and in the precision that are to be used, against float32 on the same device.
"""

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional
from transformers import CLIPModel

from deltaclip.errors import PrecisionError
from deltaclip.model.clip import first_layers
from deltaclip.model.placement import Placement
from deltaclip.model.spec import model_spec

__all__ = ["LIMIT", "SelfCheck", "check_precision", "checked_placement"]

LIMIT = 0.1
"""Largest relative error that is let pass. bfloat16 has about 0.005 here, a faulty kernel 1 (docs/results.md)."""
ROWS = 2
"""Pictures and texts that are encoded."""
FIELDS = 7
"""Fields of one colour along a side of a picture: pictures differ as a whole, noise does not."""


@dataclass(frozen=True, slots=True)
class SelfCheck:
    """How far a lower precision is from float32, here.

    dtype: the precision. errors: part of the model -> norm of the difference, over the norm of what tells the exact
    results apart. milliseconds: how long it took.
    """

    dtype: torch.dtype
    errors: Mapping[str, float]
    milliseconds: float

    @property
    def passed(self) -> bool:
        """Whether every part is near enough. NaN is not."""
        return all(error <= LIMIT for error in self.errors.values())

    @property
    def precision(self) -> str:
        """The dtype's name, as users choose it."""
        return str(self.dtype).removeprefix("torch.")

    def __str__(self) -> str:
        parts = ", ".join(f"{part} {error:.4f}" for part, error in self.errors.items())
        return f"relative error of {self.precision} to float32: {parts}; allowed {LIMIT}"

    def to_json(self) -> dict[str, object]:
        """The same as a json object; an error that is no finite number is null there."""
        return {
            "precision": self.precision,
            "passed": self.passed,
            "relative_errors": {
                part: round(error, 6) if math.isfinite(error) else None for part, error in self.errors.items()
            },
            "limit": LIMIT,
            "milliseconds": round(self.milliseconds, 1),
        }


def checked_placement(placement: Placement, model: CLIPModel, *, as_asked: bool) -> Placement:
    """The placement if its precision is right here for this model, else the same in float32, with the reason.

    model: on the device already. as_asked: whether somebody chose the precision. Then PrecisionError tells them,
    since neither wrong vectors nor ones of a different precision are what they wanted.
    """
    if placement.dtype == torch.float32:
        return placement
    check = check_precision(model, placement.device, placement.dtype)
    if check.passed:
        return replace(placement, self_check=check)
    if as_asked:
        remedy = "Choose the precision float32, or auto, which takes what is right here."
        raise PrecisionError(
            f"{check.precision} on {placement.device}", f"gives wrong numbers on this machine ({check})", remedy
        )
    why = f"bf16 is not used: it gives wrong numbers on this machine ({check})"
    return replace(placement, dtype=torch.float32, precision_reason=why, self_check=check)


def check_precision(model: CLIPModel, device: torch.device, dtype: torch.dtype) -> SelfCheck:
    """Compares a precision with float32 on a device that holds the model already. The same numbers at every call."""
    begun = time.perf_counter()
    with torch.inference_mode():
        small = first_layers(model).to(device)  # type: ignore[arg-type]
        pictures, ids = (rows.to(device) for rows in _inputs(model))
        exact = _results(small, pictures, ids)
        with torch.autocast(device.type, dtype=dtype):
            rounded = _results(small, pictures, ids)
        errors = {part: _relative_error(rounded[part].float(), exact[part]) for part in exact}
    return SelfCheck(dtype, errors, 1000 * (time.perf_counter() - begun))


def _inputs(model: CLIPModel) -> tuple[Tensor, Tensor]:
    """Pictures with their masks (ROWS, C, S, S) and token rows (ROWS, L), drawn with a fixed seed."""
    spec = model_spec(model)
    generator = torch.Generator().manual_seed(0)
    channels = model.vision_model.embeddings.patch_embedding.weight.shape[1]
    coarse = torch.randn(ROWS, channels, FIELDS, FIELDS, generator=generator)
    fine = torch.randn(ROWS, channels, spec.image_size, spec.image_size, generator=generator)
    pictures = functional.interpolate(coarse, size=spec.image_size, mode="nearest") + 0.3 * fine
    ids = torch.randint(0, spec.vocab_size, (ROWS, spec.context_length), generator=generator)
    ids[:, 0], ids[:, -1] = spec.begin, spec.end
    return pictures, ids


def _results(model: CLIPModel, pictures: Tensor, ids: Tensor) -> dict[str, Tensor]:
    """What each part makes of the inputs: every token's, not only the one that becomes the vector."""
    vision, text = model.vision_model, model.text_model
    seen = vision.post_layernorm(vision(pixel_values=pictures).last_hidden_state)
    return {
        "patch embedding": vision.embeddings.patch_embedding(pictures),
        "image encoder": model.visual_projection(seen),
        "text encoder": model.text_projection(text(input_ids=ids).last_hidden_state),
    }


def _relative_error(found: Tensor, exact: Tensor) -> float:
    """Norm of the difference over that of the exact rows without their mean, which says nothing of any row."""
    return float((found - exact).norm() / (exact - exact.mean(dim=0)).norm())
