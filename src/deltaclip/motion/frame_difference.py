"""FDA-CLIP's dynamic regions: thresholded grey differences of neighbouring sampled frames, cleaned.

The paper (arXiv 2510.21806) gives the order of the steps and the threshold. Kernel, area, connectivity and the pairing
of frames are this project's choice, since no public source states them.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from deltaclip.motion.difference_spec import PAPER, DifferenceSpec
from deltaclip.motion.types import Motion, check_rgb, motion_from_mask

__all__ = [
    "above_threshold",
    "absolute_difference",
    "close_gaps",
    "difference",
    "difference_mask",
    "drop_small",
    "grey",
    "min_area",
    "rectangle",
    "remove_specks",
]

NOTHING_MOVES = "nothing moves"
ONE_FRAME = "one frame"


def difference(rgb: NDArray[np.uint8], spec: DifferenceSpec = PAPER) -> Motion:
    """The paper's motion, frame by frame.

    rgb: (T, H, W, 3) uint8, sampled frames in the order shown, already scaled.
    Returns a Motion whose alpha is the mask, or all ones if nothing moves or there is only one frame.
    A mask that covers nearly everything (cut, moving camera) is fed as it is, as in the paper: see `coverage`.
    """
    check_rgb(rgb)
    mask = difference_mask(rgb, spec)
    nothing = ONE_FRAME if len(rgb) == 1 else NOTHING_MOVES
    return motion_from_mask(mask, tuple(None if frame.any() else nothing for frame in mask))


def difference_mask(rgb: NDArray[np.uint8], spec: DifferenceSpec = PAPER) -> NDArray[np.bool_]:
    """All steps in the paper's order: (T, H, W, 3) uint8 -> (T, H, W) bool; all off for one frame."""
    num_frames, height, width, _ = rgb.shape
    if num_frames == 1:
        return np.zeros((1, height, width), np.bool_)
    changed = above_threshold(absolute_difference(grey(rgb)), spec.threshold)
    kernel = rectangle(spec.kernel)
    smallest = min_area(height, width, spec.min_area_at_224)
    # Frames 0 and 1 share a pair, so the mask of frame 1 serves both.
    masks = [drop_small(remove_specks(close_gaps(frame, kernel), kernel), smallest) for frame in changed[1:]]
    return np.stack([masks[0], *masks])


def grey(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Luma of each frame, as OpenCV rounds it (COLOR_RGB2GRAY on uint8: 0.299, 0.587, 0.114 in fixed point).

    rgb: (T, H, W, 3) uint8, red first. Returns (T, H, W) uint8. Source of the rounding: our choice, the usual tool.
    """
    num_frames, height, width, _ = rgb.shape
    tall = rgb.reshape(num_frames * height, width, 3)  # one call for all frames
    return np.asarray(cv2.cvtColor(tall, cv2.COLOR_RGB2GRAY), np.uint8).reshape(num_frames, height, width)


def absolute_difference(frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Absolute grey difference of neighbouring sampled frames (the paper's map D).

    frames: (T, H, W) uint8, grey 0..255, in the order shown, T >= 2.
    Returns (T, H, W) uint8: frame t against t - 1, frame 0 against frame 1. That each frame takes the pair with the
    frame before it is our choice: every frame gets one mask, and nothing later than the frame decides it.
    """
    _, height, width = frames.shape
    later, earlier = (part.reshape(-1, width) for part in (frames[1:], frames[:-1]))
    pairs = np.asarray(cv2.absdiff(later, earlier), np.uint8).reshape(-1, height, width)
    return np.concatenate([pairs[:1], pairs])


def above_threshold(levels: NDArray[np.uint8], threshold: int | float) -> NDArray[np.uint8]:
    """255 where a difference is strictly greater than `threshold` (the paper: 25 of 255), else 0.

    levels: (T, H, W) or (H, W) uint8. Strictly, because cv2.threshold with THRESH_BINARY is; the paper does not say.
    Whole levels differ by whole levels, so 12.5 keeps 13 and more.
    """
    flat = levels.reshape(-1, levels.shape[-1])
    return np.asarray(cv2.threshold(flat, threshold, 255, cv2.THRESH_BINARY)[1], np.uint8).reshape(levels.shape)


def rectangle(side: int) -> NDArray[np.uint8]:
    """(side, side) uint8 of ones: the structuring element of both morphological steps (our choice)."""
    return np.ones((side, side), np.uint8)


def close_gaps(mask: NDArray[np.uint8], kernel: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Morphological closing, once: fills holes and gaps narrower than `kernel`.

    mask: (H, W) uint8, 0 or 255. The paper names closing before opening. Border as OpenCV's default: what is outside
    never decides, so an object cut by the frame's edge is not eaten away there.
    """
    return np.asarray(cv2.morphologyEx(mask, cv2.MORPH_CLOSE, kernel), np.uint8)


def remove_specks(mask: NDArray[np.uint8], kernel: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Morphological opening, once, after the closing: removes what is narrower than `kernel`.

    mask: (H, W) uint8, 0 or 255. Source and border as for `close_gaps`.
    """
    return np.asarray(cv2.morphologyEx(mask, cv2.MORPH_OPEN, kernel), np.uint8)


def drop_small(mask: NDArray[np.uint8], smallest: float) -> NDArray[np.bool_]:
    """Connected-component filter (the paper's last step): keep components of at least `smallest` pixels.

    mask: (H, W) uint8, 0 or 255. Returns (H, W) bool. 8-connected, our choice: corners touch.
    """
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    kept = np.asarray(stats)[:count, cv2.CC_STAT_AREA] >= smallest
    kept[0] = False  # label 0 is the background
    if kept[1:].all():
        return mask > 0
    return np.asarray(kept[labels], np.bool_)


def min_area(height: int, width: int, at_224: float) -> float:
    """Smallest component in pixels: `at_224` if the short side is 224, otherwise scaled by the side's square.

    So that a component means the same part of the picture at every size. Our choice.
    """
    return at_224 * (min(height, width) / 224) ** 2
