"""Making decoded frames worse, for data sets whose files nobody draws anew."""

from collections.abc import Sequence
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from deltaclip.motion import encode_pixels

__all__ = ["Disturbance", "disturb"]

Disturbance = Literal["noise", "flicker", "shake", "compression"]


def disturb(rgb: NDArray[np.uint8], kind: Disturbance, strength: float, seed: Sequence[int]) -> NDArray[np.uint8]:
    """Pictures made worse, each by a draw of its own from `seed`.

    rgb: (N, H, W, 3) uint8. strength: 0 leaves them as they are.
    noise        deviation of fresh noise, grey levels of 255
    flicker      largest relative change of brightness
    shake        deviation of a shift to any side, in thousandths of the short side; the border is repeated
    compression  100 less JPEG's quality, each frame by itself
    """
    if strength == 0 or len(rgb) == 0:
        return rgb
    rng = np.random.default_rng(seed)
    if kind == "noise":
        grain = rng.standard_normal(rgb.shape, np.float32)
        return np.asarray(np.clip(np.round(rgb + np.float32(strength) * grain), 0, 255), np.uint8)
    if kind == "flicker":
        gain = 1 + strength * rng.uniform(-1, 1, (len(rgb), 1, 1, 1)).astype(np.float32)
        return np.asarray(np.clip(np.round(rgb * gain), 0, 255), np.uint8)
    if kind == "shake":
        shifts = rng.normal(0, strength / 1000 * min(rgb.shape[1:3]), (len(rgb), 2))
        return np.stack([_shifted(picture, *shift) for picture, shift in zip(rgb, shifts.tolist(), strict=True)])
    return np.stack([_compressed(picture, 100 - round(strength)) for picture in rgb])


def _shifted(picture: NDArray[np.uint8], right: float, down: float) -> NDArray[np.uint8]:
    way = np.array([[1, 0, right], [0, 1, down]], np.float32)
    height, width = picture.shape[:2]
    return np.asarray(cv2.warpAffine(picture, way, (width, height), borderMode=cv2.BORDER_REPLICATE), np.uint8)


def _compressed(picture: NDArray[np.uint8], quality: int) -> NDArray[np.uint8]:
    data = np.frombuffer(encode_pixels(".jpg", picture, (cv2.IMWRITE_JPEG_QUALITY, max(quality, 1))), np.uint8)
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)
