"""Families that see the whole picture: squashed to a square, and the mask with it."""

import numpy as np
import pytest

from deltaclip.motion import MotionSpec
from deltaclip.reader import ReaderSpec, fit_extras, fit_to_model, fitted
from tests.by_hand import area_weights, resized


def test_all_of_a_wide_picture_is_seen_and_the_centre_alone_is_not() -> None:
    wide = np.zeros((1, 224, 448, 3), np.uint8)
    wide[:, :, :50] = 255  # outside of the centre
    assert fitted(wide, 32, "squash")[0, :, 0].min() == 255
    assert fitted(wide, 32, "crop").max() == 0


@pytest.mark.parametrize("size", [(224, 398), (398, 224), (240, 320)])
def test_a_picture_is_averaged_over_areas_of_its_own_shape(size: tuple[int, int]) -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (2, *size, 3), np.uint8)
    weights = [area_weights(old, 96) for old in size]
    assert np.abs(fitted(pictures, 96, "squash")[1] - resized(pictures[1], *weights)).max() <= 0.51


def test_the_mask_goes_through_the_geometry_of_its_picture() -> None:
    rgb = np.zeros((2, 224, 448, 3), np.uint8)
    rgb[1, 100:124, 0:96] = 255  # appears at the left edge, which a crop would cut off
    spec = ReaderSpec(56, 2, MotionSpec.parse("difference"), fit="squash")
    pixels, alpha, motion = fit_to_model(rgb, spec)
    assert motion is not None
    assert pixels.shape == (2, 56, 56, 3)
    assert (alpha[1] > 0.5)[27, 3]
    assert pixels[1, 27, 3].min() > 200
    planes = np.stack([motion.alpha, motion.alpha], axis=-1)
    assert np.array_equal(fit_extras(planes, 56, "squash")[..., 0], alpha)


def test_a_square_picture_is_the_same_in_both_ways() -> None:
    square = np.random.default_rng(0).integers(0, 256, (2, 224, 224, 3), np.uint8)
    assert np.array_equal(fitted(square, 48, "squash"), fitted(square, 48, "crop"))


def test_an_unknown_way_is_refused() -> None:
    with pytest.raises(ValueError, match="fit"):
        ReaderSpec(32, fit="stretch")
