"""Labelled actions asked with the wordings of their classes: the rule on numbers that are worked out by hand."""

import numpy as np
import pytest
from numpy.typing import NDArray

from deltaclip.captions import ActionClip
from deltaclip.evaluation import NO_CLASS, ActionVectors, action_figures, class_scores

LEFT, RIGHT, UP = np.eye(3, dtype=np.float32)


def clip(label: str, group: str, fold: int | None = None) -> ActionClip:
    return ActionClip(f"{label}_{group}_{fold}.mp4", label, group, "test", fold)


def between(one: NDArray[np.float32], other: NDArray[np.float32], share: float) -> NDArray[np.float32]:
    mixed = (1 - share) * one + share * other
    return np.asarray(mixed / np.linalg.norm(mixed), np.float32)


def vectors(
    clips: list[ActionClip], videos: list[NDArray[np.float32]], **texts: tuple[NDArray[np.float32] | None, ...]
) -> ActionVectors:
    wordings = {label: [f"it goes {label} {number}" for number in range(len(own))] for label, own in texts.items()}
    return ActionVectors(clips, np.stack(videos), wordings, texts)


def test_a_class_scores_the_mean_over_its_wordings() -> None:
    made = vectors([clip("left", "a")], [LEFT], left=(LEFT, UP), right=(between(LEFT, RIGHT, 0.5),))
    assert class_scores(made)[0] == pytest.approx([0.5, 0.5**0.5])
    assert action_figures(made).confusion == {"left": {"right": 1}, "right": {}}


def test_right_clips_are_counted_by_class_and_wrong_ones_by_what_took_them() -> None:
    clips = [clip("left", "a"), clip("left", "b"), clip("right", "a"), clip("right", "b")]
    made = vectors(clips, [LEFT, between(LEFT, RIGHT, 0.7), RIGHT, RIGHT], left=(LEFT,), right=(RIGHT,))
    found = action_figures(made)
    assert (found.v2t, found.by_class) == (75.0, {"left": (1, 2), "right": (2, 2)})
    assert found.confusion == {"left": {"left": 1, "right": 1}, "right": {"right": 2}}


def test_a_tie_is_wrong_and_goes_to_the_other_class() -> None:
    found = action_figures(vectors([clip("left", "a")], [LEFT], left=(LEFT,), right=(LEFT,)))
    assert (found.v2t, found.confusion["left"]) == (0.0, {"right": 1})


def test_each_wording_ranks_the_clips_of_its_fold_alone() -> None:
    clips = [clip("left", "a", 0), clip("right", "a", 0), clip("left", "b", 1), clip("right", "b", 1)]
    # In fold 1 the clips are the wrong way round; over all clips every query would find a right one first.
    made = vectors(
        clips, [LEFT, RIGHT, between(RIGHT, LEFT, 0.2), between(LEFT, RIGHT, 0.2)], left=(LEFT,), right=(RIGHT,)
    )
    found = action_figures(made)
    assert (found.t2v, found.map, found.queries) == (50.0, 75.0, 4)
    assert found.by_fold == {
        0: {"v2t": 100.0, "t2v": 100.0, "mAP": 100.0, "clips": 2},
        1: {"v2t": 0.0, "t2v": 0.0, "mAP": 50.0, "clips": 2},
    }


def test_a_wording_that_is_not_understood_is_listed_and_finds_nothing() -> None:
    clips = [clip("left", "a"), clip("right", "a")]
    found = action_figures(vectors(clips, [LEFT, RIGHT], left=(LEFT, None), right=(RIGHT, RIGHT)))
    assert found.not_understood == {"left": ["it goes left 1"]}
    assert (found.v2t, found.t2v, found.map) == (100.0, 75.0, 75.0)


def test_a_class_of_which_nothing_is_understood_is_never_chosen() -> None:
    clips = [clip("left", "a"), clip("right", "a")]
    found = action_figures(vectors(clips, [LEFT, LEFT], left=(None,), right=(RIGHT,)))
    assert found.confusion == {"left": {"right": 1}, "right": {"right": 1}}
    nothing = action_figures(vectors(clips, [LEFT, LEFT], left=(None,), right=(None,)))
    assert (nothing.v2t, nothing.confusion) == (0.0, {"left": {NO_CLASS: 1}, "right": {NO_CLASS: 1}})


def test_motion_to_motion_looks_in_other_groups_only() -> None:
    near = between(LEFT, UP, 0.1)
    clips = [clip("left", "a"), clip("right", "a"), clip("left", "b"), clip("up", "a")]
    # The clip nearest to the first is of its own group, and wrong; `right` and `up` are in one group only.
    found = action_figures(
        vectors(clips, [LEFT, near, between(LEFT, UP, 0.6), UP], left=(LEFT,), right=(RIGHT,), up=(UP,))
    )
    assert found.num_asked == 2
    assert found.to_motion == 50.0


def test_without_a_label_in_two_groups_nothing_is_asked_clip_to_clip() -> None:
    found = action_figures(
        vectors([clip("left", "a"), clip("right", "b")], [LEFT, RIGHT], left=(LEFT,), right=(RIGHT,))
    )
    assert (found.to_motion, found.num_asked) == (None, 0)
    assert "motion_to_motion" not in found.to_json()["intervals"]


def test_intervals_draw_whole_groups_and_say_if_these_are_few() -> None:
    clips = [clip("left", group) for group in "aabb"] + [clip("right", group) for group in "aabb"]
    videos = [LEFT, LEFT, RIGHT, RIGHT, RIGHT, RIGHT, LEFT, LEFT]  # all of group a right, all of b wrong
    found = action_figures(vectors(clips, videos, left=(LEFT,), right=(RIGHT,)))
    assert found.intervals["v2t R1"] == (0.0, 100.0)
    assert found.to_json()["intervals"]["warning"].startswith("intervals over 2 groups are too narrow")
    apart = [clip("left", str(number)) for number in range(12)]
    assert (
        "warning"
        not in action_figures(vectors(apart, [LEFT] * 12, left=(LEFT,), right=(RIGHT,))).to_json()["intervals"]
    )


def test_lines_for_people_name_what_was_confused() -> None:
    clips = [clip("left", "a", 0), clip("right", "b", 0)]
    lines = action_figures(vectors(clips, [RIGHT, RIGHT], left=(LEFT, None), right=(RIGHT,))).lines()
    assert any(line.startswith("left    0 of   1  taken for right 1") for line in lines)
    assert "not understood (left): it goes left 1" in lines
