"""Frames to what a model is fed: motion measured at one size for all models, then frame and mask scaled alike."""

import numpy as np
from numpy.typing import NDArray

from deltaclip.motion import Motion, Neighbours, see
from deltaclip.reader.geometry import centre_crop, each_to_short_side, to_short_side, to_size_of
from deltaclip.reader.types import MOTION_SIDE, ReaderSpec

__all__ = ["fit_to_model", "measure", "measure_alpha"]


def measure(
    rgb: NDArray[np.uint8], motion: str, before: Neighbours | None = None, after: Neighbours | None = None
) -> Motion:
    """What moves in frames (T, H, W, 3) of any size, measured at MOTION_SIDE and left there."""
    at_motion_side = (each_to_short_side(pictures, MOTION_SIDE) for pictures in (before, after))
    return see(motion, to_short_side(rgb, MOTION_SIDE), *at_motion_side)


def measure_alpha(rgb: NDArray[np.uint8], motion: str) -> NDArray[np.float32]:
    """Alpha of sampled frames by a rule that needs no neighbours: (T, H, W, 3) uint8, uncropped -> (T, H, W) float32.

    Measured at MOTION_SIDE as `fit_to_model` does, and scaled back to the frames' own size.
    """
    return to_size_of(rgb, measure(rgb, motion).alpha)


def fit_to_model(
    rgb: NDArray[np.uint8],
    spec: ReaderSpec,
    before: Neighbours | None = None,
    after: Neighbours | None = None,
) -> tuple[NDArray[np.uint8], NDArray[np.float32], Motion | None]:
    """Frames decoded at `spec.decode_side` to pixels (T, S, S, 3) uint8, alpha (T, S, S) in 0..1, and their motion.

    rgb: uint8 (T, H, W, 3), uncropped. Motion is measured at MOTION_SIDE, uncropped; then both are scaled to the
    encoder's short side and centre-cropped alike. before, after: native neighbours of the frames, of their size.
    """
    motion = None
    if spec.motion is not None:
        motion = measure(rgb, spec.motion, before, after)
    pixels = centre_crop(to_short_side(rgb, spec.image_size), spec.image_size)
    if motion is None:
        return pixels, np.ones(pixels.shape[:3], np.float32), None
    return pixels, centre_crop(to_short_side(motion.alpha, spec.image_size), spec.image_size), motion
