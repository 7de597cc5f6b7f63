"""Each study on a handful of clips: rows, pictures, files, and facts that must hold however few clips there are."""

from pathlib import Path

import pytest

from deltaclip.encoder import Encoder
from deltaclip.errors import CaptionError
from deltaclip.evaluation.material import Material
from deltaclip.evaluation.studies import STUDIES, StudySetup
from deltaclip.findings import StudyResult
from deltaclip.motion import MOTIONS
from deltaclip.shapes import ShapesSpec


def settings(result: StudyResult, name: str) -> list[object]:
    return [row.setting[name] for row in result.rows]


def test_threshold_measures_the_papers_figure_both_ways(setup: StudySetup) -> None:
    result = STUDIES["threshold"](setup)
    assert settings(result, "mask") == [0.0, 12.5, 25.0, 50.0, 100.0, "full"]
    coverage = [row.figures["coverage"] for row in result.rows[:-1]]
    assert coverage == sorted(coverage, key=lambda share: -float(str(share)))
    own = result.rows[2]
    assert own.fingerprint == setup.encoder.fingerprint
    assert own.estimate("T2V R@1").value > result.rows[-1].estimate("T2V R@1").value


def test_controls_measures_every_mask_and_full_against_itself_is_nothing(setup: StudySetup) -> None:
    result = STUDIES["controls"](setup)
    assert set(MOTIONS) <= set(map(str, settings(result, "mask")))
    full = next(row for row in result.rows if row.setting["mask"] == "full")
    assert full.estimate("T2V R@1 less full").value == 0
    assert full.figures["p"] == 1


def test_frames_goes_over_numbers_with_and_without_the_mask(setup: StudySetup, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deltaclip.evaluation.studies.frames.NUM_FRAMES", (1, 6))
    result = STUDIES["frames"](setup)
    assert [tuple(row.setting.values()) for row in result.rows] == [
        (1, "difference"),
        (1, "full"),
        (6, "difference"),
        (6, "full"),
    ]
    one = result.rows[:2]
    assert one[0].figures["frames without mask"] == 1
    assert one[0].figures["T2V R@1"] == one[1].figures["T2V R@1"], "one frame has no motion: both are the whole picture"


def test_static_asks_for_movers_stayers_and_stills(setup: StudySetup) -> None:
    result = STUDIES["static"](setup)
    queries = [row.estimate("R@1").queries for row in result.rows if row.setting["mask"] == "difference"]
    assert queries == [6, 6, 6, 2]
    for row in result.rows:  # the other questions are true of clips beyond their own group as well
        if row.setting["query"] in ("mover and stayers", "nothing moves"):
            assert row.estimate("right objects only: R@1").value >= row.estimate("R@1").value


def test_static_splits_the_captions_of_a_data_set(bundled: Encoder, data_set: Material, tmp_path: Path) -> None:
    result = STUDIES["static"](StudySetup(bundled, tmp_path, data_set))
    own = [row for row in result.rows if row.setting["mask"] == "difference"]
    assert [(row.setting["query"], row.estimate("R@1").queries) for row in own] == [("motion", 6), ("static", 6)]
    assert (result.protocol["dataset"], result.protocol["split"]) == ("folder", "val")


def test_degrade_draws_worse_clips_and_the_mask_gets_worse(setup: StudySetup, monkeypatch: pytest.MonkeyPatch) -> None:
    worlds = {"noise": ((0.0, ShapesSpec()), (40.0, ShapesSpec(noise=40.0)))}
    monkeypatch.setattr("deltaclip.evaluation.studies.degrade.WORLDS", worlds)
    monkeypatch.setattr("deltaclip.evaluation.studies.degrade.UNITS", {"noise": "levels"})
    rows = {(row.setting["strength"], row.setting["mask"]): row for row in STUDIES["degrade"](setup).rows}
    for mask in ("difference", "subject"):
        assert rows[0.0, mask].estimate("IoU").value > rows[40.0, mask].estimate("IoU").value
    assert rows[0.0, "full"].figures["IoU"] == rows[40.0, "full"].figures["IoU"]


def test_degrade_of_a_data_set_compares_with_its_own_clean_masks(
    bundled: Encoder, data_set: Material, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deltaclip.evaluation.studies.disturbed.STRENGTHS", {"noise": (0.0, 40.0), "shake": (20.0,)})
    monkeypatch.setattr("deltaclip.evaluation.studies.degrade.DATASET_UNITS", {"noise": "levels", "shake": "sides"})
    result = STUDIES["degrade"](StudySetup(bundled, tmp_path, data_set))
    overlaps = {tuple(row.setting.values()): row.estimate("IoU").value for row in result.rows}
    assert overlaps["noise", 0.0, "difference"] == overlaps["noise", 0.0, "subject"] == 100
    assert overlaps["noise", 40.0, "difference"] < 100
    assert overlaps["shake", 20.0, "full"] == 100


def test_length_keeps_the_gallery_and_asks_for_every_scene(setup: StudySetup, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deltaclip.evaluation.studies.length.SCENES", (1, 3))
    result = STUDIES["length"](setup)
    ways = len(set(settings(result, "way")))
    assert [row.estimate("R@1").queries for row in result.rows] == [6] * ways + [18] * ways
    one = {str(row.setting["way"]): row.figures["R@1"] for row in result.rows[:ways]}
    assert one["whole, mean of all pieces"] == one["best piece of 2 s (one scene)"], "one piece is the whole"


def test_length_of_a_data_set_joins_its_videos(
    bundled: Encoder, data_set: Material, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    setup = StudySetup(bundled, tmp_path, data_set)
    with pytest.raises(CaptionError, match=r"6 videos.*at least 32"):
        STUDIES["length"](setup)
    monkeypatch.setattr("deltaclip.evaluation.studies.length.SCENES", (1, 3))
    result = STUDIES["length"](setup)
    assert [row.estimate("R@1").queries for row in result.rows] == [4, 4, 12, 12]
    assert result.rows[0].figures == result.rows[1].figures, "one video is its own mean and its own best piece"


def test_the_same_study_twice_gives_the_same_rows(
    bundled: Encoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deltaclip.evaluation.studies.threshold.STUDIED_THRESHOLDS", (25.0,))
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        folder.mkdir()
    one, two = (STUDIES["threshold"](StudySetup(bundled, folder, num_clips=6)).to_json() for folder in folders)
    assert one == two
