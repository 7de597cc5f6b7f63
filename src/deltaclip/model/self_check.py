"""Whether a lower precision multiplies rightly on this machine, before anything is made with it.

A faulty kernel gives wrong numbers without an error, on one kind of processor, for some sizes of a matrix. So the model
itself is asked, on the device and in the precision that are to be used, against float32 on the same device: every token
up to the first layer of both encoders, all later ones having the same sizes, and the vectors of the whole model.
Weights can be such that rounding alone, multiplied by layer after layer, turns vectors: the vectors show that, and
the worst token, for attention that is nearly all or nothing turns few of them and those wholly.
"""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional

from deltaclip.errors import PrecisionError
from deltaclip.model.clip import first_layers, image_features, normalised, pool_frames, text_features
from deltaclip.model.families.wiring import DualEncoder, family_of, wiring
from deltaclip.model.placement import Placement
from deltaclip.model.spec import model_spec
from deltaclip.model.temporal import temporal_head

__all__ = ["LIMIT", "ROW_LIMIT", "WORST", "SelfCheck", "check_precision", "checked_placement", "image_check"]

LIMIT = 0.1
"""Largest relative error of a part that is let pass. bfloat16 has about 0.005, a faulty kernel 1 (docs/results.md)."""
ROW_LIMIT = 0.25
"""The same of the worst token or vector, in which the rounding of all layers adds up: to 0.06 in B/32, B/16, L/14."""
WORST = ("worst image token", "worst text token", "image vectors", "text vectors", "video vectors")
ROWS = 2
"""Pictures and texts that are encoded."""
PATCH_ROWS = 8
"""Pictures that the patch embedding is tried with: some kernels serve only batches, and this part is cheap."""
LEAST_SPREAD = 1e-5
"""Exact results that differ by less, beside their size, are one result: float32 has about 7 digits."""
FIELDS = 7
"""Fields of one colour along a side of a picture: pictures differ as a whole, noise does not."""


@dataclass(frozen=True, slots=True)
class SelfCheck:
    """How far a lower precision is from float32, here.

    dtype: the precision. errors: part of the model -> norm of the difference, over the norm of what tells the exact
    results apart; of WORST that of the worst row, over the mean of all. milliseconds: how long it took.
    without_exact: parts for which float32 itself gives NaN, infinity or one result for all inputs with these
    weights, so that nothing can be compared.
    """

    dtype: torch.dtype
    errors: Mapping[str, float]
    milliseconds: float
    without_exact: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether every part is near enough. NaN is not."""
        return not self.failed

    @property
    def failed(self) -> tuple[str, ...]:
        """The parts that are not."""
        return tuple(part for part, error in self.errors.items() if not error <= _limit(part))

    @property
    def verdict(self) -> str:
        """What is wrong, and whether the machine or the weights are the reason."""
        if self.without_exact:
            parts = " and ".join(self.without_exact)
            found = f"NaN, infinite or constant results in {parts}"
            return f"cannot be compared: with these weights float32 itself gives {found} ({self})"
        if set(self.failed) <= set(WORST):  # a faulty kernel is wrong in all rows
            return f"is too coarse for these weights: rounding alone turns some of its rows ({self})"
        return f"gives wrong numbers on this machine ({self})"

    @property
    def precision(self) -> str:
        """The dtype's name, as users choose it."""
        return str(self.dtype).removeprefix("torch.")

    def __str__(self) -> str:
        parts = ", ".join(f"{part} {error:.4f}" for part, error in self.errors.items())
        allowed = f"allowed {LIMIT}, in the worst row {ROW_LIMIT}"
        return f"relative error of {self.precision} to float32: {parts}; {allowed}"

    def to_json(self) -> dict[str, object]:
        """The same as a json object; an error that is no finite number is null there."""
        return {
            "precision": self.precision,
            "passed": self.passed,
            "relative_errors": {
                part: round(error, 6) if math.isfinite(error) else None for part, error in self.errors.items()
            },
            "limit": LIMIT,
            "row_limit": ROW_LIMIT,
            "without_exact": list(self.without_exact),
            "milliseconds": round(self.milliseconds, 1),
        }


def checked_placement(placement: Placement, model: DualEncoder, *, as_asked: bool) -> Placement:
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
        raise PrecisionError(f"{check.precision} on {placement.device}", check.verdict, remedy)
    short = {torch.bfloat16: "bf16", torch.float16: "fp16"}[placement.dtype]
    why = f"{short} is not used: it {check.verdict}"
    return replace(placement, dtype=torch.float32, precision_reason=why, self_check=check)


def check_precision(model: DualEncoder, device: torch.device, dtype: torch.dtype) -> SelfCheck:
    """Compares a precision with float32 on a device that holds the model already. The same numbers at every call."""
    begun = time.perf_counter()
    with torch.inference_mode():
        small = first_layers(model).to(device)  # type: ignore[arg-type]
        pictures, ids = (rows.to(device) for rows in _inputs(model))
        exact = _results(model, small, pictures, ids)
        with torch.autocast(device.type, dtype=dtype):
            rounded = _results(model, small, pictures, ids)
        alike = bool((ids == ids[0]).all())  # texts of begin and end only: there is nothing to tell apart
        rows = {part: _row_errors(rounded[part], exact[part], alike and "text" in part) for part in exact}
    errors = {part: _reduced(part, each) for part, each in rows.items()}
    without_exact = tuple(part for part, each in rows.items() if not len(each))
    return SelfCheck(dtype, errors, 1000 * (time.perf_counter() - begun), without_exact)


def image_check(model: DualEncoder, dtype: torch.dtype, run: Callable[[Tensor], Tensor]) -> SelfCheck:
    """Compares image vectors that something else than torch computes with those of the model in float32, on the CPU.

    run: frames (N, C, S, S) uint8 to features (N, D). dtype: in which precision it does so.
    """
    begun = time.perf_counter()
    with torch.inference_mode():
        pictures = (_inputs(model)[0] * 48 + 128).clamp(0, 255).to(torch.uint8)
        exact = functional.normalize(image_features(model, normalised(pictures)), dim=-1)
        found = functional.normalize(run(pictures).float(), dim=-1)
        rows = _row_errors(found, exact, alike=False)
    part = "image vectors"
    without_exact = () if len(rows) else (part,)
    return SelfCheck(dtype, {part: _reduced(part, rows)}, 1000 * (time.perf_counter() - begun), without_exact)


def _reduced(part: str, rows: Tensor) -> float:
    """One error of those of all rows; NaN of none."""
    if not len(rows):
        return math.nan
    return float(rows.max() if part in WORST else rows.square().mean().sqrt())


def _limit(part: str) -> float:
    return ROW_LIMIT if part in WORST else LIMIT


def _inputs(model: DualEncoder) -> tuple[Tensor, Tensor]:
    """Pictures with their masks (PATCH_ROWS, C, S, S) and token rows (ROWS, L), drawn with a fixed seed."""
    spec = model_spec(model)
    generator = torch.Generator().manual_seed(0)
    channels = model.vision_model.embeddings.patch_embedding.weight.shape[1]
    coarse = torch.randn(PATCH_ROWS, channels, FIELDS, FIELDS, generator=generator)
    fine = torch.randn(PATCH_ROWS, channels, spec.image_size, spec.image_size, generator=generator)
    pictures = functional.interpolate(coarse, size=spec.image_size, mode="nearest") + 0.3 * fine
    ids = torch.randint(0, spec.vocab_size, (ROWS, spec.context_length), generator=generator)
    if spec.begin is not None:
        ids[ids == spec.end] = spec.begin  # in a small vocabulary it comes early, and texts of few tokens are alike
        ids[:, 0] = spec.begin
    ids[:, -1] = spec.end
    return pictures, ids


def _results(model: DualEncoder, small: DualEncoder, pictures: Tensor, ids: Tensor) -> dict[str, Tensor]:
    """What each part makes of the inputs: every token's up to the first layer, and the vectors, of unit length.

    small: the first layer of each encoder. Video vectors are a temporal head's, which may multiply the rounding of the
    frames that it is given; without one they are as image vectors are.
    """
    family, few = wiring(family_of(model)), pictures[:ROWS]
    seen, read = family.image_rows(small, few), family.text_rows(small, ids)
    features = image_features(model, few)
    videos = {}
    if (head := temporal_head(model)) is not None:
        # (N, D) -> (N, T, D): clips of the same picture again and again, so that they differ from each other.
        clips = features[:, None].expand(-1, min(2, head.sizes.positions), -1)
        videos = {"video vectors": pool_frames(model, clips)}
    return {
        # (N, W, h, w) -> (N, h, w, W)
        "patch embedding": small.vision_model.embeddings.patch_embedding(pictures).movedim(1, -1),
        "image encoder": seen,
        "text encoder": read,
        "worst image token": seen,
        "worst text token": read,
        "image vectors": functional.normalize(features, dim=-1),
        "text vectors": functional.normalize(text_features(model, ids), dim=-1),
        **videos,
    }


def _row_errors(found: Tensor, exact: Tensor, alike: bool) -> Tensor:
    """Norm of each row's difference over the mean norm of what tells the exact rows apart: (rows,), on the CPU.

    found, exact: (N, ..., D); a row is one of D numbers. That of all N inputs tells nothing of any and is taken off
    first; alike: the inputs are all the same, so that rows are taken whole. Empty if the exact rows tell nothing.
    """
    told = exact if alike else exact - exact.mean(dim=0)
    size, scale = (float(each.norm(dim=-1).square().mean().sqrt()) for each in (exact, told))
    if not math.isfinite(size) or scale <= LEAST_SPREAD * size:
        return torch.empty(0)
    errors: Tensor = (found.float() - exact).norm(dim=-1) / scale
    return errors.flatten().cpu()
