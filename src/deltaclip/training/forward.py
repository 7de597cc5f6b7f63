"""From a batch to unit vectors of its videos and texts."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

import torch
from transformers import CLIPModel

from deltaclip.encoder import Placement, choose_placement
from deltaclip.model import image_features, mean_pool, normalised, text_features
from deltaclip.model.self_check import checked_placement

__all__ = ["Batch", "Precision", "text_vectors", "video_vectors"]


@dataclass(frozen=True, slots=True)
class Batch:
    """Pairs of a step, of one process.

    frames: uint8 (B, T, C, S, S), channels as in a `reader.Clip`. ids: int64 (B, L), token rows.
    alike: int64 (B,), pairs with the same number are no negatives of each other: `ClipSource.alike`.
    names: B video ids, for errors. captions: B texts.
    """

    frames: torch.Tensor
    ids: torch.Tensor
    alike: torch.Tensor
    names: list[str]
    captions: list[str]

    def __len__(self) -> int:
        return len(self.names)

    def to(self, device: torch.device) -> "Batch":
        """The same with its tensors on a device."""
        frames, ids, alike = (each.to(device, non_blocking=True) for each in (self.frames, self.ids, self.alike))
        return Batch(frames, ids, alike, self.names, self.captions)

    def pieces(self, size: int) -> Iterator["Batch"]:
        """The pairs in order, `size` at a time."""
        for start in range(0, len(self), size):
            part = slice(start, start + size)
            yield Batch(self.frames[part], self.ids[part], self.alike[part], self.names[part], self.captions[part])


@dataclass(frozen=True, slots=True)
class Precision:
    """Where products are computed and how: weights stay float32, `dtype` is autocast's.

    as_asked: whether the recipe names the dtype. refused: why a lower one is not used; None where nothing was refused.
    """

    device: torch.device
    dtype: torch.dtype = torch.float32
    as_asked: bool = False
    refused: str | None = None

    @classmethod
    def choose(cls, device: str, precision: Literal["auto", "float32", "bfloat16"]) -> "Precision":
        """The device as asked for, under torchrun the one of this process; auto takes bfloat16 on CUDA alone.

        A CPU that multiplies bfloat16 would gain with large models only, and those are not trained there.
        Raises ValueError where there is no such device.
        """
        placement = choose_placement(device, precision)
        chosen = placement.device
        if str(chosen) == "cuda":
            chosen = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
            torch.cuda.set_device(chosen)
        lower = placement.dtype if precision != "auto" or chosen.type == "cuda" else torch.float32
        return cls(chosen, lower, as_asked=precision != "auto")

    def checked(self, model: CLIPModel) -> "Precision":
        """The same, or float32 if a lower dtype gives wrong numbers here for this model, which is on the device.

        Raises PrecisionError if the recipe names the dtype.
        """
        plan = Placement(self.device, self.dtype, "", "")
        found = checked_placement(plan, model, as_asked=self.as_asked)
        return replace(self, dtype=found.dtype, refused=found.refused)

    @property
    def machine(self) -> str:
        """What it runs on, for the record of a checkpoint."""
        on_gpu = self.device.type == "cuda"
        return torch.cuda.get_device_name(self.device) if on_gpu else f"{self.device}, {os.cpu_count()} cores"

    def autocast(self) -> torch.autocast:
        """The context for a forward pass."""
        lower = self.dtype != torch.float32
        return torch.autocast(self.device.type, dtype=self.dtype if lower else None, enabled=lower)


def video_vectors(model: CLIPModel, frames: torch.Tensor, precision: Precision) -> torch.Tensor:
    """uint8 (B, T, C, S, S) -> (B, D) float32 unit rows, frames pooled as the encoder does."""
    # (B, T, C, S, S) -> (B * T, C, S, S)
    pictures = normalised(frames.flatten(0, 1))
    with precision.autocast():
        features = image_features(model, pictures)
    # (B * T, D) -> (B, T, D) -> (B, D)
    return mean_pool(features.float().reshape(len(frames), -1, features.shape[-1]))


def text_vectors(model: CLIPModel, ids: torch.Tensor, precision: Precision) -> torch.Tensor:
    """int64 (B, L) -> (B, D) float32 unit rows."""
    with precision.autocast():
        features = text_features(model, ids)
    return torch.nn.functional.normalize(features.float(), dim=-1)
