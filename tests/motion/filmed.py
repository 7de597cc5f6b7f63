"""A drawn world seen by a camera that moves as told: what `Flow` should say of it is known."""

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from deltaclip.motion import Motion, Steps, subject
from tests.motion.drawn import texture

__all__ = ["STILL", "Film"]

Bytes = NDArray[np.uint8]

WORLD = 960, 1440
"""Height and width of what is drawn once and then filmed, pixels."""

STILL = (0.0, 0.0, 0.0, 0.0)


@dataclass(frozen=True)
class Film:
    """A disc over a ground, filmed.

    size: height and width, pixels. camera: pan, tilt, zoom and roll a second, as in `Flow`. mover: the disc's
    velocity over the ground, right and down, picture heights a second when the camera has not zoomed. radius: of the
    disc, picture heights.
    """

    size: tuple[int, int] = (224, 398)
    camera: tuple[float, float, float, float] = STILL
    mover: tuple[float, float] = (0.0, 0.0)
    radius: float = 0.16
    seed: int = 0

    def frame(self, seconds: float) -> tuple[Bytes, NDArray[np.bool_]]:
        """The picture at a time from -1 to 1, (H, W, 3), and which pixels the disc covers."""
        height, width = self.size
        ground, disc = drawn_world(self.seed), drawn_world(self.seed + 100)
        pan, tilt, zoom, roll = self.camera
        scale, angle = np.exp(zoom * seconds), roll * seconds
        # World pixels for each of the picture's. The camera turns clockwise: what it sees turns back.
        step = WORLD[0] / 2 / height / scale
        cos, sin = np.cos(angle) * step, np.sin(angle) * step
        turn = np.array([[cos, -sin], [sin, cos]])
        eye = np.array((WORLD[1] / 2, WORLD[0] / 2)) + np.array((pan, -tilt)) * seconds * WORLD[0] / 2
        seen = np.column_stack([turn, eye - turn @ ((width - 1) / 2, (height - 1) / 2)])
        moved = np.array(self.mover) * seconds * WORLD[0] / 2
        on_disc = seen - np.column_stack([np.zeros((2, 2)), moved])
        how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        behind = cv2.warpAffine(ground, seen, (width, height), flags=how, borderMode=cv2.BORDER_REFLECT_101)
        before = cv2.warpAffine(disc, on_disc, (width, height), flags=how, borderMode=cv2.BORDER_REFLECT_101)
        y, x = np.mgrid[:height, :width]
        place = on_disc @ np.stack([x.ravel(), y.ravel(), np.ones(x.size)])
        away = np.hypot(*(place - np.array([[WORLD[1] / 2], [WORLD[0] / 2]]))).reshape(height, width)
        covered = away < self.radius * WORLD[0] / 2
        return np.where(covered[..., None], before, behind), covered

    def motion(self, seconds: NDArray[np.float64], steps: Steps) -> tuple[Motion, NDArray[np.bool_]]:
        """`subject` at `seconds` (T,), neighbours `steps` seconds before and after, and the true masks (T, H, W)."""
        frames, masks = zip(*(self.frame(second) for second in seconds.tolist()), strict=True)
        back, on = np.broadcast_to(steps, (2, len(seconds)))
        before, after = ([self.frame(second)[0] for second in each.tolist()] for each in (seconds - back, seconds + on))
        return subject(np.stack(frames), before, after, steps), np.stack(masks)


@cache
def drawn_world(seed: int) -> Bytes:
    return texture(seed, *WORLD)
