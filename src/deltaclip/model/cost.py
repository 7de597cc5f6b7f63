"""What a model costs: its parameters, and the floating-point operations of a video, counted and not guessed."""

from dataclasses import dataclass

import torch
from torch.utils.flop_counter import FlopCounterMode

from deltaclip.model.clip import empty_like, image_features
from deltaclip.model.families.wiring import DualEncoder
from deltaclip.model.pruning import number_kept
from deltaclip.model.spec import vision_config
from deltaclip.model.temporal import temporal_head

__all__ = ["IMAGE_ENCODER", "ParameterCounts", "parameter_counts", "video_flops"]

IMAGE_ENCODER = ("vision_model.", "visual_projection.")
"""What the names of the image encoder's weights begin with, in any family."""


@dataclass(frozen=True, slots=True)
class ParameterCounts:
    """whole: of the model, its text encoder and its temporal head included. image: of the image encoder alone."""

    whole: int
    image: int


def parameter_counts(model: DualEncoder) -> ParameterCounts:
    """How many numbers a model has learnt, motion channels of zeros included."""
    sizes = {name: weight.numel() for name, weight in model.named_parameters()}
    image = sum(size for name, size in sizes.items() if name.startswith(IMAGE_ENCODER))
    return ParameterCounts(sum(sizes.values()), image)


def video_flops(model: DualEncoder, num_frames: int, keep: float = 1.0) -> int:
    """Floating-point operations of encoding one video: all frames through the image encoder, then the temporal head.

    A multiplication and an addition are two. Matrix products, convolutions and attention count, as PyTorch counts them;
    norms, activations and softmax do not. keep: share of the patches, as in `EncoderSpec`.
    It is counted on tensors without numbers, so that it takes a tenth of a second and no memory, whatever the size.
    """
    sizes, empty = vision_config(model.config), empty_like(model)
    side, patch = sizes.image_size, sizes.patch_size
    channels = empty.vision_model.embeddings.patch_embedding.weight.shape[1]
    kept = None
    if keep < 1:
        kept = torch.empty((num_frames, number_kept((side // patch) ** 2, keep)), dtype=torch.int64, device="meta")
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        pictures = torch.empty((num_frames, channels, side, side), device="meta")
        features = image_features(empty, pictures, kept)
        if (head := temporal_head(empty)) is not None:
            head.made_of(features[None])  # (T, D) -> (1, T, D)
    return int(counter.get_total_flops())
