"""Counting by tiles gives what counting whole gives, at every edge of a tile."""

import numpy as np
import pytest

from deltaclip.ranking import rank_matrix, top_candidates
from deltaclip.ranking.ranks import TILE


@pytest.mark.parametrize(("texts", "videos"), [(254, 3), (255, 1028), (256, 1029), (520, 1027), (3, TILE + 1)])
def test_ranks_do_not_depend_on_where_tiles_end(texts: int, videos: int) -> None:
    random = np.random.default_rng(texts)
    similarity = random.integers(0, 40, (texts, videos)).astype(np.float32)  # few levels: many ties
    owner = random.integers(0, videos, texts)
    ranking = rank_matrix(similarity, owner, block_rows=300)
    own = similarity[np.arange(texts), owner]
    assert (ranking.t2v.optimistic == 1 + (similarity > own[:, None]).sum(axis=1)).all()
    assert (ranking.t2v.pessimistic == (similarity >= own[:, None]).sum(axis=1)).all()
    asked = np.unique(owner)
    best = np.array([similarity[owner == video, video].max() for video in asked])
    others = owner[:, None] != asked
    assert (ranking.v2t_plain.optimistic == 1 + ((similarity[:, asked] > best) & others).sum(axis=0)).all()
    assert (ranking.v2t_plain.pessimistic == 1 + ((similarity[:, asked] >= best) & others).sum(axis=0)).all()


def test_another_matrix_for_v2t_leaves_t2v_alone() -> None:
    from deltaclip.ranking import matrix_blocks, rank_blocks

    similarity, owner = np.random.default_rng(0).random((20, 7)), np.arange(20) % 7
    blocks, other = matrix_blocks(similarity, owner), matrix_blocks(-similarity, owner)
    ranking = rank_blocks(blocks, owner, 7, v2t_blocks=other)
    assert (ranking.t2v.pessimistic == rank_matrix(similarity, owner).t2v.pessimistic).all()
    assert (ranking.v2t.pessimistic == rank_matrix(-similarity, owner).v2t.pessimistic).all()


@pytest.mark.parametrize("k", [1, 3, 8, 20])
def test_the_best_candidates_are_the_head_of_a_stable_sort(k: int) -> None:
    scores = np.random.default_rng(1).integers(0, 4, (30, 8)).astype(np.float32)
    [found] = top_candidates([(np.arange(30), scores)], k)
    assert (found.places == np.argsort(-scores, axis=1, kind="stable")[:, :k]).all()
    assert (found.scores == np.take_along_axis(scores, found.places, axis=1)).all()


def test_no_candidates_are_not_the_best_candidates() -> None:
    with pytest.raises(ValueError, match="k must be at least 1"):
        list(top_candidates([(np.arange(1), np.ones((1, 2), np.float32))], 0))
