"""What a run is trained on: numbered clips with their captions, wherever they come from.

A source takes all randomness from the generator that it is given, so that the clips of a step follow from seed and step
alone: a resumed run, or one with a different number of processes, gets the same clips.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from deltaclip.channels import velocity_of_bytes
from deltaclip.frame_cache import random_places, uniform_places

__all__ = ["ClipSource", "MemoryClips", "Pictures", "TrainingData"]


@dataclass(frozen=True, slots=True, eq=False)
class Pictures:
    """Frames of one clip with their masks, uncropped.

    rgb: uint8 (T, H, W, 3). alpha: float32 (T, H, W) in 0..1. velocity: float32 (T, H, W, 2) of
    `motion.masked_velocity`, None for masks without flow.
    directed: captions distinguish left from right or up from down, so the clip must be neither rotated nor flipped.
    """

    rgb: NDArray[np.uint8]
    alpha: NDArray[np.float32]
    directed: bool = False
    velocity: NDArray[np.float32] | None = None

    def __post_init__(self) -> None:
        if self.rgb.shape[:3] != self.alpha.shape:
            raise ValueError(f"frames {self.rgb.shape} and masks {self.alpha.shape} do not match")
        if self.velocity is not None and self.velocity.shape != (*self.alpha.shape, 2):
            raise ValueError(f"velocities {self.velocity.shape} and masks {self.alpha.shape} do not match")


@runtime_checkable
class ClipSource(Protocol):
    """Pairs of a caption and a video.

    owner: int64 (N,), the number of each caption's video. video_ids: names of the videos, by number.
    alike: int64 (N,), pairs with the same number are not negatives of each other: the owner, or the class of a clip
    whose caption names its class.
    unit: captions that stay together in a batch, such as those of twins; N is a multiple of it. in_memory: clips need
    no reading, so no worker processes are started.
    """

    @property
    def owner(self) -> NDArray[np.int64]: ...
    @property
    def alike(self) -> NDArray[np.int64]: ...
    @property
    def video_ids(self) -> Sequence[str]: ...
    @property
    def unit(self) -> int: ...
    @property
    def in_memory(self) -> bool: ...

    def caption(self, number: int, rng: np.random.Generator | None, epoch: int = 0) -> str:
        """A wording of caption `number`, which may depend on the epoch; without a generator, the fixed one."""
        ...

    def pictures(self, video: int, num_frames: int, rng: np.random.Generator | None) -> Pictures:
        """Frames of a video, a random one in each of `num_frames` equal spans; without a generator, the middle ones."""
        ...


@dataclass(frozen=True, slots=True)
class TrainingData:
    """The clips of a run.

    train, validation: without validation, no R@1 is measured and the last weights are reported.
    words: all captions, for the vocabulary of a fresh model. facts: what the checkpoint records about the clips (data
    set, counts, what was left out); a run is resumed only with the same facts.
    side: short side of the pictures if it is limited; a model with larger input is refused.
    sources: video -> a description of the file that its pictures come from, or that it was left out; empty if there
    are no files. A run is resumed only with the same. notes: messages about the clips for people.
    """

    train: ClipSource
    validation: ClipSource | None = None
    words: Sequence[str] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)  # Any: a json document
    side: int | None = None
    sources: Mapping[str, str] = field(default_factory=dict)
    notes: Sequence[str] = ()


class MemoryClips:
    """Clips held in memory.

    rgb: uint8 (V, K, H, W, 3), K frames at equal spans of each. alpha: uint8 (V, K, H, W), 255 is one.
    velocity: uint8 (V, K, H, W, 2) of `channels.velocity_bytes`, None for masks without flow.
    captions: in the order of owner, one fixed text each; override `caption` for varied wordings.
    """

    in_memory = True

    def __init__(
        self,
        rgb: NDArray[np.uint8],
        alpha: NDArray[np.uint8],
        captions: Sequence[str],
        owner: NDArray[np.int64],
        video_ids: Sequence[str],
        unit: int = 1,
        velocity: NDArray[np.uint8] | None = None,
    ) -> None:
        if len(rgb) != len(video_ids) or rgb.shape[:4] != alpha.shape or len(captions) != len(owner):
            raise ValueError(f"{rgb.shape} frames, {alpha.shape} masks, {len(captions)} captions do not match")
        self.rgb, self.alpha, self.velocity = rgb, alpha, velocity
        self.captions, self.owner, self.video_ids, self.unit = captions, owner, video_ids, unit

    @property
    def alike(self) -> NDArray[np.int64]:
        """Captions of one video."""
        return self.owner

    def caption(self, number: int, rng: np.random.Generator | None, epoch: int = 0) -> str:
        """The text as given."""
        return self.captions[number]

    def pictures(self, video: int, num_frames: int, rng: np.random.Generator | None) -> Pictures:
        """Frames at random positions in equal spans, or at their middles."""
        kept = self.rgb.shape[1]
        places = uniform_places(kept, num_frames) if rng is None else random_places(kept, num_frames, rng)
        alpha = self.alpha[video, places].astype(np.float32) / np.float32(255)
        velocity = None if self.velocity is None else velocity_of_bytes(self.velocity[video, places])
        return Pictures(self.rgb[video, places], alpha, velocity=velocity)
