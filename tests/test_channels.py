"""The channels of a clip: how many there are, what their bytes mean, and what turning a picture does to them."""

import numpy as np
import pytest
from numpy.typing import NDArray

from deltaclip.channels import (
    ALPHA,
    CHANNELS,
    EXTRAS,
    channels_of,
    extras_of,
    filled,
    turned,
    velocity_bytes,
    velocity_of_bytes,
)

ALL = [channel.name for channel in channels_of(EXTRAS)]
RIGHT, DOWN = ALL.index("right"), ALL.index("down")


def frames(right: float = 0.0, down: float = 0.0) -> NDArray[np.uint8]:
    """(1, C, 4, 4) of all channels; the upper left pixel moves."""
    made = np.zeros((1, len(ALL), 4, 4), np.uint8)
    made[:, RIGHT : DOWN + 1] = 128
    made[0, RIGHT : DOWN + 1, 0, 0] = velocity_bytes(np.array((right, down), np.float32))
    return made


def test_the_number_of_channels_tells_which_they_are() -> None:
    for extras in ((), ("flow",), ("time",), ("flow", "time")):
        assert extras_of(len(channels_of(extras))) == extras
    assert ALL == ["red", "green", "blue", "alpha", "right", "down", "late"]
    with pytest.raises(ValueError, match="3 channels: there are clips of 4, 5, 6, 7"):
        extras_of(3)


def test_a_neutral_byte_of_an_extra_is_zero_to_a_model() -> None:
    for channel in channels_of(EXTRAS)[len(CHANNELS) :]:
        assert channel.neutral / 255 == pytest.approx(channel.mean)


@pytest.mark.parametrize(("velocity", "level"), [(0, 128), (0.01, 133), (-0.01, 123), (0.1, 164), (1, 220), (-1, 36)])
def test_slow_velocities_keep_levels_of_their_own(velocity: float, level: int) -> None:
    assert velocity_bytes(np.array([velocity], np.float32)).tolist() == [level]


def test_what_is_faster_than_four_heights_a_second_saturates() -> None:
    assert velocity_bytes(np.array([4, 9, -4, -9], np.float32)).tolist() == [255, 255, 1, 1]


def test_velocities_come_back_from_their_bytes_within_a_level() -> None:
    velocity = np.linspace(-4, 4, 801, dtype=np.float32)
    back = velocity_of_bytes(velocity_bytes(velocity))
    assert abs(back - velocity).max() < 0.1
    levels = np.arange(1, 256, dtype=np.uint8)
    assert (velocity_bytes(velocity_of_bytes(levels)) == levels).all()


@pytest.mark.parametrize(
    ("quarters", "mirrored", "place", "right", "down"),
    [
        (0, True, (0, 3), -0.5, 0.2),
        (1, False, (3, 0), 0.2, -0.5),
        (2, False, (3, 3), -0.5, -0.2),
        (1, True, (3, 3), -0.2, -0.5),
    ],
)
def test_what_moves_is_turned_with_the_picture(
    quarters: int, mirrored: bool, place: tuple[int, int], right: float, down: float
) -> None:
    made = turned(frames(right=0.5, down=0.2), quarters, mirrored)
    expected = velocity_bytes(np.array((right, down), np.float32))
    assert made[0, RIGHT : DOWN + 1, *place].tolist() == expected.tolist()
    assert (made[0, RIGHT : DOWN + 1] != 128).any(0).sum() == 1


def test_clips_without_extras_are_turned_as_pictures() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (2, len(CHANNELS), 4, 4), np.uint8)
    assert (turned(picture, 1, mirrored=True) == np.rot90(picture, axes=(-2, -1))[..., ::-1]).all()


def test_channels_that_a_clip_lacks_are_neutral() -> None:
    plain = np.random.default_rng(0).integers(0, 256, (2, len(CHANNELS), 4, 4), np.uint8)
    full = filled(plain, len(ALL))
    assert (full[:, : ALPHA + 1] == plain).all()
    assert (full[:, RIGHT : DOWN + 1] == 128).all()
    assert (full[:, ALL.index("late")] == 0).all()
    assert filled(plain, len(CHANNELS)) is plain


def test_channels_that_a_model_does_not_take_are_refused() -> None:
    with pytest.raises(ValueError, match="clips of red, green, blue, alpha, right, down, late for a model of red"):
        filled(frames(), len(CHANNELS))
