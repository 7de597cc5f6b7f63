"""Whether masks are where and when the picture moves: a correlation over shifts in space and time.

What is compared is what the model is fed, after scaling and cropping: alpha, and the motion of the pixels themselves.
A mask that was cropped differently from its picture, or that belongs to a different frame, agrees best with the
picture's motion at a shift that is not zero.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deltaclip.motion import MOTIONS, MotionSpec, Neighbours, absolute_difference, grey, needs_neighbours
from deltaclip.reader import ReaderSpec, fit_to_model, read_motion

__all__ = ["Agreement", "MaskAndMotion", "agreement_over_shifts", "claims", "read_mask_and_motion"]

LAGS = 2
"""Frames that a mask is tried earlier and later."""
REACH = 3 / 8
"""How far it is tried to each side, as a share of the picture's side."""
STRONG = 48.0
"""Grey levels beyond which a change is no better evidence."""

Planes = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class MaskAndMotion:
    """One clip as the model is fed it.

    alpha: (T, S, S) float32, 0..1. moves: (T, S, S) float32, how much the picture changes there, whatever the mask.
    used: (T,) bool, frames that are fed their mask and not the whole picture.
    """

    alpha: Planes
    moves: Planes
    used: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Agreement:
    """Mean correlation of mask and motion over shifts of the mask.

    values: (lags, shifts, shifts) float64, -1..1, over frames later, pixels down and pixels right by which the mask is
    off. centre: places of no shift. frames: how many were measured at no shift.
    """

    values: NDArray[np.float64]
    centre: tuple[int, int, int]
    frames: int

    @property
    def at_zero(self) -> float:
        return float(self.values[self.centre])

    @property
    def best(self) -> float:
        return float(self.values.max())

    @property
    def shift(self) -> tuple[int, int, int]:
        """Frames later, pixels down, pixels right by which the mask seems to be off."""
        later, down, right = np.unravel_index(int(np.argmax(self.values)), self.values.shape)
        return (
            int(later) - self.centre[0],
            int(down) - self.centre[1],
            int(right) - self.centre[2],
        )


def read_mask_and_motion(path: Path, spec: ReaderSpec) -> MaskAndMotion:
    """The frames of a whole video with their masks and their motion. spec: with a mask. Raises VideoError.

    The motion is taken as the mask takes it: between sampled frames for masks made of differences, from the native
    frames beside each if the mask looks at these.
    """
    assert spec.motion is not None
    frames, _ = read_motion(path, spec.motion, spec.num_frames, spec.decode_side)
    pixels, alpha, motion = fit_to_model(frames.rgb, spec, frames.before, frames.after, frames.step_seconds)
    assert motion is not None
    if needs_neighbours(spec.motion) and frames.before is not None and frames.after is not None:
        plain = ReaderSpec(spec.image_size, spec.num_frames, None)
        moves = _changes(pixels, frames.rgb, frames.before, plain) + _changes(pixels, frames.rgb, frames.after, plain)
    elif len(pixels) > 1:
        moves = absolute_difference(grey(pixels)).astype(np.float32)
    else:
        moves = np.zeros(alpha.shape, np.float32)
    used = np.array([reason is None for reason in motion.fallback])
    return MaskAndMotion(alpha, np.minimum(moves, np.float32(STRONG)), used)


def _changes(pixels: NDArray[np.uint8], rgb: NDArray[np.uint8], beside: Neighbours, plain: ReaderSpec) -> Planes:
    """Grey difference of each frame and its neighbour, (T, S, S), 0 if there is none."""
    pictures = np.stack([frame if other is None else other for frame, other in zip(rgb, beside, strict=True)])
    fitted, _, _ = fit_to_model(pictures, plain)
    return np.abs(grey(fitted).astype(np.float32) - grey(pixels).astype(np.float32))


def agreement_over_shifts(films: Sequence[MaskAndMotion], *, right: int = 0, later: int = 0) -> Agreement | None:
    """The agreement over all frames that use their mask; None if there is none or nothing moves.

    right, later: pixels and frames by which each mask is moved first, to try whether that is found.
    """
    side = films[0].alpha.shape[-1]
    reach, lags = int(side * REACH), min(LAGS, len(films[0].alpha) - 1)
    totals = np.zeros((2 * lags + 1, 2 * reach + 1, 2 * reach + 1))
    counts = np.zeros(2 * lags + 1, np.int64)
    for film in films:
        masks = _spectra(np.roll(film.alpha, (right, -later), (2, 0)))
        moves = _spectra(film.moves)
        used = np.roll(film.used, -later)
        for lag in range(-lags, lags + 1):
            for frame in range(max(0, -lag), min(len(used), len(used) - lag)):
                mask, motion = masks[frame], moves[frame + lag]
                if used[frame] and mask is not None and motion is not None:
                    # Correlation at all shifts at once; the mask's own shift is the one which undoes itself.
                    table = np.fft.irfft2(mask * np.conj(motion), (side, side))
                    totals[lag + lags] += np.roll(table, (reach, reach), (0, 1))[: 2 * reach + 1, : 2 * reach + 1]
                    counts[lag + lags] += 1
    if not counts[lags]:
        return None
    values = totals / np.maximum(counts, 1)[:, None, None]
    return Agreement(values, (lags, reach, reach), int(counts[lags]))


def _spectra(planes: Planes) -> list[NDArray[np.complex128] | None]:
    """Of each plane (S, S), less its mean and of unit norm; None if it is flat."""
    spectra: list[NDArray[np.complex128] | None] = []
    for plane in planes:
        centred = plane - plane.mean()
        norm = float(np.linalg.norm(centred))
        spectra.append(np.fft.rfft2(centred / norm).astype(np.complex128) if norm > 1e-6 else None)
    return spectra


def claims(motion: str) -> bool:
    """Whether that mask says where the motion is."""
    return MOTIONS[MotionSpec.parse(motion).name].locates
