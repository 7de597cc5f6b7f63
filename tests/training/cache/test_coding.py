"""Pictures and masks survive their way through bytes."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from deltaclip.training.cache.coding import decode_alpha, decode_picture, encode_alpha, encode_picture
from tests.helpers import moving_square


def test_raw_pictures_come_back_bit_for_bit() -> None:
    rgb = np.random.default_rng(0).integers(0, 256, (13, 17, 3), np.uint8)
    assert np.array_equal(decode_picture(encode_picture(rgb, None), None), rgb)


def test_jpeg_is_a_little_off_and_keeps_red_red() -> None:
    rgb = moving_square(1)[0]
    back = decode_picture(encode_picture(rgb, 90), 90).astype(int)
    assert np.abs(back - rgb).mean() < 2
    assert np.abs(back[28, 12] - (220, 60, 60)).max() < 12
    assert len(encode_picture(rgb, 90)) < rgb.size / 4


@given(st.integers(1, 20), st.integers(1, 20), st.integers(0, 2**32 - 1))
def test_soft_alpha_is_half_a_level_off_at_most_and_falls_on_the_same_side(height: int, width: int, seed: int) -> None:
    alpha = np.random.default_rng(seed).random((height, width), np.float32)
    alpha.flat[0] = 0.5
    back = decode_alpha(encode_alpha(alpha, binary=False))
    assert np.abs(back - alpha).max() <= 0.5 / 255 + 1e-6
    assert np.array_equal(back > 0.5, alpha > 0.5)


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_binary_alpha_is_exact_in_one_bit(height: int, width: int, seed: int) -> None:
    alpha = (np.random.default_rng(seed).random((height, width)) < 0.3).astype(np.float32)
    encoded = encode_alpha(alpha, binary=True)
    assert np.array_equal(decode_alpha(encoded), alpha)
    assert len(encoded) < 150 + height * (width + 7) // 8  # bits, not bytes, beside the head of a PNG
