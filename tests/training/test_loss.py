"""The symmetric loss, against numbers worked out by hand and against its definition."""

import math

import numpy as np
import pytest
import torch

from deltaclip.training import symmetric_cross_entropy

IDENTITY = torch.eye(2)


def test_equal_scores_cost_the_log_of_the_batch() -> None:
    rows = torch.ones(4, 1)
    assert symmetric_cross_entropy(rows, rows, torch.tensor(0.0)).item() == pytest.approx(math.log(4))


def test_two_right_pairs_at_scale_two_cost_what_the_formula_says() -> None:
    # Logits [[2, 0], [0, 2]]: each row and each column costs log(1 + e^-2).
    loss = symmetric_cross_entropy(IDENTITY, IDENTITY, torch.tensor(math.log(2.0)))
    assert loss.item() == pytest.approx(math.log(1 + math.exp(-2)))


def test_both_directions_count_alike() -> None:
    texts, videos = torch.nn.functional.normalize(torch.randn(2, 5, 8, generator=torch.manual_seed(0)), dim=-1)
    scale = torch.tensor(1.5)
    assert symmetric_cross_entropy(texts, videos, scale).item() == pytest.approx(
        symmetric_cross_entropy(videos, texts, scale).item()
    )


def test_it_is_the_mean_of_row_and_column_cross_entropy() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(3, 3)).astype(np.float32)
    rows = -np.mean(np.diag(logits - np.log(np.exp(logits).sum(1, keepdims=True))))
    columns = -np.mean(np.diag(logits - np.log(np.exp(logits).sum(0, keepdims=True))))
    loss = symmetric_cross_entropy(torch.from_numpy(logits), torch.eye(3), torch.tensor(0.0))
    assert loss.item() == pytest.approx((rows + columns) / 2, abs=1e-6)


def test_captions_of_one_video_are_no_negatives_of_each_other() -> None:
    # Rows 0 and 1 are of one video: without each other's columns they have one candidate less.
    rows = torch.ones(3, 1)
    loss = symmetric_cross_entropy(rows, rows, torch.tensor(0.0), torch.tensor([4, 4, 7]))
    assert loss.item() == pytest.approx((2 * math.log(2) + math.log(3)) / 3)


def test_different_videos_lose_nothing_to_the_mask() -> None:
    texts, videos = torch.nn.functional.normalize(torch.randn(2, 4, 8, generator=torch.manual_seed(1)), dim=-1)
    scale = torch.tensor(1.0)
    masked = symmetric_cross_entropy(texts, videos, scale, torch.arange(4))
    assert torch.equal(masked, symmetric_cross_entropy(texts, videos, scale))


def test_a_batch_of_one_video_alone_costs_nothing_and_stays_finite() -> None:
    rows = torch.nn.functional.normalize(torch.randn(3, 4, generator=torch.manual_seed(2)), dim=-1)
    assert symmetric_cross_entropy(rows, rows, torch.tensor(1.0), torch.zeros(3, dtype=torch.int64)).item() == 0.0
