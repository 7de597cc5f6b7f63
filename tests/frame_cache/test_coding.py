"""Pictures and masks survive their way through bytes."""

from io import BytesIO

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from deltaclip.channels import velocity_bytes
from deltaclip.frame_cache.shard import decode_alpha, decode_picture, encode_alpha, encode_picture
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
    back, _ = decode_alpha(encode_alpha(alpha, binary=False))
    assert np.abs(back - alpha).max() <= 0.5 / 255 + 1e-6
    assert np.array_equal(back > 0.5, alpha > 0.5)


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_binary_alpha_is_exact_in_one_bit(height: int, width: int, seed: int) -> None:
    alpha = (np.random.default_rng(seed).random((height, width)) < 0.3).astype(np.float32)
    encoded = encode_alpha(alpha, binary=True)
    assert np.array_equal(decode_alpha(encoded)[0], alpha)
    assert len(encoded) < 150 + height * (width + 7) // 8  # bits, not bytes, beside the head of a PNG


def drawn(height: int, width: int) -> NDArray[np.uint8]:
    y, x = np.mgrid[:height, :width]
    waves = [128 + 90 * np.sin(x / 17 + y / 31), 128 + 90 * np.sin(x / 11), 128 + 90 * np.cos((x + y) / 23)]
    return np.stack(waves, -1).astype(np.uint8)


@pytest.mark.parametrize(("height", "width"), [(224, 398), (97, 131)])
@pytest.mark.parametrize("quality", [90, 95])
def test_jpeg_is_what_pillow_reads_from_it_and_near_what_was_written(height: int, width: int, quality: int) -> None:
    rgb = drawn(height, width)
    coded = encode_picture(rgb, quality)
    read = decode_picture(coded, quality).astype(int)
    by_pillow = np.abs(read - np.asarray(Image.open(BytesIO(coded)).convert("RGB")))
    assert by_pillow.max() <= 3
    assert np.abs(read - rgb).mean() < 2.5
    assert np.abs(read - rgb).max() < 40


@pytest.mark.parametrize("binary", [False, True])
def test_alpha_is_what_pillow_reads_from_it(binary: bool) -> None:
    alpha = np.random.default_rng(0).random((97, 131)).astype(np.float32)
    if binary:
        alpha = (alpha > 0.5).astype(np.float32)
    coded = encode_alpha(alpha, binary)
    by_pillow = np.asarray(Image.open(BytesIO(coded)).convert("L")) / 255
    assert np.abs(decode_alpha(coded)[0] - by_pillow).max() < 1e-7
    assert np.abs(by_pillow - alpha).max() <= 0.5 / 255 + 1e-6


@pytest.mark.parametrize("binary", [False, True])
def test_velocity_goes_with_alpha_and_comes_back_within_a_level(binary: bool) -> None:
    random = np.random.default_rng(0)
    alpha = random.integers(0, 2, (30, 40)).astype(np.float32)
    velocity = random.normal(0, 1, (30, 40, 2)).astype(np.float32)
    back, moved = decode_alpha(encode_alpha(alpha, binary, velocity))
    assert moved is not None
    assert np.array_equal(back, alpha)
    assert np.array_equal(velocity_bytes(moved), velocity_bytes(velocity))


def test_alpha_alone_has_no_velocity() -> None:
    assert decode_alpha(encode_alpha(np.ones((4, 4), np.float32), binary=False))[1] is None
