"""Re-weighed scores against the whole matrix, written as the sources write it."""

import json
from collections.abc import Callable, Iterable
from functools import partial

import numpy as np
import pytest
from numpy.typing import NDArray

from deltaclip.errors import CaptionError
from deltaclip.evaluation.postprocess import (
    DualSoftmax,
    PostProcessing,
    QueryBank,
    processed_blocks,
    rank_vectors,
)
from deltaclip.ranking import Block, Ranking, compute_metrics, rank_matrix

Vectors = NDArray[np.float32]
Matrix = NDArray[np.float64]


def unit(seed: int, rows: int, around: Vectors | None = None) -> Vectors:
    vectors = np.random.default_rng(seed).standard_normal((rows, 8))
    vectors = vectors if around is None else vectors + 2 * around
    made: Vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    return made


# 700 texts are several blocks; two of the 40 videos own none.
VIDEOS = unit(0, 40)
OWNER = np.random.default_rng(1).integers(0, 38, 700)
TEXTS = unit(2, 700, VIDEOS[OWNER])
BANK = QueryBank(unit(3, 600, VIDEOS[np.arange(600) % 7]), unit(4, 300, TEXTS[np.arange(300) % 9]))


def whole(blocks: Callable[[], Iterable[Block]]) -> Matrix:
    matrix = np.full((len(TEXTS), len(VIDEOS)), np.nan)
    for rows, scores in blocks():
        matrix[rows] = scores
    return matrix


def cosine(first: Vectors, second: Vectors) -> Matrix:
    return np.asarray(first @ second.T, np.float64)


def softmax(scores: Matrix, axis: int) -> Matrix:
    exp: Matrix = np.exp(scores - scores.max(axis=axis, keepdims=True))
    shares: Matrix = exp / exp.sum(axis=axis, keepdims=True)
    return shares


def inverted(bank: Matrix, plain: Matrix, bank_spec: QueryBank) -> Matrix:
    """qb-norm as its authors write it; both (queries, candidates)."""
    active = np.unique(np.argsort(-bank, axis=1)[:, : bank_spec.k])
    touched = np.isin(np.argsort(-plain, axis=1)[:, 0], active)
    assert 0 < touched.sum() < len(touched)
    processed = plain.copy()
    processed[touched] = np.exp(plain[touched] * bank_spec.beta) / np.exp(bank * bank_spec.beta).sum(axis=0)
    return processed


def ranks(ranking: Ranking) -> list[list[int]]:
    return [part.pessimistic.tolist() for part in (ranking.t2v, ranking.v2t, ranking.v2t_plain)]


def test_without_post_processing_it_is_plain_cosine() -> None:
    assert ranks(rank_vectors(TEXTS, VIDEOS, OWNER)) == ranks(rank_matrix(TEXTS @ VIDEOS.T, OWNER))


@pytest.mark.parametrize("temperature", [1.0, 100.0])
def test_dual_softmax_is_similarity_times_the_softmax_over_the_other_queries(temperature: float) -> None:
    blocks, plain = processed_blocks(TEXTS, VIDEOS, OWNER, DualSoftmax(temperature)), cosine(TEXTS, VIDEOS)
    # A float32 cosine is rounded by up to 6e-8, near zero as well; how the processor sums decides by how much.
    close = partial(pytest.approx, rel=2e-5, abs=1e-7)
    assert whole(blocks.t2v) == close(plain * softmax(temperature * plain, axis=0))
    assert whole(blocks.v2t) == close(plain * softmax(temperature * plain, axis=1))


def test_dual_softmax_ranks_each_direction_by_its_own_matrix() -> None:
    plain = cosine(TEXTS, VIDEOS)
    of_texts = rank_matrix(plain * softmax(100 * plain, axis=0), OWNER)
    of_videos = rank_matrix(plain * softmax(100 * plain, axis=1), OWNER)
    made = rank_vectors(TEXTS, VIDEOS, OWNER, DualSoftmax())
    assert ranks(made) == [ranks(of_texts)[0], *ranks(of_videos)[1:]]


@pytest.mark.parametrize(("k", "captions"), [(1, 200), (3, 4)])
def test_a_query_bank_ranks_as_the_whole_matrix_of_its_authors(k: int, captions: int) -> None:
    assert BANK.videos is not None
    bank = QueryBank(BANK.texts[:captions], BANK.videos, k=k)
    assert bank.videos is not None
    plain = cosine(TEXTS, VIDEOS)
    of_texts = rank_matrix(inverted(cosine(bank.texts, VIDEOS), plain, bank), OWNER)
    of_videos = rank_matrix(inverted(cosine(bank.videos, TEXTS), plain.T, bank).T, OWNER)
    made = rank_vectors(TEXTS, VIDEOS, OWNER, bank)
    assert ranks(made) == [ranks(of_texts)[0], *ranks(of_videos)[1:]]


def test_a_bank_without_videos_leaves_v2t_as_it_is() -> None:
    made, plain = rank_vectors(TEXTS, VIDEOS, OWNER, QueryBank(BANK.texts)), rank_vectors(TEXTS, VIDEOS, OWNER)
    assert ranks(made)[1:] == ranks(plain)[1:]
    assert ranks(made)[0] != ranks(plain)[0]


@pytest.mark.parametrize("post", [DualSoftmax(), QueryBank(np.eye(4, 8, dtype=np.float32) + 0)])
def test_a_hub_comes_first_less_often(post: PostProcessing) -> None:
    """Four texts near four videos; a fifth video lies between all and attracts them."""
    towards = np.eye(4, 8, dtype=np.float32)
    hub = np.full((1, 8), 0.0, np.float32)
    hub[0, :4] = 0.5
    noise = np.zeros((4, 8), np.float32)
    noise[:, 4:] = 2.2 * np.eye(4)  # the own video of each text is only 0.41 like it, the hub 0.5
    videos = np.concatenate([(towards + noise) / np.sqrt(1 + 2.2**2), hub]).astype(np.float32)
    plain, processed = (rank_vectors(towards, videos, np.arange(4), way).t2v for way in (None, post))
    assert compute_metrics(plain.pessimistic).R1 == 0
    assert compute_metrics(processed.pessimistic).R1 == 100


def test_sharp_softmaxes_do_not_tie_at_zero() -> None:
    ranking = rank_vectors(TEXTS, VIDEOS, OWNER, DualSoftmax(300.0))
    assert not ranking.t2v.tied
    assert not ranking.v2t.tied


def test_the_record_says_what_was_done() -> None:
    assert DualSoftmax().to_json() == {"name": "dsl", "temperature": 100.0}
    expected = {"name": "qbnorm", "beta": 20.0, "k": 1, "bank_texts": 600, "bank_videos": 300}
    assert json.loads(json.dumps(BANK.to_json())) == expected
    assert QueryBank(BANK.texts).to_json()["bank_videos"] == 0


def test_a_nan_is_named_by_its_place_in_the_plain_scores() -> None:
    texts = TEXTS.copy()
    texts[3, 0] = np.nan
    for post in (None, DualSoftmax(), BANK):
        with pytest.raises(CaptionError, match="NaN in row 3, column 0"):
            rank_vectors(texts, VIDEOS, OWNER, post)


@pytest.mark.parametrize("vectors", [np.zeros((0, 8), np.float32), np.full((2, 8), np.nan, np.float32)])
def test_a_bank_of_nothing_or_of_nan_is_refused(vectors: Vectors) -> None:
    with pytest.raises(CaptionError, match="query bank: its texts"):
        QueryBank(vectors)
    with pytest.raises(CaptionError, match="query bank: its videos"):
        QueryBank(BANK.texts, vectors)


def test_parameters_without_meaning_are_refused() -> None:
    for temperature in (0.0, -1.0, np.inf, np.nan):
        with pytest.raises(ValueError, match="temperature"):
            DualSoftmax(temperature)
    with pytest.raises(ValueError, match="beta"):
        QueryBank(BANK.texts, beta=0.0)
    with pytest.raises(ValueError, match="k must"):
        QueryBank(BANK.texts, k=0)
