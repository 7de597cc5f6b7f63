"""Token-wise interaction is what a plain loop over tokens and frames makes of it; padding does not exist."""

import tracemalloc

import numpy as np
import pytest
from numpy.typing import NDArray

from deltaclip.evaluation import token_scores as module
from deltaclip.evaluation.token_scores import part_rows, token_scores
from deltaclip.model import TokenWeights

WIDTH = 6
Features = list[NDArray[np.float32]]


def drawn(lengths: list[int], seed: int) -> Features:
    rng = np.random.default_rng(seed)
    return [rng.normal(size=(length, WIDTH)).astype(np.float32) for length in lengths]


def networks(layers: int, seed: int = 7) -> TokenWeights:
    """Small networks none of whose weights is at a value that hides a mistake."""
    rng = np.random.default_rng(seed)
    arrays = {}
    for side in ("text", "video"):
        for number in range(layers):
            out = 1 if number == layers - 1 else WIDTH
            arrays[f"{side}.{number}.weight"] = rng.normal(size=(out, WIDTH)).astype(np.float32)
            arrays[f"{side}.{number}.bias"] = rng.normal(size=(out,)).astype(np.float32)
    return TokenWeights(arrays)


def network_of(weights: TokenWeights, side: str, features: NDArray[np.float32]) -> float:
    """One row through one network, step by step."""
    row = features
    last = weights.layers - 1
    for number in range(weights.layers):
        row = weights.arrays[f"{side}.{number}.weight"] @ row + weights.arrays[f"{side}.{number}.bias"]
        if number < last:
            row = np.where(row > 0, row, 0)
    return float(row[0])


def by_loop(texts: Features, videos: Features, weights: TokenWeights | None = None) -> NDArray[np.float64]:
    """DRL's formula for each pair, token by token and frame by frame."""

    def shares(side: str, features: NDArray[np.float32]) -> list[float]:
        if weights is None:
            return [1 / len(features)] * len(features)
        powers = [float(np.exp(network_of(weights, side, row))) for row in features]
        return [power / sum(powers) for power in powers]

    scores = np.zeros((len(texts), len(videos)))
    for q, tokens in enumerate(texts):
        for v, frames in enumerate(videos):
            cosines = [[float(t @ f) / float(np.linalg.norm(t) * np.linalg.norm(f)) for f in frames] for t in tokens]
            of_text = sum(share * max(row) for share, row in zip(shares("text", tokens), cosines, strict=True))
            columns = list(zip(*cosines, strict=True))
            of_video = sum(share * max(column) for share, column in zip(shares("video", frames), columns, strict=True))
            scores[q, v] = (of_text + of_video) / 2
    return scores


TEXTS, VIDEOS = drawn([3, 1, 7, 2, 5], 0), drawn([4, 12, 1, 6], 1)


def test_all_tokens_count_alike_without_weights() -> None:
    found = token_scores(part_rows(TEXTS), part_rows(VIDEOS))
    np.testing.assert_allclose(found, by_loop(TEXTS, VIDEOS), atol=1e-6)


@pytest.mark.parametrize("layers", [1, 2, 3])
def test_tokens_and_frames_count_by_the_softmax_of_their_networks(layers: int) -> None:
    weights = networks(layers)
    found = token_scores(part_rows(TEXTS, weights.of_tokens), part_rows(VIDEOS, weights.of_frames))
    np.testing.assert_allclose(found, by_loop(TEXTS, VIDEOS, weights), atol=1e-5)
    assert np.abs(found - token_scores(part_rows(TEXTS), part_rows(VIDEOS))).max() > 0.01


@pytest.mark.parametrize("tile", [1, 9, 50, 1000])
def test_tiles_of_any_size_give_the_same(tile: int, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = token_scores(part_rows(TEXTS), part_rows(VIDEOS))
    monkeypatch.setattr(module, "TILE", tile)
    np.testing.assert_allclose(token_scores(part_rows(TEXTS), part_rows(VIDEOS)), whole, atol=1e-6)


def test_a_pair_whose_cosines_are_all_negative_is_below_zero() -> None:
    """DRL's padding, which is zero, would win there."""
    one = np.ones((1, WIDTH), np.float32)
    assert token_scores(part_rows([one]), part_rows([-one])) == pytest.approx(-1)


def test_a_thousand_texts_of_77_tokens_by_a_thousand_videos_take_little_memory() -> None:
    texts = part_rows([np.ones((77, 2), np.float32)] * 1000)
    videos = part_rows([np.ones((12, 2), np.float32)] * 1000)
    tracemalloc.start()
    try:
        assert token_scores(texts, videos).shape == (1000, 1000)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 150e6  # all cosines at once would be 3.7 GB


@pytest.mark.parametrize(
    ("name", "shape", "told"),
    [
        ("text.0.weight", (1, WIDTH + 1), "features of 7 and 6"),
        ("text.0.bias", (2,), r"text\.0 has"),
        ("text.1.weight", (1, WIDTH), r"text\.1\.bias is missing"),
        ("other", (1,), "of which 4 belong"),
    ],
)
def test_networks_that_are_not_whole_are_refused(name: str, shape: tuple[int, ...], told: str) -> None:
    arrays = {**networks(1).arrays, name: np.ones(shape, np.float32)}
    with pytest.raises(ValueError, match=told):
        TokenWeights(arrays)
