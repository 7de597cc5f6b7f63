"""Pixels and alpha as the models that we take weights from expect them."""

import numpy as np
import pytest

from deltaclip.reader import normalise_alpha, normalise_pixels


def test_pixels_and_alpha_are_normalised_as_clip_and_alpha_clip_do() -> None:
    white = normalise_pixels(np.full((1, 2, 2, 3), 255, np.uint8))
    assert white[0, :, 0, 0].tolist() == pytest.approx([1.930336, 2.074884, 2.145897], abs=1e-5)
    alpha = normalise_alpha(np.array([[[0.0, 1.0, 0.5]]], np.float32))
    assert alpha.ravel().tolist() == pytest.approx([-1.923077, 1.923077, 0.0], abs=1e-5)
