"""Scaling and cropping, the same for pictures and for masks."""

from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from deltaclip.motion import Neighbours

__all__ = ["centre_crop", "each_to_short_side", "fitted", "to_short_side", "to_size_of"]

Number = TypeVar("Number", bound=np.generic)


def to_short_side(pictures: NDArray[Number], side: int) -> NDArray[Number]:
    """(T, H, W) or (T, H, W, 3) scaled so that the short side is `side`; the long side is floored as in CLIP."""
    height, width = pictures.shape[1:3]
    short = min(height, width)
    if short == side:
        return pictures
    return _resized(pictures, max(width * side // short, 1), max(height * side // short, 1))


def _resized(pictures: NDArray[Number], width: int, height: int) -> NDArray[Number]:
    # Area averaging is the filter without aliasing going down; going up only alpha, which is no picture.
    shrinks = pictures.shape[1] > height or pictures.shape[2] > width
    interpolation = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.stack([cv2.resize(picture, (width, height), interpolation=interpolation) for picture in pictures])


def each_to_short_side(pictures: Neighbours | None, side: int) -> Neighbours | None:
    """`to_short_side` of each picture (H, W, 3) that there is."""
    if pictures is None:
        return None
    return tuple(None if picture is None else to_short_side(picture[None], side)[0] for picture in pictures)


def to_size_of(rgb: NDArray[np.uint8], planes: NDArray[np.float32]) -> NDArray[np.float32]:
    """Planes (T, h, w) in 0..1 at the height and width of the pictures (T, H, W, 3)."""
    height, width = rgb.shape[1:3]
    if planes.shape[1:] == (height, width):
        return planes
    interpolation = cv2.INTER_AREA if planes.shape[1] > height else cv2.INTER_LINEAR
    scaled = np.stack([cv2.resize(plane, (width, height), interpolation=interpolation) for plane in planes])
    # Area averaging in float32 may leave 0..1 by a rounding.
    return np.asarray(np.clip(scaled, 0, 1), np.float32)


def centre_crop(pictures: NDArray[Number], side: int) -> NDArray[Number]:
    """The middle (side, side) of (T, H, W, ...), rounded as torchvision's CenterCrop does in CLIP's preprocess."""
    height, width = pictures.shape[1:3]
    top, left = round((height - side) / 2), round((width - side) / 2)
    return pictures[:, top : top + side, left : left + side]


def fitted(pictures: NDArray[Number], side: int, fit: str) -> NDArray[Number]:
    """(T, H, W, ...) as squares (T, side, side, ...), in one of the ways of `types.FITS`."""
    if fit == "crop":
        return centre_crop(to_short_side(pictures, side), side)
    return pictures if pictures.shape[1:3] == (side, side) else _resized(pictures, side, side)
