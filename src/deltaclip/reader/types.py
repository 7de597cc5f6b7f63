"""How a video is to be read, and what comes of it."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deltaclip.channels import extras_of
from deltaclip.checks import check_choice
from deltaclip.motion import MotionSpec, Track, needs_neighbours
from deltaclip.video import SAMPLINGS

__all__ = ["FITS", "MOTION_SIDE", "SUBJECT", "Clip", "ReaderSpec"]

MOTION_SIDE = 224
"""Short side, in pixels, at which motion is measured for every model, so that thresholds and areas mean the same."""
FITS = ("crop", "squash")
"""How pictures become squares. crop: the short side is scaled and the centre taken. squash: all of a picture is scaled,
whatever its shape."""
SUBJECT = MotionSpec("subject")
"""The mask that is fed unless a different one is chosen, and the one that tracks are made of."""


@dataclass(frozen=True, slots=True)
class ReaderSpec:
    """How a video becomes clips.

    image_size: side S of the square that the image encoder takes, in pixels.
    num_frames: T, frames of a clip, at the middles of T equal spans (12 in the paper's tests, 6 in its training).
    motion: a mask, or None if the alpha weights are zero and no mask can matter.
    sampling: a name in `video.SAMPLINGS`; by CLIP4Clip's rules a short clip has fewer frames than num_frames, and by
    `keyframes` one that has fewer key frames; masks that need neighbours then look at the frame after each only.
    track: whether clips also carry what a motion encoder takes, which is made of `subject`, whatever mask is fed.
    fit: a name in `reader.FITS`: whether the image encoder takes the centre of a picture or all of it.
    """

    image_size: int
    num_frames: int = 12
    motion: MotionSpec | None = SUBJECT
    sampling: str = "uniform"
    track: bool = False
    fit: str = "crop"

    def __post_init__(self) -> None:
        if self.image_size < 1 or self.num_frames < 1:
            raise ValueError("image_size and num_frames start at 1")
        check_choice(self.sampling, "sampling", SAMPLINGS)
        check_choice(self.fit, "fit", FITS)
        if not isinstance(self.motion, MotionSpec | None):
            raise TypeError(f"motion is {self.motion!r}: give a MotionSpec, for example MotionSpec.parse('subject')")

    @property
    def motion_word(self) -> str | None:
        """The mask in the one word of `MotionSpec`, for people and records."""
        return None if self.motion is None else str(self.motion)

    @property
    def needs_neighbours(self) -> bool:
        """Whether the native frames beside each sampled one are read too."""
        return self.track or needs_neighbours(self.motion)

    @property
    def decode_side(self) -> int:
        """Short side to decode at: what the encoder needs and what motion needs, the larger of both."""
        return max(self.image_size, MOTION_SIDE)


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Clip:
    """What an image encoder sees of one moment.

    frames: (T, C, S, S) uint8, as decoded, channels in the order of `channels.channels_of` with
    the extras of the mask; 255 is all of alpha.
    seconds: (T,) float64, on a player's clock. path: the file. start, end: the moment, start <= second < end.
    coverage: (T,) float64, share of each frame that the mask holds. fallback: why a frame's alpha is all ones, or None.
    notes: sentences about the file that users of its clips should know, such as that its time stamps are broken.
    track: how it moves, for a motion encoder; None unless the ReaderSpec asks for it.
    """

    frames: NDArray[np.uint8]
    seconds: NDArray[np.float64]
    path: Path
    start: float
    end: float
    coverage: NDArray[np.float64]
    fallback: tuple[str | None, ...]
    notes: tuple[str, ...] = ()
    track: Track | None = None

    def __post_init__(self) -> None:
        if self.frames.ndim != 4 or self.frames.dtype != np.uint8:
            raise ValueError(f"frames must be (T, C, S, S) uint8, not {self.frames.shape} {self.frames.dtype}")
        try:
            extras_of(self.frames.shape[1])
        except ValueError as error:
            raise ValueError(f"frames must be (T, C, S, S) uint8, not {self.frames.shape}: {error}") from error

    def __repr__(self) -> str:
        whole = sum(reason is not None for reason in self.fallback)
        moment = f"{self.start:g}-{self.end:g} s"
        return f"Clip({self.path}, {moment}, frames={self.frames.shape}, fallback on {whole} of {len(self.fallback)})"
