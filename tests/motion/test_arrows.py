"""Arrows point the way things move; words say how the camera does."""

import numpy as np
import pytest
from numpy.typing import NDArray

from deltaclip.motion import camera_words, with_arrows

BLACK = np.zeros((224, 320, 3), np.uint8)


def field(right: float, down: float) -> NDArray[np.float32]:
    return np.tile(np.array((right, down), np.float32), (48, 68, 1))


def one_cell() -> NDArray[np.bool_]:
    """A mask that holds one arrow, in the middle of the picture."""
    mask = np.zeros(BLACK.shape[:2], np.bool_)
    mask[112:128, 160:176] = True
    return mask


@pytest.mark.parametrize(("right", "down", "axis"), [(0.6, 0.0, 1), (0.0, -0.6, 0)])
def test_an_arrow_is_as_long_as_the_way_in_a_fifth_of_a_second(right: float, down: float, axis: int) -> None:
    drawn = np.argwhere(with_arrows(BLACK, field(right, down), one_cell()).any(-1))
    assert np.ptp(drawn[:, axis]) == pytest.approx(0.6 * 0.2 * 224, abs=4)


def test_the_head_of_an_arrow_is_at_its_end() -> None:
    drawn = with_arrows(BLACK, field(0.8, 0), one_cell())[..., 0] > 128
    columns = np.flatnonzero(drawn.any(0))
    tall = drawn.sum(0)
    middle = (columns[0] + columns[-1]) // 2
    assert tall[middle + 1 :].max() > 2 * tall[:middle].max()


def test_what_stands_still_and_what_is_outside_the_mask_gets_no_arrow() -> None:
    assert not with_arrows(BLACK, field(0.02, 0), one_cell()).any()
    assert not with_arrows(BLACK, field(1, 0), np.zeros(BLACK.shape[:2], np.bool_)).any()


def test_a_picture_of_one_pixel_can_have_arrows() -> None:
    assert with_arrows(BLACK[:1, :1], field(1, 0), np.ones((1, 1), np.bool_)).shape == (1, 1, 3)


@pytest.mark.parametrize(
    ("camera", "confidence", "words"),
    [
        ((0.21, -0.3, 0, 0), 0.9, "camera right 0.21, down 0.30 a second"),
        ((0, 0, -0.05, -0.1), 0.9, "camera out 0.05, counterclockwise 0.10 a second"),
        ((0.009, 0, 0, 0), 0.9, "camera still"),
        ((0, 0, 0, 0), 0.0, "camera unknown"),
    ],
)
def test_the_cameras_motion_is_told_in_words(camera: tuple[float, ...], confidence: float, words: str) -> None:
    assert camera_words(np.array(camera, np.float32), confidence) == words
