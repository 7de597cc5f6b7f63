"""The channels of a clip: what each one is and how its bytes are normalised. Nothing else knows how many there are.

A clip holds bytes: red, green, blue and alpha, and after them the extra channels that its mask is asked for, in the
order of EXTRAS. A model takes (byte / 255 - mean) / std, which its engine computes on its own device. A model that was
trained with a different mean or deviation is converted to these when it is loaded (`model.preprocessing`), so that no
caller can normalise by the wrong ones.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "ALPHA",
    "CHANNELS",
    "COLOURS",
    "EXTRAS",
    "MOTION",
    "Channel",
    "channels_of",
    "extras_of",
    "filled",
    "flow_places",
    "neutral_frames",
    "reversed_flow",
    "share_bytes",
    "turned",
    "velocity_bytes",
    "velocity_of_bytes",
]

ZERO = 128
"""The byte of a signed channel that stands for nothing; 1 is the most negative value, 255 the most positive."""


@dataclass(frozen=True, slots=True)
class Channel:
    """name: what it shows. mean, std: of its values in 0..1, as models are trained to take them.

    neutral: the byte that says nothing of motion.
    """

    name: str
    mean: float
    std: float
    neutral: int = 0

    @property
    def signed(self) -> bool:
        """Whether its bytes are velocities around ZERO, and not shares of 255."""
        return self.neutral == ZERO


# openai/CLIP, clip.py, `_transform`.
COLOURS = (
    Channel("red", 0.48145466, 0.26862954),
    Channel("green", 0.4578275, 0.26130258),
    Channel("blue", 0.40821073, 0.27577711),
)
"""The picture."""
# SunzeY/AlphaCLIP README: mask_transform Normalize(0.5, 0.26). A full mask is 1.923, an empty one -1.923.
MOTION = (Channel("alpha", 0.5, 0.26, neutral=255),)
"""What moves in it; alpha is the mask."""
CHANNELS = (*COLOURS, *MOTION)
"""Those that every clip has, in order."""
ALPHA = len(COLOURS)
"""Place of alpha among them."""
EXTRAS: dict[str, tuple[Channel, ...]] = {
    "flow": (Channel("right", ZERO / 255, 0.15, neutral=ZERO), Channel("down", ZERO / 255, 0.15, neutral=ZERO)),
    "time": (Channel("late", 0.0, 0.26),),
}
"""What a motion spec may add, in the order in which it follows. A neutral byte is normalised to exactly zero.

flow: velocity against the background times the mask, to the right and down, as `velocity_bytes`. time: the mask times
the share of the clip that has gone by. Both are neutral in a frame that falls back.
"""

SLOW, FASTEST = 0.05, 4.0
"""Picture heights a second: below SLOW bytes grow in proportion to velocity, above it with its
logarithm, up to FASTEST."""


def channels_of(extras: Iterable[str]) -> tuple[Channel, ...]:
    """All channels of a clip with these of EXTRAS, in order."""
    asked = set(extras)
    return (*CHANNELS, *(channel for name, added in EXTRAS.items() if name in asked for channel in added))


def extras_of(num_channels: int) -> tuple[str, ...]:
    """The extras of a clip or model with so many channels. Raises ValueError if there is no such clip."""
    known = {len(channels_of(some)): some for size in range(len(EXTRAS) + 1) for some in combinations(EXTRAS, size)}
    if num_channels not in known:
        raise ValueError(f"{num_channels} channels: there are clips of {', '.join(map(str, sorted(known)))}")
    return known[num_channels]


def filled(frames: NDArray[np.uint8], num_channels: int) -> NDArray[np.uint8]:
    """Frames (T, C, S, S) with the channels of a model that takes `num_channels`; those they lack are neutral.

    Raises ValueError if they have channels that the model does not take.
    """
    if frames.shape[1] == num_channels:
        return frames
    has, wanted = channels_of(extras_of(frames.shape[1])), channels_of(extras_of(num_channels))
    if not set(has) <= set(wanted):
        raise ValueError(f"clips of {_names(has)} for a model of {_names(wanted)}")
    full = np.broadcast_to(neutral_frames(wanted), (len(frames), num_channels, *frames.shape[2:])).copy()
    full[:, [wanted.index(channel) for channel in has]] = frames
    return full


def neutral_frames(channels: Sequence[Channel]) -> NDArray[np.uint8]:
    """(C, 1, 1): the byte of each channel that says nothing."""
    return np.array([channel.neutral for channel in channels], np.uint8)[:, None, None]


def share_bytes(values: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Values in 0..1 as bytes, 255 is one: alpha and `late`."""
    return np.asarray(np.rint(values * np.float32(255)), np.uint8)


def velocity_bytes(velocity: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Picture heights a second as bytes around ZERO: 0.01 is 5 levels, 0.1 is 36, 1 is 92, FASTEST and more 127."""
    share = np.arcsinh(velocity / np.float32(SLOW)) / np.float32(np.arcsinh(FASTEST / SLOW))
    return np.asarray(ZERO + np.rint(127 * np.clip(share, -1, 1)), np.uint8)


def velocity_of_bytes(levels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The velocities, picture heights a second, of which `velocity_bytes` makes these bytes."""
    share = (levels.astype(np.float32) - ZERO) / np.float32(127)
    return np.asarray(np.float32(SLOW) * np.sinh(share * np.float32(np.arcsinh(FASTEST / SLOW))), np.float32)


def turned(frames: NDArray[np.uint8], quarters: int, mirrored: bool) -> NDArray[np.uint8]:
    """Frames (..., C, S, S) rotated counterclockwise by quarters, then mirrored left to right, and so what moves."""
    made = np.rot90(frames, quarters, axes=(-2, -1))
    made = made[..., ::-1] if mirrored else made
    names = [channel.name for channel in channels_of(extras_of(frames.shape[-3]))]
    if "right" not in names or not (quarters % 4 or mirrored):
        return made
    right, down = (made[..., names.index(name), :, :] for name in ("right", "down"))
    for _ in range(quarters % 4):
        right, down = down, _opposite(right)
    made = made.copy()
    made[..., names.index("right"), :, :], made[..., names.index("down"), :, :] = (
        _opposite(right) if mirrored else right,
        down,
    )
    return made


def flow_places(num_channels: int) -> tuple[int, int]:
    """Places of `right` and `down` among so many channels. Raises ValueError if there are none."""
    names = [channel.name for channel in channels_of(extras_of(num_channels))]
    return names.index("right"), names.index("down")


def reversed_flow(frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Frames (..., C, S, S) with flow, in which everything moves the other way; the rest is as it was."""
    places = list(flow_places(frames.shape[-3]))
    made = frames.copy()
    made[..., places, :, :] = _opposite(frames[..., places, :, :])
    return made


def _opposite(levels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return (2 * ZERO - levels.astype(np.int16)).astype(np.uint8)


def _names(channels: Sequence[Channel]) -> str:
    return ", ".join(channel.name for channel in channels)
