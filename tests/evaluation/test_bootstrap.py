"""Both directions draw the same videos."""

import json
from dataclasses import replace

import numpy as np
import pytest

from deltaclip.evaluation import retrieval_intervals
from deltaclip.evaluation.result import result_of
from deltaclip.ranking import Ranks, bootstrap_intervals, rank_matrix

OWNER = np.random.default_rng(1).integers(0, 12, 60) * 2  # videos with odd numbers own no text
RANKING = rank_matrix(np.random.default_rng(0).random((60, 24)), OWNER)


def test_each_direction_has_the_intervals_of_its_own_ranks() -> None:
    intervals = retrieval_intervals(RANKING, OWNER, samples=50, seed=3)
    assert intervals.t2v == bootstrap_intervals(RANKING.t2v.pessimistic, OWNER, samples=50, seed=3)
    videos = np.arange(len(np.unique(OWNER)))
    assert intervals.v2t == bootstrap_intervals(RANKING.v2t.pessimistic, videos, samples=50, seed=3)


def test_the_sum_of_recalls_lies_in_its_interval() -> None:
    low, high = retrieval_intervals(RANKING, OWNER).sum_of_recalls
    assert low < result_of(RANKING).sum_of_recalls < high


def test_the_sum_of_two_equal_directions_spreads_twice_as_far_as_one() -> None:
    similarity = np.random.default_rng(5).random((40, 40))
    ranking = rank_matrix(similarity + similarity.T, np.arange(40))  # symmetric: a video ranks as its text
    intervals = retrieval_intervals(ranking, np.arange(40), samples=80)
    one = rank_matrix(similarity + similarity.T, np.arange(40)).t2v.pessimistic
    spread = bootstrap_intervals(one, np.arange(40), samples=80)
    assert intervals.t2v == intervals.v2t == spread
    assert intervals.sum_of_recalls[1] >= 2 * spread["R10"][1]


def test_the_document_is_plain_json() -> None:
    document = retrieval_intervals(RANKING, OWNER, samples=9, level=0.5, seed=1).to_json()
    assert json.loads(json.dumps(document)) == document
    assert (document["level"], document["samples"], document["seed"]) == (0.5, 9, 1)
    assert len(document["t2v"]["R1"]) == len(document["sum_of_recalls"]) == 2


@pytest.mark.parametrize(
    ("videos", "said"), [(1, "over 1 video are"), (2, "over 2 videos are"), (9, "over 9"), (10, None)]
)
def test_an_interval_over_few_videos_warns_of_itself(videos: int, said: str | None) -> None:
    # of one video every sample is the same, so that the interval is a point and looks certain
    owner = np.arange(videos)
    intervals = retrieval_intervals(rank_matrix(np.eye(videos), owner), owner, samples=9)
    document = intervals.to_json()
    assert document["videos"] == videos
    assert (said or "") in document.get("warning", "")
    assert ("warning" in document) == (said is not None)


def test_owners_of_other_texts_are_refused() -> None:
    with pytest.raises(ValueError, match="groups for"):
        retrieval_intervals(RANKING, OWNER[:-1])


def test_clips_of_one_group_are_drawn_together() -> None:
    # three copies of each video say no more than one: drawn one by one the interval would be too narrow by sqrt(3)
    groups = np.repeat(np.arange(20), 3)
    single = rank_matrix(np.random.default_rng(7).random((20, 20)), np.arange(20))
    tripled = replace(single, **{way: _tripled(getattr(single, way)) for way in ("t2v", "v2t", "v2t_plain")})
    intervals = retrieval_intervals(tripled, np.arange(60), groups, samples=90)
    alone = retrieval_intervals(single, np.arange(20), samples=90)
    assert (intervals.t2v["R10"], intervals.v2t["MnR"]) == (alone.t2v["R10"], alone.v2t["MnR"])
    assert (intervals.to_json()["videos"], intervals.to_json()["groups"]) == (60, 20)


def _tripled(ranks: Ranks) -> Ranks:
    return Ranks(np.repeat(ranks.pessimistic, 3), np.repeat(ranks.optimistic, 3))
