"""Light that changes as a whole is taken out; what changes inside the picture stays."""

import numpy as np
import pytest
from numpy.typing import NDArray

from deltaclip.motion.exposure import relit, relit_in_place
from tests.motion.drawn import texture

Bytes = NDArray[np.uint8]


def grey(seed: int) -> Bytes:
    return np.asarray(texture(seed).mean(-1), np.uint8)


def lit(picture: Bytes, factor: float) -> Bytes:
    return np.asarray(np.clip(np.round(picture * factor), 0, 255), np.uint8)


def apart(one: Bytes, other: Bytes) -> float:
    return float(np.abs(one.astype(int) - other).mean())


@pytest.mark.parametrize("factor", [0.7, 0.9, 1.1, 1.3])
def test_a_picture_in_another_light_is_brought_back(factor: float) -> None:
    now = grey(1)
    assert apart(now, lit(now, factor)) > 8
    assert apart(now, relit(now, lit(now, factor))) < 3
    assert apart(now, relit_in_place(now, lit(now, factor))) < 1.5


def test_the_contents_may_have_moved() -> None:
    wide = grey(2)
    now, other = wide[:, :400], lit(wide[:, 30:430], 0.8)
    assert abs(float(np.median(relit(now, other))) - float(np.median(now))) <= 2


def test_the_same_light_is_left_alone_to_the_bit() -> None:
    now = grey(3)
    noisy = np.clip(now + np.random.default_rng(0).normal(0, 3, now.shape), 0, 255).astype(np.uint8)
    assert relit(now, noisy) is noisy
    assert relit_in_place(now, noisy) is noisy


def test_a_large_thing_that_changes_does_not_change_the_rest() -> None:
    now = grey(4)
    other = now.copy()
    other[:, : now.shape[1] // 3] = 250
    assert (relit_in_place(now, other) == other).all()


def test_light_that_changes_more_than_twofold_is_not_taken_out() -> None:
    now = grey(6)
    dark = lit(now, 0.3)
    assert relit(now, dark) is dark
    assert relit_in_place(now, dark) is dark


@pytest.mark.parametrize("level", [0, 255])
def test_black_and_white_pictures_say_nothing_of_the_light(level: int) -> None:
    flat = np.full((40, 60), level, np.uint8)
    assert (relit(flat, flat) == flat).all()
    assert relit_in_place(grey(5)[:40, :60], flat) is flat
