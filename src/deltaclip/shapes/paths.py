"""Where objects are and how the mover goes, so that a single frame never tells which one moves.

Every thing, stayers too, is given a path of its own that no other path touches, and a phase on it. A stayer
is at its phase; the mover runs to and fro on its path from its phase on. With phases uniform over the whole
way there and back, the place on the path is uniform at every single time, for the mover as for the stayers: no
frame alone can tell them apart. (If captions name directions, the mover runs its path once, one way, and this
holds only roughly: a mover is at a path's end more often at the clip's ends.)
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deltaclip.shapes.spec import BASE_SIDE

__all__ = ["ShapePath", "clear_of", "draw_path", "draw_paths"]

RADIUS = (19.0, 25.0)
TRACK_LENGTH = (45.0, 85.0)
"""Of three objects under a still camera; shorter if more objects or a moving camera leave less room."""
SPEED = (1.0, 2.5)
"""The mover's way per native frame; below 1 the compressed picture hides it, above 2.5 it blurs in real video."""
GAP = 5.0
"""Clear space between any two objects wherever they go, so that compression does not join them."""
AXES = ((1.0, 0.0), (-1.0, 0.0), (0.0, 1.0), (0.0, -1.0))
_ALONG = np.linspace(0.0, 1.0, 13)


@dataclass(frozen=True, slots=True)
class ShapePath:
    """The way of one thing.

    start, end: (2,) float64, x and y of its two ends.
    radius: half the thing's width. speed: way per native frame, if it moves.
    phase: 0 to 2, where it is at first: 0 at the start, 1 at the end, 2 back at the start.
    turn: the thing's own rotation in radians.
    one_way: runs once from start to end, starting at the start.
    """

    start: NDArray[np.float64]
    end: NDArray[np.float64]
    radius: float
    speed: float
    phase: float
    turn: float
    one_way: bool

    @property
    def length(self) -> float:
        return float(np.hypot(*(self.end - self.start)))

    def place(self, frame: int, *, moving: bool) -> NDArray[np.float64]:
        """x and y, (2,) float64, at a native frame counted from the shot's first."""
        gone = self.speed * frame / self.length if moving else 0.0
        if self.one_way:
            share = min(gone, 1.0) if moving else self.phase
        else:
            share = 1.0 - abs((self.phase + gone) % 2.0 - 1.0)
        return self.start + share * (self.end - self.start)

    def points(self) -> NDArray[np.float64]:
        """(13, 2): places all along the path, for keeping paths apart."""
        return self.start + _ALONG[:, None] * (self.end - self.start)


def draw_path(
    rng: np.random.Generator, margin: float, num_frames: int, slow_motion: float, one_way: bool, room: float = 1.0
) -> ShapePath:
    """A random path inside the picture, `margin` away from its border beside the thing's own radius.

    room: share of the usual length. A one-way path is as long as the mover's way in `num_frames`, along an axis, so
    that a direction can be named.
    """
    radius = rng.uniform(*RADIUS)
    low, high = margin + radius, BASE_SIDE - margin - radius
    speed = rng.uniform(*SPEED) / slow_motion
    while True:
        start = rng.uniform(low, high, 2)
        if one_way:
            direction = np.array(AXES[rng.integers(len(AXES))])
            length = min(speed * (num_frames - 1), room * 0.6 * (high - low))
            speed = min(speed, length / (num_frames - 1))
        else:
            angle = rng.uniform(0, 2 * np.pi)
            direction = np.array([np.cos(angle), np.sin(angle)])
            length = room * rng.uniform(*TRACK_LENGTH)
        end = start + length * direction
        if np.all((end >= low) & (end <= high)):
            break
    phase = rng.uniform(0, 1) if one_way else rng.uniform(0, 2)
    return ShapePath(start, end, radius, speed, phase, rng.uniform(0, 2 * np.pi), one_way)


def clear_of(path: ShapePath, others: list[ShapePath]) -> bool:
    """Whether a thing on `path` can never touch a thing on any other path."""
    for other in others:
        apart = path.points()[:, None, :] - other.points()[None, :, :]
        if float(np.min(np.hypot(apart[..., 0], apart[..., 1]))) < path.radius + other.radius + GAP:
            return False
    return True


def draw_paths(
    rng: np.random.Generator, count: int, margin: float, num_frames: int, slow_motion: float, one_way: bool
) -> tuple[ShapePath, ...]:
    """`count` paths that never touch. A dead end begins again, so that no order of drawing is favoured."""
    room = min(1.0, 3 / count * ((BASE_SIDE - 2 * margin) / (BASE_SIDE - 8)) ** 2)
    while True:
        paths: list[ShapePath] = []
        for _ in range(40 * count):
            path = draw_path(rng, margin, num_frames, slow_motion, one_way, room)
            if clear_of(path, paths):
                paths.append(path)
            if len(paths) == count:
                return tuple(paths)
