"""The engine on OpenVINO: the image encoder on a CPU in float32, bfloat16 or int8; texts are left to torch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from deltaclip.encoder.engine import EngineCosts, Inputs, SlowEngine
from deltaclip.encoder.int8 import (
    Calibration,
    calibration_places,
    checked,
    keep,
    kept_calibration,
    split_frames,
)
from deltaclip.encoder.openvino_graph import ImageGraph, graph_of, quantised, read_graph, versions, written
from deltaclip.encoder.pooling import check_lengths, clip_parts, clip_vectors
from deltaclip.encoder.torch_engine import TorchEngine
from deltaclip.errors import EngineError, PrecisionError
from deltaclip.model import ROW_LIMIT, DualEncoder, SelfCheck, choose_placement, image_check, kept_or_all, model_spec
from deltaclip.provenance import digest

__all__ = ["OpenVinoEngine"]

OpenVinoPrecision = Literal["auto", "float32", "bfloat16", "int8"]

SHORT = {"float32": "fp32", "bfloat16": "bf16", "int8": "int8"}
INT8_VERSION = 2
"""Of how int8 graphs are made; part of the digest."""


@dataclass(frozen=True, slots=True)
class Ready:
    """The image encoder, ready to run.

    graph: None if torch runs it, because OpenVINO could not. precision, reason: as in `Engine.facts`.
    check: of a float precision against torch. calibration, cosines: of int8; mean and least, measured here and now.
    """

    graph: ImageGraph | None
    precision: str
    reason: str
    check: SelfCheck | None = None
    calibration: Calibration | None = None
    cosines: tuple[float, float] | None = None


class OpenVinoEngine(SlowEngine):
    """An `Engine` whose image encoder runs in OpenVINO.

    The graph is made when the first frames come, or when somebody asks how they are encoded: a search by text needs
    none. Texts are encoded in torch, in bfloat16 or float32: they are few, and int8 would cost them most.
    """

    device = "cpu"

    def __init__(
        self,
        model: DualEncoder,
        precision: OpenVinoPrecision = "auto",
        digest: str | None = None,
        *,
        own_folder: Path | None = None,
        reason: str = "as asked",
        may_fall_back: bool = False,
    ) -> None:
        """precision: auto is bfloat16 if the processor multiplies it and it passes a check, else float32.

        digest: that of the model, if it is known already. own_folder: the checkpoint's, if files may be added to it.
        reason: why this engine. may_fall_back: whether torch takes over if OpenVINO cannot run the model here or
        gives wrong results, and `notes` says so; else that is an EngineError or a PrecisionError.
        """
        texts = "auto" if precision in ("auto", "int8") else precision
        self._torch = TorchEngine(model, "cpu", texts, digest)  # type: ignore[arg-type]  # int8 is taken out above
        self._model = model
        self._asked = precision
        self._own_folder = own_folder
        self._reason = reason
        self._may_fall_back = may_fall_back
        self._notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        ready = self._ready
        if ready.graph is None:
            return f"{self._torch}, {ready.reason}"
        return f"cpu ({SHORT[ready.precision]} in OpenVINO {ready.graph.version}: {self._reason})"

    @property
    def inputs(self) -> Inputs:
        """See `Engine`."""
        return self._torch.inputs

    @property
    def dimension(self) -> int:
        """See `Engine`."""
        return self._torch.dimension

    @cached_property
    def digest(self) -> str:
        """See `Engine`. All calibrations of a model share it: one made again is nearer to the first than to float32."""
        if self._asked != "int8":
            return self._torch.digest
        return digest({"model": self._torch.digest, "int8": INT8_VERSION}, sort_keys=True)

    @property
    def kept_precision(self) -> str | None:
        """See `Engine`."""
        return "int8" if self._asked == "int8" else None

    @property
    def precision(self) -> str:
        """See `Engine`."""
        return self._ready.precision

    @property
    def rounding(self) -> str:
        """See `Engine`: of int8 with digits that tell calibrations apart."""
        ready = self._ready
        if ready.graph is None:
            return self._torch.rounding
        made = ready.calibration
        which = "" if made is None else f"-{made.mark}"
        return f"openvino-{ready.precision}{which}"

    @property
    def facts(self) -> Mapping[str, Any]:
        """See `Engine`: as torch tells, with the engine that runs, why, and what int8 was calibrated on."""
        ready, texts = self._ready, self._torch.facts
        if ready.graph is None:
            return {**texts, "engine_reason": ready.reason}
        facts = {
            **texts,
            "engine": "openvino",
            "engine_reason": self._reason,
            "engine_version": ready.graph.version,
            "precision": ready.precision,
            "precision_reason": ready.reason,
            "self_check": None if ready.check is None else ready.check.to_json(),
            "text_precision": self._torch.precision,
        }
        if ready.calibration is not None and ready.cosines is not None:
            mean, lowest = ready.cosines
            facts["int8"] = {**ready.calibration.facts, "cosine_here": round(mean, 5), "lowest_here": round(lowest, 5)}
        return facts

    @property
    def notes(self) -> tuple[str, ...]:
        """See `Engine`. What is known so far: nothing is made ready to find out."""
        return (*self._torch.notes, *self._notes)

    def costs(self, num_frames: int, keep: float = 1.0) -> EngineCosts:
        """See `Engine`: of the model as torch computes it, since a graph is the same products in other forms."""
        return self._torch.costs(num_frames, keep)

    def video_vectors(
        self, frames: NDArray[np.uint8], lengths: Sequence[int], keep: float = 1.0
    ) -> NDArray[np.float32]:
        """See `Engine`."""
        return clip_vectors(self._model, self._kept_features(frames, lengths, keep), lengths)

    def frame_parts(self, frames: NDArray[np.uint8], lengths: Sequence[int], keep: float = 1.0) -> NDArray[np.float32]:
        """See `TokenEngine`."""
        return clip_parts(self._model, self._kept_features(frames, lengths, keep), lengths)

    def token_parts(self, ids: NDArray[np.int64]) -> NDArray[np.float32]:
        """See `TokenEngine`."""
        return self._torch.token_parts(ids)

    def _kept_features(self, frames: NDArray[np.uint8], lengths: Sequence[int], keep: float) -> torch.Tensor:
        check_lengths(frames, lengths)
        kept = kept_or_all(torch.from_numpy(frames), lengths, model_spec(self._model).patch_size, keep)
        return self.frame_features(frames, kept)

    def frame_features(self, frames: NDArray[np.uint8], kept: torch.Tensor | None = None) -> torch.Tensor:
        """Features of frames as `video_vectors` takes them, one row each: (N, D) float32, of no particular length.

        kept: (N, K) int64, the patches that enter the layers; None for all of them.
        """
        graph = self._ready.graph
        return self._torch.frame_features(frames, kept) if graph is None else graph.features(frames, kept)

    def text_vectors(self, ids: NDArray[np.int64]) -> NDArray[np.float32]:
        """See `Engine`."""
        return self._torch.text_vectors(ids)

    def calibrate(self, clips: Sequence[NDArray[np.uint8]]) -> tuple[Calibration, Path]:
        """Makes int8 of the model on half of these frames, checks it on the others and keeps it where it is looked for.

        clips: (T, C, S, S) uint8 each, one of every video. Raises EngineError if there are too few frames, the result
        is too far from float32, or it cannot be written; then nothing is kept.
        """
        for_ranges, for_check = split_frames(clips)
        exact = _float32_features(self._model, for_check)
        graph = quantised(graph_of(self._model), for_ranges)
        running = ImageGraph(graph, self._rest())
        mean, lowest = checked(running.features(for_check).numpy(), exact, "on frames that it was not calibrated on")
        made = Calibration(
            model_digest=self._torch.digest,
            num_frames=len(for_ranges) + len(for_check),
            num_videos=len(clips),
            cosine=round(mean, 5),
            lowest=round(lowest, 5),
            versions=versions(),
            graph=written(graph),
            frames=for_check,
            features=exact,
        )
        return made, keep(made, self._places)

    @property
    def needs_calibration(self) -> bool:
        """Whether int8 is asked for and no file of a calibration is there."""
        return self._asked == "int8" and not any(place.exists() for place in self._places)

    @property
    def _places(self) -> tuple[Path, ...]:
        return calibration_places(self._own_folder, self._torch.digest)

    @cached_property
    def _ready(self) -> Ready:
        if self._asked == "int8":
            return self._ready_in_int8()
        try:
            return self._ready_in_floats()
        except (EngineError, PrecisionError) as error:
            if not self._may_fall_back:
                raise
            why = f"OpenVINO is not used: {error.found}"
            self._notes = (why,)
            return Ready(None, self._torch.precision, why)

    def _ready_in_int8(self) -> Ready:
        made = kept_calibration(self._places, self._torch.digest)
        graph = ImageGraph(read_graph(*made.graph), self._rest())
        # Kernels differ from processor to processor, and so may what they make of one calibration.
        cosines = checked(graph.features(made.frames).numpy(), made.features, "on this machine")
        return Ready(graph, "int8", "as asked", calibration=made, cosines=cosines)

    def _ready_in_floats(self) -> Ready:
        placement = choose_placement("cpu", self._asked)  # type: ignore[arg-type]  # int8 has a way of its own
        converted = graph_of(self._model)
        ready = self._tried(converted, placement.dtype, placement.precision_reason)
        if ready.check is not None and ready.check.passed:
            return ready
        found = _verdict(ready)
        if self._asked == "auto" and placement.dtype != torch.float32:
            exact = self._tried(converted, torch.float32, f"bf16 is not used: it {found}")
            if exact.check is not None and exact.check.passed:
                self._notes = (exact.reason,)
                return exact
            found = _verdict(exact)
        raise PrecisionError(f"{ready.precision} in OpenVINO", found, "Choose the engine torch.")

    def _tried(self, converted: Any, dtype: torch.dtype, reason: str) -> Ready:  # Any: a graph
        graph = ImageGraph(converted, dtype)
        check = image_check(self._model, dtype, lambda frames: graph.features(frames.numpy()))
        return Ready(graph, str(dtype).removeprefix("torch."), reason, check)

    def _rest(self) -> torch.dtype:
        """The precision of what is not int8: attention's products and all that is no product."""
        return choose_placement("cpu", "auto").dtype


def _float32_features(model: DualEncoder, frames: NDArray[np.uint8]) -> NDArray[np.float32]:
    exact = TorchEngine(model, "cpu", "float32")
    return exact.frame_features(frames).numpy()


def _verdict(ready: Ready) -> str:
    assert ready.check is not None, "floats are checked"
    error = ready.check.errors["image vectors"]
    return f"gives image vectors that are not those of torch (relative error {error:.4f}, allowed {ROW_LIMIT})"
