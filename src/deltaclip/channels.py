"""The channels of a clip: what each one is and how its bytes are normalised. Nothing else knows how many there are.

A clip holds bytes, and 255 is the whole of a channel. A model takes (byte / 255 - mean) / std, which its engine
computes on its own device. A model that was trained with a different mean or deviation is converted to these when it is
loaded (`model.preprocessing`), so that no caller can normalise by the wrong ones.
"""

from dataclasses import dataclass

__all__ = ["ALPHA", "CHANNELS", "COLOURS", "MOTION", "Channel"]


@dataclass(frozen=True, slots=True)
class Channel:
    """name: what it shows. mean, std: of its values in 0..1, as models are trained to take them."""

    name: str
    mean: float
    std: float


# openai/CLIP, clip.py, `_transform`.
COLOURS = (
    Channel("red", 0.48145466, 0.26862954),
    Channel("green", 0.4578275, 0.26130258),
    Channel("blue", 0.40821073, 0.27577711),
)
"""The picture."""
# SunzeY/AlphaCLIP README: mask_transform Normalize(0.5, 0.26). A full mask is 1.923, an empty one -1.923.
MOTION = (Channel("alpha", 0.5, 0.26),)
"""What moves in it; alpha is the mask."""
CHANNELS = (*COLOURS, *MOTION)
"""All of a clip's channels, in order."""
ALPHA = len(COLOURS)
"""Place of alpha among them."""
