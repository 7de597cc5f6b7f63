"""How one moment moves, as small as a motion encoder takes it: a coarse map and some numbers of each frame."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deltaclip.motion.types import CAMERA, Motion

__all__ = ["TRACK_GRID", "TRACK_MAPS", "TRACK_NUMBERS", "Track", "track"]

TRACK_GRID = (12, 16)
"""Rows and columns of the maps, whatever the shape of the picture."""
TRACK_MAPS = ("mask", "right", "down")
"""The maps: share of each cell that moves, and its velocity times that share, in picture heights a second."""
TRACK_NUMBERS = (
    "area",
    "x",
    "y",
    "spread_x",
    "spread_y",
    "right",
    "down",
    "speed",
    "growth",
    "turn",
    *CAMERA,
    "confidence",
    "camera_confidence",
    "kept",
)
"""The numbers of a frame. area: share of the picture. x, y: middle of the mask from the picture's middle, in picture
heights, right and down; spread_x, spread_y: standard deviations around it. right, down: mean velocity of the mask,
speed: mean length, picture heights a second. growth, turn: how fast the mask's velocities lead away from its middle and
around it, clockwise, per second. Camera and confidences as in `Flow`. kept: 1 if the mask did not fall back."""
SMALLEST_MASS = 1e-4
"""Share of the picture below which a mask has no middle and no velocity."""


@dataclass(frozen=True, slots=True, eq=False)
class Track:
    """What moves in T frames of a moment.

    maps: (T, 3, *TRACK_GRID) float32, see TRACK_MAPS. numbers: (T, N) float32, see TRACK_NUMBERS. seconds: (T,)
    float64, when the frames are shown, ascending. aspect: width of the picture in its heights.
    """

    maps: NDArray[np.float32]
    numbers: NDArray[np.float32]
    seconds: NDArray[np.float64]
    aspect: float

    def __post_init__(self) -> None:
        num_frames = len(self.seconds)
        for name, values, shape in (
            ("maps", self.maps, (num_frames, len(TRACK_MAPS), *TRACK_GRID)),
            ("numbers", self.numbers, (num_frames, len(TRACK_NUMBERS))),
        ):
            if values.shape != shape or values.dtype != np.float32:
                raise ValueError(f"{name} must be {shape} float32, not {values.shape} {values.dtype}")

    def __repr__(self) -> str:
        return f"Track({len(self.seconds)} frames)"

    def mirrored(self) -> "Track":
        """The same with left and right exchanged."""
        maps, numbers = self.maps[..., ::-1].copy(), self.numbers.copy()
        maps[:, TRACK_MAPS.index("right")] *= -1
        numbers[:, _columns("x", "right", "turn", "pan", "roll")] *= -1
        return Track(maps, numbers, self.seconds, self.aspect)

    def backwards(self) -> "Track":
        """The same played from its end to its beginning."""
        maps, numbers = self.maps[::-1].copy(), self.numbers[::-1].copy()
        maps[:, [TRACK_MAPS.index("right"), TRACK_MAPS.index("down")]] *= -1
        numbers[:, _columns("right", "down", "growth", "turn", *CAMERA)] *= -1
        return Track(maps, numbers, self.seconds[0] + self.seconds[-1] - self.seconds[::-1], self.aspect)


def track(motion: Motion, seconds: NDArray[np.float64]) -> Track:
    """The track of a moment from what moves in its frames, as measured, before any fallback.

    seconds: (T,), when the frames are shown. Raises ValueError for a mask that measures no flow.
    """
    flow = motion.flow
    if flow is None:
        raise ValueError("a track is made of motion with flow, such as that of the mask subject")
    num_frames, height, width = motion.measured.shape
    rows, columns = flow.velocity.shape[1:3]
    mask = np.stack([_shrunk(frame, (rows, columns)) for frame in motion.measured])
    # A frame without a neighbour says nothing, whatever its mask looks like.
    mask *= (flow.camera_confidence > 0)[:, None, None]
    moved = flow.velocity * mask[..., None]
    stacked = np.concatenate([mask[..., None], moved], axis=-1)
    maps = np.stack([_shrunk(np.ascontiguousarray(frame), TRACK_GRID) for frame in stacked])
    aspect = width / height
    numbers = np.concatenate(
        [
            _moments(mask, flow.velocity, aspect),
            flow.camera,
            np.stack([flow.confidence, flow.camera_confidence], axis=1).astype(np.float32),
            np.array([[reason is None] for reason in motion.fallback], np.float32).reshape(num_frames, 1),
        ],
        axis=1,
    )
    return Track(np.ascontiguousarray(maps.transpose(0, 3, 1, 2)), numbers, seconds, aspect)


def _columns(*names: str) -> list[int]:
    """Places of numbers among TRACK_NUMBERS."""
    return [TRACK_NUMBERS.index(name) for name in names]


def _moments(mask: NDArray[np.float32], velocity: NDArray[np.float32], aspect: float) -> NDArray[np.float32]:
    """The first ten of TRACK_NUMBERS for each frame: (T, 10). All but the area are 0 if there is no mask."""
    _, rows, columns = mask.shape
    x = ((np.arange(columns, dtype=np.float32) + 0.5) / columns - 0.5) * np.float32(aspect)
    y = ((np.arange(rows, dtype=np.float32) + 0.5) / rows - 0.5)[:, None]
    area = mask.mean((1, 2))
    weight = mask / np.maximum(mask.sum((1, 2), keepdims=True), np.float32(SMALLEST_MASS * rows * columns))
    right, down = velocity[..., 0], velocity[..., 1]

    def mean(values: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.asarray((weight * values).sum((1, 2)), np.float32)

    middle_x, middle_y, mean_right, mean_down = mean(x), mean(y), mean(right), mean(down)
    off_x, off_y = x - middle_x[:, None, None], y - middle_y[:, None, None]
    var_x, var_y = mean(off_x**2), mean(off_y**2)
    spread = np.maximum(var_x + var_y, np.float32(1e-4))
    growth = (mean(off_x * right) + mean(off_y * down)) / spread
    turn = (mean(off_x * down) - mean(off_y * right)) / spread
    speed = mean(np.sqrt(right**2 + down**2))
    there = (area > SMALLEST_MASS)[:, None]
    rest = [middle_x, middle_y, np.sqrt(var_x), np.sqrt(var_y), mean_right, mean_down, speed, growth, turn]
    return np.concatenate([area[:, None], np.stack(rest, axis=1) * there], axis=1).astype(np.float32)


def _shrunk(picture: NDArray[np.float32], grid: tuple[int, int]) -> NDArray[np.float32]:
    """Means over the area of each cell, also where a grid is finer than the picture."""
    import cv2

    return np.asarray(cv2.resize(picture, grid[::-1], interpolation=cv2.INTER_AREA), np.float32)
