"""Ranks by hand, by a naive sort, and by the laws they obey."""

from collections.abc import Iterator
from dataclasses import astuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from deltaclip.errors import CaptionError
from deltaclip.ranking import (
    Block,
    Ranking,
    Ranks,
    compute_metrics,
    first_nan,
    matrix_blocks,
    rank_blocks,
    rank_matrix,
    row_blocks,
    similarity_blocks,
    sum_of_recalls,
)

Matrix = NDArray[np.float32]
Owner = NDArray[np.int64]
Case = tuple[Matrix, Owner]


def matrix(*rows: list[float]) -> Matrix:
    return np.array(rows, np.float32)


def both(ranks: Ranks) -> tuple[list[int], list[int]]:
    return ranks.pessimistic.tolist(), ranks.optimistic.tolist()


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """A similarity with many ties, captions in any order, some videos with many and some with none."""
    texts, videos = draw(st.integers(1, 12)), draw(st.integers(1, 7))
    levels = st.sampled_from([-np.inf, -1.0, -0.0, 0.0, 0.5, 0.75, 1.0])
    owner = draw(hnp.arrays(np.int64, texts, elements=st.integers(0, videos - 1)))
    return draw(hnp.arrays(np.float32, (texts, videos), elements=levels)), owner


def place(scores: list[float], own: list[bool], ties_for: bool) -> int:
    """The oracle: sort the candidates, ties with the own ones first or last, and find the first own one."""
    order = sorted(zip(scores, own, strict=True), key=lambda pair: (-pair[0], pair[1] != ties_for))
    return [is_own for _, is_own in order].index(True) + 1


def naive(similarity: Matrix, owner: Owner, ties_for: bool) -> tuple[list[int], list[int], list[int]]:
    texts, videos = similarity.shape
    asked = sorted(set(owner.tolist()))
    t2v = [place(similarity[q].tolist(), [v == owner[q] for v in range(videos)], ties_for) for q in range(texts)]
    v2t, plain = [], []
    for video in asked:
        highest = [float(similarity[owner == other, video].max()) for other in asked]
        v2t.append(place(highest, [other == video for other in asked], ties_for))
        plain.append(place(similarity[:, video].tolist(), (owner == video).tolist(), ties_for))
    return t2v, v2t, plain


def as_lists(ranking: Ranking) -> list[tuple[list[int], list[int]]]:
    return [both(ranking.t2v), both(ranking.v2t), both(ranking.v2t_plain)]


# One text a video


def test_a_rank_is_one_plus_the_candidates_that_score_higher() -> None:
    ranking = rank_matrix(matrix([9, 1, 2], [5, 4, 6], [3, 2, 1]), np.arange(3))
    assert both(ranking.t2v) == ([1, 3, 3], [1, 3, 3])
    assert both(ranking.v2t) == both(ranking.v2t_plain) == ([1, 1, 3], [1, 1, 3])


def test_ties_count_against_the_query_and_the_optimistic_rank_stands_beside() -> None:
    similarity = matrix([5, 5, 1, 0], [2, 3, 3, 3], [1, 0, 9, 9], [4, 4, 4, 4])
    ranking = rank_matrix(similarity, np.arange(4))
    assert both(ranking.t2v) == ([2, 3, 2, 4], [1, 1, 1, 1])
    assert both(ranking.v2t) == ([1, 3, 1, 2], [1, 3, 1, 2])
    assert (ranking.t2v.tied, ranking.v2t.tied) == (True, False)


def test_a_collapsed_model_finds_nothing() -> None:
    ranking = rank_matrix(np.ones((50, 50), np.float32), np.arange(50))
    metrics = compute_metrics(ranking.t2v.pessimistic)
    assert (metrics.R1, metrics.R10, metrics.nDCG10, metrics.MdR, metrics.MnR) == (0, 0, 0, 50, 50)
    assert compute_metrics(ranking.t2v.optimistic).R1 == 100


def test_infinite_scores_rank_like_any_other() -> None:
    ranking = rank_matrix(matrix([-np.inf, -np.inf, 0], [0, np.inf, np.inf], [0, 0, 0.5]), np.arange(3))
    assert both(ranking.t2v) == ([3, 2, 1], [2, 1, 1])


# Several captions a video

# Video 0 owns captions 0 and 1, video 1 owns 2, video 2 owns 3, 4 and 5.
CAPTIONED = matrix([0.9, 0.1, 0.2], [0.3, 0.8, 0.4], [0.2, 0.5, 0.1], [0.6, 0.7, 0.3], [0.5, 0.6, 0.2], [0.1, 0.6, 0.3])
OWNERS = np.array([0, 0, 1, 2, 2, 2])


def test_every_caption_is_a_query_of_its_own() -> None:
    assert rank_matrix(CAPTIONED, OWNERS).t2v.pessimistic.tolist() == [1, 3, 1, 3, 3, 2]


def test_a_wrong_video_counts_once_by_clip4clips_rule_and_with_every_caption_by_the_plain_one() -> None:
    ranking = rank_matrix(CAPTIONED, OWNERS)
    # Video 1 scores 0.5 with its caption; video 0 stands above with one caption (0.8), video 2 with three.
    assert ranking.v2t.pessimistic.tolist() == [1, 3, 2]
    assert ranking.v2t_plain.pessimistic.tolist() == [1, 5, 2]


def test_a_video_without_captions_distracts_texts_and_asks_nothing() -> None:
    ranking = rank_matrix(matrix([0.5, 0.9, 0.1], [0.2, 0.9, 0.7]), np.array([0, 2]))
    assert ranking.t2v.pessimistic.tolist() == [2, 2]
    assert ranking.v2t.pessimistic.tolist() == ranking.v2t_plain.pessimistic.tolist() == [1, 1]


def test_two_equal_captions_of_one_video_do_not_tie_with_each_other() -> None:
    assert both(rank_matrix(matrix([1, 0], [1, 0], [0, 2]), np.array([0, 0, 1])).v2t_plain) == ([1, 1], [1, 1])


# Four texts, five videos in an order of their own: text 0 and 3 own video 3, text 1 owns 0, text 2 owns 4.
UNEVEN = matrix([0.1, 0.9, 0.3, 0.8, 0.2], [0.6, 0.1, 0.5, 0.4, 0.3], [0.7, 0.2, 0.1, 0.6, 0.5], [0, 0, 0, 0.2, 0.2])
UNEVEN_OWNERS = np.array([3, 0, 4, 3])


def test_more_videos_than_texts_in_any_order_by_hand() -> None:
    ranking = rank_matrix(UNEVEN, UNEVEN_OWNERS)
    assert both(ranking.t2v) == ([2, 1, 3, 2], [2, 1, 3, 1])  # video 1 owns no text and stands above 3 for text 0
    # Videos 0, 3, 4 ask. 0: its text 0.6, video 4's 0.7. 3: 0.8 first. 4: its text 0.5 first.
    assert both(ranking.v2t) == both(ranking.v2t_plain) == ([2, 1, 1], [2, 1, 1])


def test_a_gallery_in_another_order_gives_the_same_table() -> None:
    order = np.array([4, 2, 0, 3, 1])
    moved = rank_matrix(UNEVEN[:, order], np.argsort(order)[UNEVEN_OWNERS])
    assert both(moved.t2v) == ([2, 1, 3, 2], [2, 1, 3, 1])
    assert both(moved.v2t) == ([1, 2, 1], [1, 2, 1])  # videos 4, 0, 3 now


# Laws


@given(cases())
def test_ranks_are_places_in_a_sorted_list(case: Case) -> None:
    worst, best = naive(*case, ties_for=False), naive(*case, ties_for=True)
    assert as_lists(rank_matrix(*case)) == list(zip(worst, best, strict=True))


@given(cases(), st.integers(1, 13))
def test_blocks_of_any_size_rank_as_the_whole(case: Case, block_rows: int) -> None:
    assert as_lists(rank_matrix(*case, block_rows=block_rows)) == as_lists(rank_matrix(*case))


@given(cases(), st.data())
def test_permuting_videos_permutes_their_ranks_and_leaves_those_of_texts(case: Case, data: st.DataObject) -> None:
    similarity, owner = case
    order = np.array(data.draw(st.permutations(range(similarity.shape[1]))))  # new place -> old video
    moved = rank_matrix(similarity[:, order], np.argsort(order)[owner])
    still = rank_matrix(similarity, owner)
    assert both(moved.t2v) == both(still.t2v)
    asked = np.unique(owner)
    places = [np.flatnonzero(asked == video)[0] for video in order if video in asked]
    for name in ("v2t", "v2t_plain"):
        assert (getattr(moved, name).pessimistic == getattr(still, name).pessimistic[places]).all()


@given(cases(), st.data())
def test_permuting_texts_permutes_their_ranks_and_leaves_those_of_videos(case: Case, data: st.DataObject) -> None:
    similarity, owner = case
    order = np.array(data.draw(st.permutations(range(len(owner)))))  # new place -> old text
    moved, still = rank_matrix(similarity[order], owner[order]), rank_matrix(similarity, owner)
    assert (moved.t2v.pessimistic == still.t2v.pessimistic[order]).all()
    assert (moved.t2v.optimistic == still.t2v.optimistic[order]).all()
    assert as_lists(moved)[1:] == as_lists(still)[1:]


@given(cases(), st.data())
def test_saying_one_caption_twice_changes_nothing_for_clip4clips_rule(case: Case, data: st.DataObject) -> None:
    similarity, owner = case
    said = data.draw(st.integers(0, len(owner) - 1))
    again = rank_matrix(np.concatenate([similarity, similarity[[said]]]), np.append(owner, owner[said]))
    once = rank_matrix(similarity, owner)
    assert again.t2v.pessimistic.tolist() == [*once.t2v.pessimistic.tolist(), once.t2v.pessimistic[said]]
    assert both(again.v2t) == both(once.v2t)
    assert (again.v2t_plain.pessimistic >= once.v2t_plain.pessimistic).all()


@given(cases(), st.data())
def test_a_copy_of_a_video_without_captions_ties_with_it_and_asks_nothing(case: Case, data: st.DataObject) -> None:
    similarity, owner = case
    video = data.draw(st.integers(0, similarity.shape[1] - 1))
    doubled = rank_matrix(np.concatenate([similarity, similarity[:, [video]]], axis=1), owner)
    single = rank_matrix(similarity, owner)
    own, copy = similarity[np.arange(len(owner)), owner], similarity[:, video]
    assert (doubled.t2v.pessimistic - single.t2v.pessimistic == (copy >= own)).all()
    assert (doubled.t2v.optimistic - single.t2v.optimistic == (copy > own)).all()
    assert as_lists(doubled)[1:] == as_lists(single)[1:]


@given(cases(), st.sampled_from([0.25, 2.0, 1024.0]))
def test_a_positive_scale_changes_no_rank(case: Case, scale: float) -> None:
    similarity, owner = case
    assert as_lists(rank_matrix(similarity * np.float32(scale), owner)) == as_lists(rank_matrix(similarity, owner))


@given(cases())
def test_saying_every_caption_twice_changes_no_rank_but_the_plain_one(case: Case) -> None:
    similarity, owner = case
    once, twice = rank_matrix(similarity, owner), rank_matrix(np.tile(similarity, (2, 1)), np.tile(owner, 2))
    assert twice.t2v.pessimistic.tolist() == once.t2v.pessimistic.tolist() * 2
    assert both(twice.v2t) == both(once.v2t)
    assert (twice.v2t_plain.pessimistic == 2 * once.v2t_plain.pessimistic - 1).all()


@given(cases())
def test_the_plain_rule_is_never_kinder_and_agrees_on_who_comes_first(case: Case) -> None:
    ranking = rank_matrix(*case)
    for kind in ("pessimistic", "optimistic"):
        clip4clip, plain = getattr(ranking.v2t, kind), getattr(ranking.v2t_plain, kind)
        assert (plain >= clip4clip).all()
        assert ((plain == 1) == (clip4clip == 1)).all()


# Blocks


@given(hnp.arrays(np.int64, st.integers(1, 30), elements=st.integers(0, 6)), st.integers(1, 31))
def test_blocks_hold_every_text_once_and_part_no_videos_captions(owner: Owner, block_rows: int) -> None:
    blocks = list(row_blocks(owner, block_rows))
    assert sorted(np.concatenate(blocks).tolist()) == list(range(len(owner)))
    videos = [video for block in blocks for video in set(owner[block].tolist())]
    assert len(videos) == len(set(videos))
    assert all(len(block) <= block_rows or len(set(owner[block])) == 1 for block in blocks)


def test_vectors_rank_as_their_matrix() -> None:
    texts = matrix([1, 0], [0.6, 0.8], [0, 1])
    videos, owner = matrix([0, 1], [1, 0]), np.array([1, 0, 0])
    ranking = rank_blocks(similarity_blocks(texts, videos, owner, block_rows=1), owner, 2)
    assert as_lists(ranking) == as_lists(rank_matrix(texts @ videos.T, owner))
    assert ranking.t2v.pessimistic.tolist() == [1, 1, 1]


def test_scores_are_compared_in_the_precision_they_come_in() -> None:
    close = np.array([[1.0, 1.0 - 1e-12], [0.0, 1.0]])
    assert not rank_matrix(close, np.arange(2)).t2v.tied
    assert rank_matrix(close.astype(np.float32), np.arange(2)).t2v.tied


def test_blocks_that_part_a_videos_captions_are_refused() -> None:
    def parted() -> Iterator[Block]:
        for row in range(2):
            yield np.array([row]), np.ones((1, 1), np.float32)

    with pytest.raises(ValueError, match="one block"):
        rank_blocks(parted, np.array([0, 0]), 1)


def test_blocks_that_leave_a_text_out_or_have_another_width_are_refused() -> None:
    similarity, owner = np.eye(3, dtype=np.float32), np.arange(3)
    with pytest.raises(ValueError, match="every text"):
        rank_blocks(matrix_blocks(similarity, owner[:2]), owner, 3)
    with pytest.raises(ValueError, match=r"must be \(3, 4\)"):
        rank_blocks(matrix_blocks(similarity, owner), owner, 4)


@pytest.mark.parametrize("owner", [[], [0, 3], [-1, 0]])
def test_an_owner_outside_the_videos_is_refused(owner: list[int]) -> None:
    with pytest.raises(ValueError, match="owner"):
        rank_matrix(np.ones((len(owner), 3), np.float32), np.array(owner, np.int64))


# NaN


def test_a_nan_is_an_error_that_names_its_place() -> None:
    similarity = np.eye(4, dtype=np.float32)
    similarity[1, 2] = np.nan
    with pytest.raises(CaptionError, match=r"row 1, column 2 \(counted from 0\)"):
        rank_matrix(similarity, np.array([3, 2, 1, 0]), block_rows=1)


def test_the_first_nan_is_found_among_infinities() -> None:
    scores = matrix([-np.inf, np.inf], [0, np.nan], [np.nan, 0])
    assert first_nan(scores) == (1, 1)
    assert first_nan(scores[:1]) is None


# Metrics


@pytest.mark.parametrize(
    ("ranks", "expected"),
    [
        ([1], (100.0, 100.0, 100.0, 100.0, 100.0, 1.0, 1.0, 1)),
        ([1, 5, 6, 10, 11], (20.0, 40.0, 80.0, 100.0, 40.6425, 6.0, 6.6, 5)),  # (1 + .38685 + .35621 + .28906) / 5
        ([4, 1, 2, 3], (25.0, 100.0, 100.0, 100.0, 64.0402, 2.5, 2.5, 4)),  # (1 + .63093 + .5 + .43068) / 4
        ([50, 51, 7, 3], (0.0, 25.0, 50.0, 75.0, 20.8333, 28.5, 27.75, 4)),  # (1/3 + 1/2) / 4
    ],
)
def test_metrics_by_hand(ranks: list[int], expected: tuple[float, ...]) -> None:
    assert astuple(compute_metrics(np.array(ranks))) == pytest.approx(expected, abs=1e-4)


def test_the_sum_of_recalls_adds_both_directions() -> None:
    assert sum_of_recalls(compute_metrics(np.array([1, 3])), compute_metrics(np.array([8, 20]))) == 50 + 100 + 100 + 50
