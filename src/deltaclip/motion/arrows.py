"""How things move, for people: arrows over a picture, and the camera's motion in words."""

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["ARROW_SECONDS", "camera_words", "with_arrows"]

ARROW_SECONDS = 0.2
"""An arrow is as long as the way in this time."""
ARROWS_HIGH = 14
"""Arrows over the height of a picture, if all of it moves."""
SHORTEST, LONGEST = 0.012, 0.25
"""Picture heights: what moves less gets no arrow, what moves more an arrow of this length."""
LEAST_CAMERA = 0.01
"""Picture heights, logarithms of size or radians a second, below which the camera counts as still."""
WAYS = (("left", "right"), ("down", "up"), ("out", "in"), ("counterclockwise", "clockwise"))
"""Words for negative and positive values of `types.CAMERA`."""
INK, EDGE = (255, 255, 255), (0, 0, 0)


def with_arrows(
    rgb: NDArray[np.uint8], velocity: NDArray[np.float32], mask: NDArray[np.bool_] | NDArray[np.float32]
) -> NDArray[np.uint8]:
    """The picture with arrows of how its moving parts move in ARROW_SECONDS: a new (H, W, 3) uint8.

    velocity: (h, w, 2) float32 on any grid, picture heights a second, right and down (`types.Flow`). mask: (H, W).
    """
    height, width = rgb.shape[:2]
    rows = min(ARROWS_HIGH, height)
    grid = rows, max(1, round(rows * width / height))
    inside = np.asarray(cv2.resize(mask.astype(np.float32), grid[::-1], interpolation=cv2.INTER_AREA), np.float32)
    weight = cv2.resize(mask.astype(np.float32), velocity.shape[1::-1], interpolation=cv2.INTER_AREA)[..., None]
    moved, held = (cv2.resize(part, grid[::-1], interpolation=cv2.INTER_AREA) for part in (velocity * weight, weight))
    drawn = rgb.copy()
    thick = max(1, round(height / 224))
    for row, column in np.argwhere((inside > 0.5) & (held > 0)).tolist():
        way = moved[row, column] / held[row, column] * ARROW_SECONDS
        length = float(np.hypot(*way))
        if length < SHORTEST:
            continue
        way *= height * min(1.0, LONGEST / length)
        start = np.array(((column + 0.5) * width / grid[1], (row + 0.5) * height / grid[0]))
        tail, tip = (end.round().astype(int).tolist() for end in (start - way / 2, start + way / 2))
        for colour, line in ((EDGE, thick + 2), (INK, thick)):
            cv2.arrowedLine(drawn, tail, tip, colour, line, cv2.LINE_AA, tipLength=0.35)
    return drawn


def camera_words(camera: NDArray[np.float32], confidence: float) -> str:
    """How the camera moves: "camera right 0.21, in 0.05 a second", "camera still", "camera unknown".

    camera: (4,) as in `types.Flow`. confidence: 0..1, 0 if it is not known.
    """
    if confidence == 0:
        return "camera unknown"
    told = [
        f"{ways[value > 0]} {abs(value):.2f}"
        for value, ways in zip(camera.tolist(), WAYS, strict=True)
        if abs(value) >= LEAST_CAMERA
    ]
    return f"camera {', '.join(told)} a second" if told else "camera still"
