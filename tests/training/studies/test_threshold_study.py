"""The study `threshold-retrained` on a tiny world and drawn clips of actions: its rows, its panels, and a deadline."""

import time
from dataclasses import replace

import pytest

from deltaclip.findings import StudyResult
from deltaclip.motion import STUDIED_THRESHOLDS
from deltaclip.training.studies import STUDIES, Stopped, StudyPlan
from tests.helpers import write_actions

SETTINGS = (
    "world.groups=2",
    "world.validation_groups=1",
    "data.frames=2",
    "data.test_frames=2",
    "model.image_size=16",
    "model.width=32",
    "model.layers=1",
    "model.heads=2",
    "model.text_layers=1",
    "optim.batch=4",
)
PLACES = ("drawn, still camera", "drawn, 3 classes")


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> StudyPlan:
    home = tmp_path_factory.mktemp("thresholds")
    data = write_actions(home / "drawn")
    return StudyPlan(home, steps=1, seeds=1, clips=6, settings=SETTINGS, data=data, folds=(0,), jobs=2, device="cpu")


@pytest.fixture(scope="module")
def result(plan: StudyPlan) -> StudyResult:
    late = STUDIES["threshold-retrained"](replace(plan, deadline=time.time()))
    assert late == Stopped(0, 2 * (len(STUDIED_THRESHOLDS) + 1))
    found = STUDIES["threshold-retrained"](plan)
    assert isinstance(found, StudyResult)
    return found


def test_each_threshold_is_trained_on_drawn_and_on_real_clips(result: StudyResult) -> None:
    settings = [tuple(row.setting.values()) for row in result.rows]
    assert settings == [(place, level) for place in PLACES for level in ("full", *STUDIED_THRESHOLDS)]
    assert all(row.figures.keys() == {"T2V R@1", "V2T R@1", "frames without mask"} for row in result.rows)
    without = [float(str(row.figures["frames without mask"])) for row in result.rows]
    assert without[0] == without[6] == 1  # full
    assert without[1] < 1  # at 0 noise is motion
    assert (result.protocol["shapes_runs"], result.protocol["actions_runs"]) == (6, 6)


def test_its_panels_go_over_thresholds_with_no_mask_beside(result: StudyResult) -> None:
    assert [panel.title for panel in result.panels] == [*PLACES]
    for panel, first in zip(result.panels, (result.rows[0], result.rows[6]), strict=True):
        ways = ("T2V R@1", "V2T R@1")
        assert [curve.label for curve in panel.curves] == [name for way in ways for name in (way, f"{way}, no mask")]
        assert all(curve.x == STUDIED_THRESHOLDS for curve in panel.curves)
        assert panel.curves[1].y == (first.spread("T2V R@1").value,) * len(STUDIED_THRESHOLDS)
    assert len(result.notes) == 2 * len(STUDIED_THRESHOLDS)  # each but the paper's, and no mask, against the paper's


def test_without_clips_of_actions_it_is_on_drawn_ones_alone(plan: StudyPlan, result: StudyResult) -> None:
    found = STUDIES["threshold-retrained"](replace(plan, data=None, folds=None))
    assert isinstance(found, StudyResult)
    assert found.rows == result.rows[:6]
    with pytest.raises(ValueError, match="folds"):
        STUDIES["threshold-retrained"](replace(plan, data=None))
