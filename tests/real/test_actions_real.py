"""The reference clips of actions are what their README says, and are seen with every mask."""

from pathlib import Path

import numpy as np
import pytest

from deltaclip.captions import ActionSet, find_action_sets, load_actions
from deltaclip.motion import MotionSpec
from deltaclip.training.studies.actions_clips import see_actions
from deltaclip.training.studies.actions_run import merged_classes

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def sets(real_data: Path) -> dict[str, ActionSet]:
    return {name: load_actions(folder) for name, folder in find_action_sets(real_data / "actions").items()}


@pytest.mark.parametrize(
    ("name", "clips", "classes", "splits", "folds"),
    [
        ("egogestar", 217, 10, (135, 31, 51), (0, 1, 2, 3, 4)),
        ("ud810_arms", 27, 3, (9, 9, 9), ()),
        ("croatian_signs", 90, 9, (54, 9, 27), ()),
    ],
)
def test_a_set_has_the_clips_classes_splits_and_folds_of_its_readme(
    sets: dict[str, ActionSet], name: str, clips: int, classes: int, splits: tuple[int, ...], folds: tuple[int, ...]
) -> None:
    found = sets[name]
    assert (len(found.clips), len(found.wordings), found.folds) == (clips, classes, folds)
    counted = [sum(clip.split == split for clip in found.clips) for split in ("train", "val", "test")]
    assert tuple(counted) == splits


def test_every_fold_of_egogestar_has_every_class_on_both_sides(sets: dict[str, ActionSet]) -> None:
    clips = sets["egogestar"].clips
    for fold in sets["egogestar"].folds:
        assert len({clip.label for clip in clips if clip.fold == fold}) == 10
        assert len({clip.label for clip in clips if clip.fold != fold}) == 10


def test_swipes_and_their_reverses_leave_eight_classes(sets: dict[str, ActionSet]) -> None:
    assert merged_classes(list(sets["egogestar"].wordings)).max() + 1 == 8
    assert merged_classes(list(sets["croatian_signs"].wordings)).max() + 1 == 9


def test_clips_are_seen_with_every_mask(sets: dict[str, ActionSet]) -> None:
    arms = sets["ud810_arms"]
    few = ActionSet(arms.name, arms.folder, arms.clips[::9], arms.wordings)
    masks = tuple(str(MotionSpec.parse(mask)) for mask in ("full", "difference", "subject", "random"))
    seen = see_actions(few, masks, 12, 58)
    for clip in seen.clips:
        assert clip.rgb.shape[0] == 12
        assert min(clip.rgb.shape[1:3]) == 58
        assert clip.alpha["full"].min() == 255
        assert not np.array_equal(clip.alpha["difference"], clip.alpha["random"])
        assert 0 < clip.alpha["subject"].mean() < 255
