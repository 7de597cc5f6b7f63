"""From frames and their neighbours to a soft mask of the moving subject."""

import cv2
import numpy as np
from numpy.typing import NDArray

from deltaclip.motion.flow import grid_size, shrink, small_picture
from deltaclip.motion.frame_difference import grey
from deltaclip.motion.subject_mask.colours import colour_bins, grid_lab
from deltaclip.motion.subject_mask.context import GUIDE_FLATNESS, context
from deltaclip.motion.subject_mask.decision import drop_small_parts, examine, reasons
from deltaclip.motion.subject_mask.evidence import Appearance, evidence
from deltaclip.motion.subject_mask.neighbours import NEAR_SECONDS, Neighbours, Residual, Steps, residual_motion
from deltaclip.motion.subject_mask.network import Networks, shipped_networks
from deltaclip.motion.subject_mask.smoothing import guided, passage
from deltaclip.motion.threads import one_opencv_thread
from deltaclip.motion.types import Flow, Motion, check_rgb, share

__all__ = ["judge", "measure", "subject", "subject_probability", "upsample"]

UPSAMPLE_RADIUS = 1
"""Cells. On held-out folds of DAVIS 2016: bilinear 0.626, radius 1 0.636, 2 0.617, 3 0.588."""


def subject(
    rgb: NDArray[np.uint8],
    before: Neighbours,
    after: Neighbours,
    step_seconds: Steps = NEAR_SECONDS,
    networks: Networks | None = None,
) -> Motion:
    """The moving subject of each sampled frame, under a still or a moving camera.

    rgb: (T, H, W, 3) uint8, sampled frames in the order shown, already scaled. before, after: T native neighbours of
    them, (h, w, 3) uint8 of the same aspect and scaled by the same filter, or None if the file has none. A neighbour
    of a different shot is recognised by its content and not used. step_seconds: how far away the neighbours are, (2, T)
    before and after or one number for all: about 1/24 s unless the file has few frames a second; then flow loses its
    way more often, and is checked by rules of its own.
    networks: None for those that come with the package.
    Returns a Motion whose alpha is soft and whose mask is alpha > 0.5 as measured; alpha is all ones in frames that
    fall back: cut or too fast, no neighbour, nothing found, static, saturated, uncertain. Raises ValueError for arrays
    that are no frames or not T neighbours. The same input gives the same bits.
    """
    check_rgb(rgb)
    _check_neighbours(rgb, before, after)
    with one_opencv_thread():
        motion, picture = measure(rgb, before, after, step_seconds)
        return judge(rgb, motion, picture, networks or shipped_networks())


def measure(
    rgb: NDArray[np.uint8], before: Neighbours, after: Neighbours, step_seconds: Steps = NEAR_SECONDS
) -> tuple[Residual, Appearance]:
    """What moves beside the camera, and how the frames look: all that the networks judge by."""
    grid = grid_size(*rgb.shape[1:3])
    small = [small_picture(frame, grid) for frame in rgb]
    now = [np.asarray(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY), np.uint8) for frame in small]
    return residual_motion(now, before, after, grid, step_seconds), look(small, now, grid)


def judge(rgb: NDArray[np.uint8], motion: Residual, picture: Appearance, networks: Networks) -> Motion:
    """From what was measured to masks and the reasons not to use them: `subject` without its first half."""
    probability = drop_small_parts(subject_probability(motion, picture, networks))
    alpha = upsample(rgb, picture.grey, probability)
    mask = alpha > 0.5
    coverage = share(mask)
    found = examine(probability, motion)
    why = reasons(found, coverage, motion.exists, motion.usable)
    replaced = np.array([reason is not None for reason in why])
    measured = alpha.copy()
    alpha[replaced] = 1.0
    confidence = np.where(replaced, 0.0, np.array([frame.confidence for frame in found], np.float64))
    return Motion(alpha, measured, mask, coverage, confidence, why, flow_of(motion, probability))


def flow_of(motion: Residual, probability: NDArray[np.float32]) -> Flow:
    """How the subject and the camera move. probability: (K, h, w), of the subject."""
    one_way, both_ways = (motion.agreement * probability).sum((2, 3))
    agree = one_way / np.maximum(both_ways, np.float32(1e-6))
    return Flow(
        velocity=motion.velocity,
        camera=motion.camera,
        confidence=np.clip(agree * motion.usable, 0, 1).astype(np.float64),
        camera_confidence=motion.explained,
    )


def look(small: list[NDArray[np.uint8]], now: list[NDArray[np.uint8]], grid: tuple[int, int]) -> Appearance:
    """How the frames look on the grid. small: `small_picture` of each; now: the same in grey."""
    lab = grid_lab(np.stack([cv2.resize(frame, grid[::-1], interpolation=cv2.INTER_AREA) for frame in small]))
    exact = lab.astype(np.float32)
    return Appearance(
        grey=np.stack([shrink(frame.astype(np.float32), grid) for frame in now]),
        light=np.ascontiguousarray(exact[..., 0]),
        bins=colour_bins(lab),
        through=passage(exact),
    )


def subject_probability(motion: Residual, picture: Appearance, networks: Networks) -> NDArray[np.float32]:
    """How likely each cell belongs to the moving subject: (K, h, w) float32, 0..1."""
    shape = motion.length.shape
    logit = networks.evidence.logit(evidence(motion, picture), shape)
    second = context(logit, sigmoid(logit), motion, picture)
    return sigmoid(networks.context.logit(second, shape))


def sigmoid(logit: NDArray[np.float32]) -> NDArray[np.float32]:
    """1 / (1 + exp(-logit))."""
    return np.asarray(1 / (1 + np.exp(-logit)), np.float32)


def upsample(
    rgb: NDArray[np.uint8], small: NDArray[np.float32], probability: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Probability on the grid (K, h, w) to the size of the frames (K, H, W), its edges drawn to those of the grey.

    small: (K, h, w) float32, the frames' grey on the grid.
    """
    _, height, width, _ = rgb.shape
    slope, offset = guided(small, probability, UPSAMPLE_RADIUS, GUIDE_FLATNESS)
    alpha = np.empty(rgb.shape[:3], np.float32)
    grown, added = np.empty((height, width), np.float32), np.empty((height, width), np.float32)
    for index, frame in enumerate(rgb):  # one at a time: a frame stays in the cache
        cv2.resize(slope[index], (width, height), grown, interpolation=cv2.INTER_LINEAR)
        cv2.resize(offset[index], (width, height), added, interpolation=cv2.INTER_LINEAR)
        grown *= grey(frame[None])[0]
        grown += added
        np.clip(grown, 0, 1, out=alpha[index])
    return alpha


def _check_neighbours(rgb: NDArray[np.uint8], before: Neighbours, after: Neighbours) -> None:
    for name, pictures in (("before", before), ("after", after)):
        if len(pictures) != len(rgb):
            raise ValueError(f"{name} must hold one neighbour or None for each of {len(rgb)} frames")
        for picture in pictures:
            if picture is not None and (picture.ndim != 3 or picture.shape[2] != 3 or picture.dtype != np.uint8):
                raise ValueError(f"{name} must hold (h, w, 3) uint8, not {picture.shape} {picture.dtype}")
