"""The engine on PyTorch: a model with motion channels on a CPU or GPU, in float32 or bfloat16."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from deltaclip.channels import channels_of
from deltaclip.encoder.engine import EngineCosts, Inputs
from deltaclip.encoder.pooling import check_lengths, clip_parts, clip_vectors
from deltaclip.encoder.spec import ChoiceError
from deltaclip.model import (
    DualEncoder,
    Precision,
    architecture_of,
    channel_extras,
    checked_placement,
    choose_placement,
    family_of,
    head_facts,
    image_features,
    kept_or_all,
    model_digest,
    model_facts,
    model_spec,
    normalised,
    parameter_counts,
    text_features,
    this_processor,
    token_features,
    video_flops,
)

__all__ = ["TorchEngine"]


class TorchEngine:
    """An `Engine`: weights stay float32, matrix products are in the chosen precision, vectors are pooled in float32."""

    kept_precision = None

    def __init__(
        self,
        model: DualEncoder,
        device: str = "auto",
        precision: Precision = "auto",
        digest: str | None = None,
        *,
        reason: str = "as asked",
    ) -> None:
        """Takes the model and moves it to the device.

        digest: that of the model, if it is known already. reason: why this engine. Raises ChoiceError for a device or
        precision that does not exist here, PrecisionError for a precision that was asked for and gives wrong results
        here.
        """
        try:
            placement = choose_placement(device, precision)
        except ValueError as error:
            raise ChoiceError(str(error)) from error
        facts = model_facts(model)
        self._model = model
        self._known_digest = digest
        self._reason = reason
        self.dimension = facts.spec.projection_dim
        self.inputs = Inputs.of(facts)
        torch.nn.Module.to(model, placement.device)
        self.placement = checked_placement(placement, model, as_asked=precision != "auto")

    def __str__(self) -> str:
        return str(self.placement)

    @cached_property
    def digest(self) -> str:
        """See `Engine`."""
        return self._known_digest or model_digest(self._model)

    @property
    def device(self) -> str:
        """See `Engine`."""
        return str(self.placement.device)

    @property
    def precision(self) -> str:
        """See `Engine`."""
        return str(self.placement.dtype).removeprefix("torch.")

    @property
    def rounding(self) -> str:
        """See `Engine`."""
        return self.precision

    @property
    def facts(self) -> Mapping[str, Any]:
        """See `Engine`: family, engine, device, precision and why, self-check, processor, heads, activation."""
        placement, processor = self.placement, this_processor()
        return {
            "family": family_of(self._model).name,
            "engine": "torch",
            "engine_reason": self._reason,
            "device": self.device,
            "device_reason": placement.reason,
            "precision": self.precision,
            "precision_reason": placement.precision_reason,
            "self_check": None if placement.self_check is None else placement.self_check.to_json(),
            "processor": {"name": processor.name, "features": dict(processor.features)},
            "channels": [channel.name for channel in channels_of(channel_extras(self._model))],
            "temporal_head": head_facts(self._model),
            **architecture_of(self._model),
        }

    @property
    def notes(self) -> tuple[str, ...]:
        """See `Engine`."""
        return () if self.placement.refused is None else (self.placement.refused,)

    def costs(self, num_frames: int, keep: float = 1.0) -> EngineCosts:
        """See `Engine`."""
        numbers = parameter_counts(self._model)
        return EngineCosts(numbers.whole, numbers.image, video_flops(self._model, num_frames, keep), self.precision)

    def video_vectors(
        self, frames: NDArray[np.uint8], lengths: Sequence[int], keep: float = 1.0
    ) -> NDArray[np.float32]:
        """See `Engine`."""
        return clip_vectors(self._model, self._kept_features(frames, lengths, keep), lengths)

    def frame_parts(self, frames: NDArray[np.uint8], lengths: Sequence[int], keep: float = 1.0) -> NDArray[np.float32]:
        """See `TokenEngine`."""
        return clip_parts(self._model, self._kept_features(frames, lengths, keep), lengths)

    def frame_features(self, frames: NDArray[np.uint8], kept: torch.Tensor | None = None) -> torch.Tensor:
        """Features of frames as `video_vectors` takes them, one row each: (N, D) float32, of no particular length.

        kept: (N, K) int64, the patches that enter the layers; None for all of them.
        """
        return self._features(self._moved(frames), kept)

    def text_vectors(self, ids: NDArray[np.int64]) -> NDArray[np.float32]:
        """See `Engine`."""
        with torch.inference_mode(), self._autocast():
            features = text_features(self._model, self._moved(ids))
        return np.asarray(torch.nn.functional.normalize(features, dim=-1).cpu().numpy())

    def token_parts(self, ids: NDArray[np.int64]) -> NDArray[np.float32]:
        """See `TokenEngine`."""
        with torch.inference_mode(), self._autocast():
            features = token_features(self._model, self._moved(ids))
        return np.asarray(features.cpu().numpy())

    def _kept_features(self, frames: NDArray[np.uint8], lengths: Sequence[int], keep: float) -> torch.Tensor:
        check_lengths(frames, lengths)
        moved = self._moved(frames)
        return self._features(moved, kept_or_all(moved, lengths, model_spec(self._model).patch_size, keep))

    def _features(self, frames: torch.Tensor, kept: torch.Tensor | None) -> torch.Tensor:
        with torch.inference_mode(), self._autocast():
            return image_features(self._model, normalised(frames), kept)

    def _moved(self, array: NDArray[Any]) -> torch.Tensor:
        return torch.from_numpy(array).to(self.placement.device)

    def _autocast(self) -> torch.autocast:
        lower = self.placement.dtype != torch.float32
        return torch.autocast(self.placement.device.type, dtype=self.placement.dtype if lower else None, enabled=lower)
