"""Means over windows and along edges, on pictures whose means are known."""

import numpy as np
import pytest
from numpy.typing import NDArray

from deltaclip.motion.subject_mask.smoothing import along_edges, box, guided, passage

Floats = NDArray[np.float32]


def two_halves(left: float, right: float) -> Floats:
    """(1, 12, 20): one value left of column 10, another right of it."""
    plane = np.full((1, 12, 20), left, np.float32)
    plane[..., 10:] = right
    return plane


def as_lab(plane: Floats) -> Floats:
    return np.repeat(plane[..., None], 3, axis=-1)


def test_a_constant_stays_whatever_the_edges() -> None:
    lab = np.random.default_rng(0).uniform(0, 255, (1, 12, 20, 3)).astype(np.float32)
    constant = np.full((2, 1, 12, 20), 7, np.float32)
    assert along_edges(constant, passage(lab)) == pytest.approx(constant)


def test_a_mean_does_not_cross_an_edge() -> None:
    evidence = two_halves(0, 1)
    smooth = along_edges(evidence[None], passage(as_lab(two_halves(40, 200))))[0]
    assert smooth == pytest.approx(evidence, abs=1e-3)


def test_a_mean_spreads_where_there_is_no_edge() -> None:
    speck = np.zeros((1, 1, 12, 20), np.float32)
    speck[0, 0, 6, 5] = 1
    smooth = along_edges(speck, passage(as_lab(two_halves(40, 40))))[0, 0]
    assert smooth[6, 5] < 0.1
    assert smooth[6, 5] > smooth[6, 8] > smooth[6, 14] > 0


def test_maps_and_frames_are_smoothed_on_their_own() -> None:
    generator = np.random.default_rng(1)
    maps = generator.normal(size=(2, 3, 12, 20)).astype(np.float32)
    lab = generator.uniform(0, 50, (3, 12, 20, 3)).astype(np.float32)
    alone = along_edges(maps[1:, 2:], passage(lab[2:]))
    assert along_edges(maps, passage(lab))[1:, 2:] == pytest.approx(alone, abs=1e-6)


def test_a_box_of_radius_one_is_the_mean_of_nine_cells() -> None:
    plane = np.arange(25, dtype=np.float32).reshape(1, 5, 5) ** 2
    assert box(plane, 1)[0, 2, 2] == pytest.approx(plane[0, 1:4, 1:4].mean())


def test_the_guided_filter_gives_back_what_is_linear_in_the_guide() -> None:
    guide = np.random.default_rng(2).uniform(0, 255, (1, 12, 20)).astype(np.float32)
    slope, offset = guided(guide, (guide / 500 + 0.2).astype(np.float32), radius=2, flatness=1e-3)
    assert slope * guide + offset == pytest.approx(guide / 500 + 0.2, abs=1e-3)


def test_the_guided_filter_is_a_mean_where_the_guide_is_flat() -> None:
    maps = np.random.default_rng(3).uniform(0, 1, (1, 12, 20)).astype(np.float32)
    slope, offset = guided(np.full_like(maps, 90), maps, radius=1, flatness=60.0)
    assert abs(slope).max() < 1e-3
    assert offset == pytest.approx(box(box(maps, 1), 1), abs=0.02)
