"""One result for every way to evaluate."""

import json

import numpy as np
from numpy.typing import NDArray

from deltaclip.evaluation.result import RetrievalResult, result_of
from deltaclip.ranking import rank_blocks, rank_matrix, similarity_blocks

PERFECT = dict.fromkeys(("R1", "R5", "R10", "R50", "nDCG10"), 100.0) | {"MdR": 1.0, "MnR": 1.0, "queries": 3}


def result_of_vectors(
    texts: NDArray[np.float32], videos: NDArray[np.float32], owner: NDArray[np.int64]
) -> RetrievalResult:
    return result_of(rank_blocks(similarity_blocks(texts, videos, owner), owner, len(videos)))


def test_without_ties_there_is_no_optimistic_figure() -> None:
    result = result_of_vectors(np.eye(3, dtype=np.float32), np.eye(3, dtype=np.float32), np.arange(3))
    assert result.to_json() == {"t2v": PERFECT, "v2t": PERFECT, "v2t_plain": PERFECT, "sum_of_recalls": 600.0}


def test_ties_bring_the_optimistic_figure_of_the_direction_that_has_them() -> None:
    similarity = np.array([[2, 2, 0], [0, 3, 0], [0, 0, 3]], np.float32)  # text 0 cannot tell videos 0 and 1 apart
    document = result_of(rank_matrix(similarity, np.arange(3))).to_json()
    assert document["t2v"]["R1"] == 100 * 2 / 3
    assert document["optimistic"] == {"t2v": PERFECT}


def test_several_captions_give_as_many_text_queries_and_one_per_video() -> None:
    owner = np.array([0, 0, 1])
    result = result_of_vectors(np.eye(2, dtype=np.float32)[owner], np.eye(2, dtype=np.float32), owner)
    assert (result.t2v.queries, result.v2t.queries, result.v2t_plain.queries) == (3, 2, 2)


def test_the_order_of_texts_and_of_videos_changes_no_figure() -> None:
    random = np.random.default_rng(0)
    texts, videos = random.standard_normal((50, 4), np.float32), random.standard_normal((9, 4), np.float32)
    owner, of_texts, of_videos = random.integers(0, 7, 50), random.permutation(50), random.permutation(9)
    moved = result_of_vectors(texts[of_texts], videos[of_videos], np.argsort(of_videos)[owner[of_texts]])
    assert moved == result_of_vectors(texts, videos, owner)


def test_the_document_is_plain_json() -> None:
    result = result_of_vectors(np.eye(3, dtype=np.float32), np.ones((3, 3), np.float32), np.arange(3))
    assert json.loads(json.dumps(result.to_json())) == result.to_json()
