"""How a video is to be read, and what comes of it."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deltaclip.motion import MotionSpec
from deltaclip.video import SAMPLINGS

__all__ = ["MOTION_SIDE", "Clip", "ReaderSpec"]

MOTION_SIDE = 224
"""Short side, in pixels, at which motion is measured for every model, so that thresholds and areas mean the same."""


@dataclass(frozen=True, slots=True)
class ReaderSpec:
    """How a video becomes clips.

    image_size: side S of the square that the image encoder takes, in pixels.
    num_frames: T, frames of a clip, at the middles of T equal spans (12 in the paper's tests, 6 in its training).
    motion: a mask in the word of `motion.MotionSpec`, or None where the alpha weights are zero and no mask can matter.
    sampling: a name in `video.SAMPLINGS`; by CLIP4Clip's rules a short clip has fewer frames than num_frames.
    """

    image_size: int
    num_frames: int = 12
    motion: str | None = "subject"
    sampling: str = "uniform"

    def __post_init__(self) -> None:
        if self.image_size < 1 or self.num_frames < 1:
            raise ValueError("image_size and num_frames start at 1")
        if self.sampling not in SAMPLINGS:
            raise ValueError(f"sampling {self.sampling!r}: choose one of {', '.join(SAMPLINGS)}")
        if self.motion is not None:
            # One word for one mask: the fingerprint of vectors is made of it.
            object.__setattr__(self, "motion", str(MotionSpec.parse(self.motion)))

    @property
    def decode_side(self) -> int:
        """Short side to decode at: what the encoder needs and what motion needs, the larger of both."""
        return max(self.image_size, MOTION_SIDE)


@dataclass(frozen=True, slots=True)
class Clip:
    """What an image encoder sees of one moment.

    pixels: (T, 3, S, S) float32, normalised as CLIP does. alpha: (T, 1, S, S) float32, normalised as Alpha-CLIP does.
    seconds: (T,) float64, from the file's first frame. path: the file. start, end: the moment, start <= second < end.
    coverage: (T,) float64, share of each frame that the mask holds. fallback: why a frame's alpha is all ones, or None.
    notes: sentences about the file that whoever uses its clips should know, such as that its time stamps are broken.
    """

    pixels: NDArray[np.float32] = field(repr=False)
    alpha: NDArray[np.float32] = field(repr=False)
    seconds: NDArray[np.float64] = field(repr=False)
    path: Path
    start: float
    end: float
    coverage: NDArray[np.float64] = field(repr=False)
    fallback: tuple[str | None, ...] = field(repr=False)
    notes: tuple[str, ...] = ()
