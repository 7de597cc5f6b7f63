"""Scaling as numpy does them in double precision."""

import numpy as np
import pytest

from deltaclip.reader.geometry import to_short_side, to_size_of
from tests.by_hand import area_weights, linear_weights, resized

SHRUNK = [((224, 398), 128), ((398, 224), 128), ((270, 480), 224), ((336, 336), 224), ((225, 301), 224)]
GROWN = [((224, 398), 336), ((224, 224), 336), ((96, 96), 224)]


@pytest.mark.parametrize(("size", "side"), SHRUNK)
@pytest.mark.parametrize("channels", [(3,), ()])
def test_shrinking_takes_means_over_areas(size: tuple[int, int], side: int, channels: tuple[int, ...]) -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (2, *size, *channels), np.uint8)
    small = to_short_side(pictures, side)
    weights = [area_weights(old, new) for old, new in zip(size, small.shape[1:3], strict=True)]
    assert np.abs(small[1] - resized(pictures[1], *weights)).max() <= 0.51
    shades = to_short_side(pictures.astype(np.float32) / np.float32(255), side)
    assert np.abs(shades[1] - resized(pictures[1] / 255, *weights)).max() < 1e-6


@pytest.mark.parametrize(("size", "side"), GROWN)
def test_growing_alpha_is_bilinear(size: tuple[int, int], side: int) -> None:
    alpha = np.random.default_rng(0).random((2, *size)).astype(np.float32)
    large = to_short_side(alpha, side)
    weights = [linear_weights(old, new) for old, new in zip(size, large.shape[1:3], strict=True)]
    assert np.abs(large[1] - resized(alpha[1], *weights)).max() < 1e-5
    back = to_size_of(np.zeros((2, *large.shape[1:3], 3), np.uint8), alpha)
    assert np.abs(back[1] - resized(alpha[1], *weights)).max() < 1e-5
