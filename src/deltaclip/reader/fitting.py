"""Frames to what a model is fed: motion measured at one size for all models, then frame and mask scaled alike."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from deltaclip.channels import COLOURS, channels_of, extras_of, share_bytes, velocity_bytes
from deltaclip.motion import (
    NEAR_SECONDS,
    Motion,
    MotionSpec,
    Neighbours,
    Steps,
    extra_planes,
    masked_velocity,
    see_each,
)
from deltaclip.reader.geometry import each_to_short_side, fitted, to_short_side, to_size_of
from deltaclip.reader.types import MOTION_SIDE, ReaderSpec

__all__ = [
    "extras_of_motion",
    "fit_extras",
    "fit_to_model",
    "fit_variants",
    "join_channels",
    "measure",
    "measure_alpha",
]


def measure(
    rgb: NDArray[np.uint8],
    motions: Sequence[MotionSpec],
    before: Neighbours | None = None,
    after: Neighbours | None = None,
    step_seconds: Steps = NEAR_SECONDS,
) -> list[Motion]:
    """What moves in frames (T, H, W, 3) of any size, by each of these masks, at MOTION_SIDE and left there."""
    before, after = (each_to_short_side(pictures, MOTION_SIDE) for pictures in (before, after))
    return see_each(motions, to_short_side(rgb, MOTION_SIDE), before, after, step_seconds)


def measure_alpha(rgb: NDArray[np.uint8], motion: MotionSpec) -> NDArray[np.float32]:
    """Alpha of sampled frames by a rule that needs no neighbours: (T, H, W, 3) uint8, uncropped -> (T, H, W) float32.

    Measured at MOTION_SIDE as `fit_to_model` does, and scaled back to the frames' own size.
    """
    [measured] = measure(rgb, [motion])
    return to_size_of(rgb, measured.alpha)


def fit_to_model(
    rgb: NDArray[np.uint8],
    spec: ReaderSpec,
    before: Neighbours | None = None,
    after: Neighbours | None = None,
    step_seconds: Steps = NEAR_SECONDS,
) -> tuple[NDArray[np.uint8], NDArray[np.float32], Motion | None]:
    """Frames decoded at `spec.decode_side` to pixels (T, S, S, 3) uint8, alpha (T, S, S) in 0..1, and their motion.

    rgb: uint8 (T, H, W, 3), uncropped. Motion is measured at MOTION_SIDE, uncropped; then both are fitted to the
    encoder's square alike (`ReaderSpec.fit`). before, after: native neighbours of the frames, of their size,
    step_seconds away.
    """
    pixels, [(alpha, motion)] = fit_variants(rgb, spec, [spec.motion], before, after, step_seconds)
    return pixels, alpha, motion


def fit_variants(
    rgb: NDArray[np.uint8],
    spec: ReaderSpec,
    masks: Sequence[MotionSpec | None],
    before: Neighbours | None = None,
    after: Neighbours | None = None,
    step_seconds: Steps = NEAR_SECONDS,
) -> tuple[NDArray[np.uint8], list[tuple[NDArray[np.float32], Motion | None]]]:
    """`fit_to_model` with several masks in place of the spec's: pixels once, and alpha and motion for each mask."""
    there = [mask for mask in masks if mask is not None]
    motions = dict(zip(there, measure(rgb, there, before, after, step_seconds), strict=True)) if there else {}
    pixels = fitted(rgb, spec.image_size, spec.fit)
    variants: list[tuple[NDArray[np.float32], Motion | None]] = []
    for mask in masks:
        if mask is None:
            variants.append((np.ones(pixels.shape[:3], np.float32), None))
        else:
            variants.append((fitted(motions[mask].alpha, spec.image_size, spec.fit), motions[mask]))
    return pixels, variants


def extras_of_motion(motion: Motion | None, spec: MotionSpec | None) -> NDArray[np.float32] | None:
    """The planes of the spec's extras at the size of its motion: (T, H, W, E); None if no mask is measured."""
    if motion is None or spec is None:
        return None
    velocity = masked_velocity(motion) if "flow" in spec.extras else None
    return extra_planes(spec.extras, motion.alpha, velocity)


def fit_extras(planes: NDArray[np.float32], image_size: int, fit: str = "crop") -> NDArray[np.float32]:
    """Planes (T, H, W, E) fitted as frame and alpha are: (T, S, S, E)."""
    made = [fitted(plane, image_size, fit) for plane in np.moveaxis(planes, -1, 0)]
    return np.stack(made, axis=-1) if made else np.empty((len(planes), image_size, image_size, 0), np.float32)


def join_channels(
    pixels: NDArray[np.uint8], alpha: NDArray[np.float32], extras: NDArray[np.float32] | None = None
) -> NDArray[np.uint8]:
    """Frames (T, S, S, 3) and alpha (T, S, S) in 0..1 as a clip holds them: uint8 (T, C, S, S), 255 is all of alpha.

    extras: (T, S, S, E), planes of `motion.extra_planes`.
    """
    added = 0 if extras is None else extras.shape[-1]
    channels = channels_of(extras_of(len(channels_of(())) + added))
    frames = np.empty((len(pixels), len(channels), *pixels.shape[1:3]), np.uint8)
    frames[:, : len(COLOURS)] = np.moveaxis(pixels, -1, 1)
    planes = [alpha] if extras is None else [alpha, *np.moveaxis(extras, -1, 0)]
    for place, (channel, plane) in enumerate(zip(channels[len(COLOURS) :], planes, strict=True), len(COLOURS)):
        frames[:, place] = velocity_bytes(plane) if channel.signed else share_bytes(plane)
    return frames
