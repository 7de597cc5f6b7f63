"""What speaks for a moving subject at each cell, before anything is known about its colours.

Every number is a map that broadcasts to (K, h, w) float32: K frames, h rows, w columns of the grid. Most are
logarithms, since motion and difference spread over decades and a network of one layer likes them even.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deltaclip.motion.camera import camera_basis, quantile
from deltaclip.motion.subject_mask.neighbours import Residual
from deltaclip.motion.subject_mask.smoothing import Passage, along_edges, box

__all__ = ["Appearance", "GridPosition", "Maps", "evidence", "places"]

Maps = dict[str, NDArray[np.float32]]


@dataclass(frozen=True, slots=True, eq=False)
class Appearance:
    """How the sampled frames look on the grid.

    grey, light: (K, h, w) float32, grey levels and L of 8-bit Lab. bins: (K, h, w), number of each cell's colour bin.
    through: what image edges let pass.
    """

    grey: NDArray[np.float32]
    light: NDArray[np.float32]
    bins: NDArray[np.intp]
    through: Passage


@dataclass(frozen=True, slots=True, eq=False)
class GridPosition:
    """Where a cell is: x, y (h, w) in -1..1 between the edges; inside (h, w), 0 at the border, 1 in the middle."""

    x: NDArray[np.float32]
    y: NDArray[np.float32]
    inside: NDArray[np.float32]


def places(rows: int, columns: int) -> GridPosition:
    """The place of every cell of a grid."""
    basis = camera_basis(rows, columns)
    x, y = basis[..., 1], basis[..., 2]
    return GridPosition(x, y, np.minimum(1 - abs(x), 1 - abs(y)))


def evidence(motion: Residual, picture: Appearance) -> Maps:
    """The numbers that the first network weighs, by name."""
    place = places(*motion.length.shape[1:])
    times = motion.length / motion.scale
    log_times = np.log(times + np.float32(0.3))
    smooth_changed, smooth_gradient, smooth_times = along_edges(
        np.stack([motion.changed, motion.gradient, log_times]), picture.through
    )
    return {
        "log_times": log_times,
        **_motion_numbers(motion, times),
        **_direction_numbers(motion, times, place),
        **_place_numbers(place),
        **_change_numbers(motion, smooth_changed, smooth_gradient),
        "log_times_edges": smooth_times,
    }


def _motion_numbers(motion: Residual, times: NDArray[np.float32]) -> Maps:
    """Residual motion in units of the fit's error, in windows, in cells, in units of the frame's and over the clip."""
    num_frames = len(times)
    sample = motion.length[:, ::2, ::2].reshape(num_frames, -1)
    top = quantile(sample, 0.98)[:, None, None]
    over_clip = np.log1p(np.minimum(times, np.float32(20))).mean(0, keepdims=True)
    return {
        "log_times_3": np.log(box(times, 1) + np.float32(0.3)),
        "log_times_7": np.log(box(times, 3) + np.float32(0.3)),
        "log_times_19": np.log(box(times, 9) + np.float32(0.3)),
        "log_length": np.log(motion.length + np.float32(0.05)),
        "log_scale": np.log(motion.scale),
        "log_of_top": np.log((motion.length + np.float32(0.02)) / (top + np.float32(0.05))),
        "times_over_clip": box(over_clip, 3),
        "log_top": np.log(top + np.float32(0.05)),
    }


def _direction_numbers(motion: Residual, times: NDArray[np.float32], place: GridPosition) -> Maps:
    """Motion along the way that most of what moves goes, and the distance to the middle of it."""
    weight = np.maximum(times - np.float32(3), np.float32(0))
    weight /= weight.sum((1, 2), keepdims=True) + np.float32(1e-3)
    right, down = motion.vector
    mean_right, mean_down = _mean(weight, right), _mean(weight, down)
    length = np.sqrt(mean_right**2 + mean_down**2) + np.float32(0.05)
    along = (right * mean_right + down * mean_down) / length / motion.scale
    return {
        "along": np.sign(along) * np.log1p(abs(along)),
        "from_centre": (place.x - _mean(weight, place.x)) ** 2 + (place.y - _mean(weight, place.y)) ** 2,
    }


def _mean(weight: NDArray[np.float32], values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Weighted sum of each frame: (K, 1, 1)."""
    return np.asarray((weight * values).sum((1, 2), keepdims=True), np.float32)


def _place_numbers(place: GridPosition) -> Maps:
    """People film what matters in the middle, and what is near is low in the picture."""
    return {"side": abs(place.x), "y": place.y, "y_squared": place.y**2, "inside": place.inside}


def _change_numbers(motion: Residual, smooth: NDArray[np.float32], smooth_gradient: NDArray[np.float32]) -> Maps:
    """Compensated difference, against the frame's noise and against the gradient that a small error would show."""
    changed = motion.changed
    middle = quantile(changed.reshape(len(changed), -1), 0.5)[:, None, None]
    noise = np.maximum(middle, np.float32(0.5))
    near, wide = box(changed, 1), box(changed, 3)
    near_gradient, wide_gradient = box(motion.gradient, 1), box(motion.gradient, 3)
    return {
        "texture": np.log(wide_gradient + np.float32(0.5)),
        "changed": np.log(changed / noise + np.float32(0.5)),
        "changed_3": np.log(near / noise + np.float32(0.5)),
        "changed_7": np.log(wide / noise + np.float32(0.5)),
        "slope_3": np.log(near / (near_gradient + np.float32(1.5)) + np.float32(0.05)),
        "slope_7": np.log(wide / (wide_gradient + np.float32(1.5)) + np.float32(0.05)),
        "log_noise": np.log(noise),
        "slope_edges": np.log(smooth / (smooth_gradient + np.float32(1.5)) + np.float32(0.05)),
        "changed_edges": np.log(smooth / noise + np.float32(0.5)),
    }
