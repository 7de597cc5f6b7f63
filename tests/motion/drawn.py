"""Drawn pictures for the tests of motion: textures, pans over them, a square that goes its own way."""

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["HEIGHT", "WIDTH", "panned", "square_over_pan", "texture"]

HEIGHT, WIDTH = 120, 160

Bytes = NDArray[np.uint8]


def texture(seed: int, height: int = HEIGHT, width: int = 3 * WIDTH) -> Bytes:
    """(height, width, 3): coloured noise of three sizes, wide enough to pan over."""
    generator = np.random.default_rng(seed)
    picture = np.zeros((height, width, 3), np.float32)
    for cell, weight in ((40, 70.0), (12, 35.0), (4, 20.0)):
        coarse = generator.uniform(-1, 1, (height // cell + 2, width // cell + 2, 3)).astype(np.float32)
        picture += weight * np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC))
    return np.clip(picture + 120, 0, 255).astype(np.uint8)


def panned(picture: Bytes, num_frames: int, step: int) -> Bytes:
    """(T, HEIGHT, WIDTH, 3): a window that goes `step` pixels to the left a frame, so that the picture goes right."""
    lefts = [picture.shape[1] - WIDTH - 20 - step * index for index in range(num_frames)]
    return np.stack([picture[:, left : left + WIDTH] for left in lefts])


def square_over_pan(
    num_frames: int = 18, pan: int = 1, step: int = 2, side: int = 36, seed: int = 0
) -> tuple[Bytes, NDArray[np.bool_]]:
    """A textured square that goes `step` pixels to the right a frame over a panned texture, and its true mask."""
    frames = panned(texture(seed), num_frames, pan).copy()
    square = texture(seed + 100, side, side)[:, :, ::-1]
    truth = np.zeros(frames.shape[:3], np.bool_)
    for index, frame in enumerate(frames):
        left = 30 + step * index
        frame[40 : 40 + side, left : left + side] = square
        truth[index, 40 : 40 + side, left : left + side] = True
    return frames, truth
