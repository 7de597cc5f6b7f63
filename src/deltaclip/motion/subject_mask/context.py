"""What a first answer says about the rest of the clip: colours, neighbours in space and time, size and place.

Every number is a map that broadcasts to (K, h, w) float32, as in `evidence`.
"""

import numpy as np
from numpy.typing import NDArray

from deltaclip.motion.subject_mask.colours import colour_ratio
from deltaclip.motion.subject_mask.evidence import Appearance, GridPosition, Maps, places
from deltaclip.motion.subject_mask.neighbours import Residual
from deltaclip.motion.subject_mask.smoothing import along_edges, box, guided

__all__ = ["GUIDE_FLATNESS", "context"]

GUIDE_RADIUS = 3
GUIDE_FLATNESS = 60.0
"""Squared grey levels: windows whose grey varies less are flat to the guided filter."""


def context(
    logit: NDArray[np.float32], probability: NDArray[np.float32], motion: Residual, picture: Appearance
) -> Maps:
    """The numbers that the second network weighs, by name. logit, probability: (K, h, w), the first network's."""
    place = places(*logit.shape[1:])
    times = motion.length / motion.scale
    others, own = colour_ratio(picture.bins, probability**2, (1 - probability) ** 2)
    smooth, smooth_colour = along_edges(np.stack([probability, others]), picture.through)
    return {
        "logit": logit,
        "probability": probability,
        "probability_edges": smooth,
        "colour_edges": smooth_colour,
        **_probability_numbers(probability, picture),
        "colour": others,
        "colour_own": own,
        "colour_3": box(others, 1),
        "colour_9": box(others, 4),
        "colour_21": box(others, 10),
        "colour_own_5": box(own, 2),
        "log_times": np.log(times + np.float32(0.3)),
        "log_times_5": np.log(box(times, 2) + np.float32(0.3)),
        "inside": place.inside,
        "y": place.y,
        **_whole_numbers(probability, place),
    }


def _probability_numbers(probability: NDArray[np.float32], picture: Appearance) -> Maps:
    """The first answer around a cell, along the picture's grey, at its place over the clip and in adjacent frames."""
    slope, offset = guided(picture.light, probability, GUIDE_RADIUS, GUIDE_FLATNESS)
    earlier = np.concatenate([probability[:1], probability[:-1]])
    later = np.concatenate([probability[1:], probability[-1:]])
    return {
        "probability_3": box(probability, 1),
        "probability_9": box(probability, 4),
        "probability_21": box(probability, 10),
        "probability_guided": slope * picture.light + offset,
        "probability_over_clip": box(probability.mean(0, keepdims=True), 2),
        "probability_adjacent": box((earlier + later) / 2, 3),
    }


def _whole_numbers(probability: NDArray[np.float32], place: GridPosition) -> Maps:
    """Distance to the middle of the first answer over its spread, spread, mean and peak of each frame."""
    total = probability.sum((1, 2), keepdims=True) + np.float32(1e-3)
    x = (probability * place.x).sum((1, 2), keepdims=True) / total
    y = (probability * place.y).sum((1, 2), keepdims=True) / total
    squared = (place.x - x) ** 2 + (place.y - y) ** 2
    spread = np.sqrt((probability * squared).sum((1, 2), keepdims=True) / total) + np.float32(0.05)
    return {
        "from_centre": np.sqrt(squared) / spread,
        "log_spread": np.log(spread),
        "log_mean": np.log(probability.mean((1, 2), keepdims=True) + np.float32(0.01)),
        "peak": probability.max((1, 2), keepdims=True),
    }
