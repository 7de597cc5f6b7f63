"""Which cached frames a step takes."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from deltaclip.frame_cache import random_places, uniform_places


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_one_place_lies_in_each_span_and_none_is_repeated(num_cached: int, num_frames: int, seed: int) -> None:
    places = random_places(num_cached, num_frames, np.random.default_rng(seed))
    assert len(places) == num_frames
    assert places.min() >= 0
    assert places.max() < num_cached
    assert (np.diff(places) >= 0).all()
    if num_frames <= num_cached:
        assert (np.diff(places) > 0).all()
        # A border between spans that falls into a frame gives that frame to the later one.
        borders = np.arange(num_frames + 1) * num_cached // num_frames
        assert (places >= borders[:-1]).all()
        assert (places < borders[1:]).all()


def test_every_frame_is_drawn_sooner_or_later() -> None:
    rng = np.random.default_rng(0)
    drawn = {int(place) for _ in range(400) for place in random_places(32, 6, rng)}
    assert drawn == set(range(32))


def test_places_for_testing_are_the_middles_of_the_spans() -> None:
    assert uniform_places(32, 6).tolist() == [2, 8, 13, 18, 24, 29]
    assert uniform_places(4, 4).tolist() == [0, 1, 2, 3]
    assert uniform_places(2, 4).tolist() == [0, 0, 1, 1]
