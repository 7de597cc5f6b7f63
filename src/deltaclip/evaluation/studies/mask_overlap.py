"""Masks as the model is fed them, and the true ones, in one size."""

import cv2
import numpy as np
from numpy.typing import NDArray

from deltaclip.channels import ALPHA
from deltaclip.reader import Clip
from deltaclip.shapes import ShapesClip

__all__ = ["MaskFrames", "agreement", "fed_mask", "true_mask"]

MaskFrames = NDArray[np.bool_]


def fed_mask(clip: Clip) -> MaskFrames:
    """(T, S, S): where alpha is above one half."""
    return np.asarray(clip.frames[:, ALPHA] > 127)


def true_mask(drawn: ShapesClip, clip: Clip) -> MaskFrames:
    """(T, S, S): where the mover of a drawn clip is in the frames of `clip`; a pixel counts that it fills by half."""
    side = clip.frames.shape[-1]
    numbers = np.minimum(np.floor(clip.seconds * drawn.spec.frames_per_second + 1e-6), drawn.num_frames - 1)
    exact = drawn.true_motion(numbers.astype(np.int64)).astype(np.float32)
    small = [cv2.resize(frame, (side, side), interpolation=cv2.INTER_AREA) for frame in exact]
    return np.stack(small) > 0.5


def agreement(found: MaskFrames, true: MaskFrames) -> float:
    """Intersection over union of each frame, mean over frames; two empty masks agree. Both (T, S, S)."""
    common = np.count_nonzero(found & true, axis=(1, 2))
    either = np.count_nonzero(found | true, axis=(1, 2))
    return float(np.where(either == 0, 1.0, common / np.maximum(either, 1)).mean())
