"""The study of actions on drawn clips: runs, kept figures, what goes on after a kill, and what is refused."""

import json
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from deltaclip.captions import load_actions
from deltaclip.errors import TrainingError
from deltaclip.findings import StudyResult, write_study
from deltaclip.reader import Call, guarded_calls
from deltaclip.training import override
from deltaclip.training.recipes import RECIPES
from deltaclip.training.studies import Stopped, StudyPlan, study_actions
from deltaclip.training.studies.actions_clips import ActionClips, SeenActions, clip_digests, see_actions
from deltaclip.training.studies.actions_run import ActionRun
from tests.helpers import write_actions

TINY = (
    "model.image_size=16",
    "model.width=32",
    "model.layers=1",
    "model.heads=2",
    "model.text_layers=1",
    "optim.batch=4",
    "data.frames=2",
    "data.test_frames=4",
)
MASKS = ("full", "difference")


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_actions(tmp_path_factory.mktemp("sets") / "drawn")


@pytest.fixture(scope="module")
def seen(drawn: Path) -> SeenActions:
    return see_actions(load_actions(drawn), MASKS, 4, 16)


def plan_of(folder: Path, data: Path) -> StudyPlan:
    chosen = StudyPlan(folder=folder, data=data, masks=MASKS, folds=(0,), steps=3, seeds=1, settings=TINY)
    return replace(chosen, device="cpu")


def run_of(folder: Path, data: Path, deadline: float | None = None) -> ActionRun:
    recipe = override(RECIPES["actions"], [*TINY, "data.motion=difference", "optim.steps=4", "loop.validate_every=2"])
    return ActionRun(recipe, load_actions(data), clip_digests(load_actions(data)), 0, folder, "cpu", deadline)


@pytest.fixture(scope="module")
def finished(drawn: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[StudyPlan, StudyResult]:
    plan = plan_of(tmp_path_factory.mktemp("study"), drawn)
    found = study_actions(plan)
    assert isinstance(found, StudyResult)
    return plan, found


def test_every_mask_has_a_row_for_all_classes_and_for_the_merged_ones(
    finished: tuple[StudyPlan, StudyResult],
) -> None:
    settings = [tuple(row.setting.values()) for row in finished[1].rows]
    assert settings == [("drawn", classes, mask, "as they are") for classes in (3, 2) for mask in MASKS]
    assert {panel.title for panel in finished[1].panels} >= {"T2V mAP, held-out clips", "Loss, drawn"}
    assert any(text.startswith("drawn, 2 classes, difference against full") for text in finished[1].notes)


ARMS = ("subject+flow", "subject, temporal head")


@pytest.fixture(scope="module")
def with_controls(drawn: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[StudyPlan, StudyResult]:
    plan = replace(plan_of(tmp_path_factory.mktemp("arms"), drawn), masks=ARMS, seeds=2)
    found = study_actions(plan)
    assert isinstance(found, StudyResult)
    return plan, found


def test_arms_with_flow_or_a_temporal_head_have_a_row_for_each_of_their_controls(
    with_controls: tuple[StudyPlan, StudyResult],
) -> None:
    rows = [(row.setting["mask"], row.setting["clips"]) for row in with_controls[1].rows if row.setting["classes"] == 3]
    flow, head = ARMS
    changes = ("as they are", "flow elsewhere", "flow turned", "frames shuffled")
    assert rows == [*((flow, clips) for clips in changes), (head, changes[0]), (head, changes[3])]
    assert len(with_controls[1].rows[1].spread("V2T R@1").runs) == 2
    assert with_controls[1].rows[1].figures["train"] is None


def test_a_mean_of_frames_without_a_head_does_not_know_their_order(
    with_controls: tuple[StudyPlan, StudyResult],
) -> None:
    rows = {row.setting["clips"]: row for row in with_controls[1].rows if row.setting["mask"] == "subject+flow"}
    assert rows["frames shuffled"].spread("T2V mAP") == rows["as they are"].spread("T2V mAP")


def test_controls_are_in_the_notes_the_table_and_the_picture(
    with_controls: tuple[StudyPlan, StudyResult], tmp_path: Path
) -> None:
    files = write_study(tmp_path, with_controls[1], "deltaclip study actions")
    [told] = [
        note for note in with_controls[1].notes if note.startswith("drawn, 3 classes, subject, temporal head, V2T")
    ]
    assert "frames shuffled" in told
    assert "flow" not in told.partition("V2T")[2]
    assert "| drawn | 3 | subject+flow | flow turned |" in files[-1].read_text()
    [panel] = [panel for panel in with_controls[1].panels if "changed" in panel.title]
    assert [curve.label for curve in panel.curves] == [
        "as they are",
        "flow elsewhere",
        "flow turned",
        "frames shuffled",
    ]
    assert panel.curves[0].x == ("drawn, subject+flow", "drawn, subject, temporal head")
    assert np.isnan(panel.curves[1].y).tolist() == [False, True]


def test_a_temporal_head_is_trained_with_all_frames_and_its_run_has_a_name_of_its_own(
    with_controls: tuple[StudyPlan, StudyResult],
) -> None:
    runs = with_controls[0].folder / "runs"
    document = json.loads((runs / "drawn-subject-temporal-head-fold0-0.json").read_text())
    assert document["settings"]["recipe"]["model"]["temporal_layers"] == 2
    assert document["settings"]["recipe"]["data"]["frames"] == 4
    assert list(document["figures"]["controls"]) == ["frames shuffled"]
    assert document["figures"]["controls"]["frames shuffled"].keys() == document["figures"]["test"].keys()
    assert (
        json.loads((runs / "drawn-subject-flow-fold0-0.json").read_text())["settings"]["recipe"]["data"]["frames"] == 2
    )


def test_runs_finished_before_there_were_controls_are_told_without_them(
    with_controls: tuple[StudyPlan, StudyResult], tmp_path: Path
) -> None:
    shutil.copytree(with_controls[0].folder / "runs", tmp_path / "runs")
    older = tmp_path / "runs" / "drawn-subject-flow-fold0-1.json"
    document = json.loads(older.read_text())
    del document["figures"]["controls"]
    older.write_text(json.dumps(document))
    found = study_actions(replace(with_controls[0], folder=tmp_path))
    assert isinstance(found, StudyResult)
    clips = {row.setting["clips"] for row in found.rows if row.setting["mask"] == "subject+flow"}
    assert clips == {"as they are"}
    assert any("drawn, subject+flow: no controls, since an earlier deltaclip finished 1 run" in n for n in found.notes)


def test_an_arm_whose_mask_does_not_exist_is_refused_with_a_head_as_well(drawn: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="did you mean subject"):
        study_actions(replace(plan_of(tmp_path, drawn), masks=("subjekt, temporal head",)))
    with pytest.raises(ValueError, match="motion"):
        study_actions(replace(plan_of(tmp_path, drawn), masks=("subject, time",)))


def test_no_frame_and_no_weights_are_left_in_the_output(finished: tuple[StudyPlan, StudyResult]) -> None:
    left = [path.relative_to(finished[0].folder).as_posix() for path in finished[0].folder.rglob("*") if path.is_file()]
    assert sorted(left) == ["runs/drawn-difference-fold0-0.json", "runs/drawn-full-fold0-0.json"]


def test_a_finished_study_is_told_again_without_training(
    finished: tuple[StudyPlan, StudyResult], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ActionRun, "perform", lambda *_: pytest.fail("it was trained again"))
    assert study_actions(finished[0]) == finished[1]


def test_other_settings_are_refused_with_the_difference(finished: tuple[StudyPlan, StudyResult]) -> None:
    with pytest.raises(TrainingError, match=r"optim\.lr 0\.002, not 0\.001"):
        study_actions(replace(finished[0], settings=(*TINY, "optim.lr=1e-3")))


def test_a_clip_replaced_by_another_under_its_name_is_refused(tmp_path: Path) -> None:
    data = write_actions(tmp_path / "drawn")
    run_of(tmp_path, data).perform(see_actions(load_actions(data), MASKS, 4, 16))
    clips = sorted((data / "clips").iterdir())
    clips[0].write_bytes(clips[-1].read_bytes())
    with pytest.raises(TrainingError, match="clips"):
        run_of(tmp_path, data).figures()


def test_it_is_written_as_json_picture_and_table(finished: tuple[StudyPlan, StudyResult], tmp_path: Path) -> None:
    files = write_study(tmp_path, finished[1], "deltaclip study actions")
    document = json.loads(files[0].read_text())
    assert len(document["rows"]) == 4
    assert document["protocol"]["folds"] == "drawn 1 of 2"
    assert "no order" in files[-1].read_text()


def test_a_study_out_of_time_says_how_far_it_is(drawn: Path, tmp_path: Path) -> None:
    assert study_actions(replace(plan_of(tmp_path, drawn), deadline=0.0)) == Stopped(0, 2)


def test_a_run_stopped_on_the_way_ends_as_one_that_was_not(drawn: Path, seen: SeenActions, tmp_path: Path) -> None:
    whole = run_of(tmp_path / "whole", drawn).perform(seen)
    assert whole is not None
    parts = run_of(tmp_path / "parts", drawn)
    stopped = 0
    while (found := replace(parts, deadline=_soon()).perform(seen)) is None:
        stopped += 1
        assert parts.figures() is None
    assert stopped >= 3
    assert timeless(found) == timeless(whole)
    assert parts.steps_done == 4


class Killed(BaseException):
    """What a kill is to a process: nothing below catches it."""


@pytest.mark.parametrize("moment", ["keep_figures", "shutil.rmtree"])
def test_a_run_killed_while_its_figures_are_written_ends_as_one_that_was_not(
    drawn: Path, seen: SeenActions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    whole, run = run_of(tmp_path / "whole", drawn).perform(seen), run_of(tmp_path / "killed", drawn)

    def killed(*_: object, **__: object) -> None:
        raise Killed

    monkeypatch.setattr(f"deltaclip.training.studies.actions_run.{moment}", killed)
    with pytest.raises(Killed):
        run.perform(seen)
    monkeypatch.undo()
    found = run.perform(seen)
    assert whole is not None
    assert found is not None
    assert timeless(found) == timeless(whole)
    assert [path.name for path in (tmp_path / "killed" / "runs").iterdir()] == ["drawn-difference-fold0-0.json"]


def timeless(figures: dict[str, Any]) -> dict[str, Any]:  # Any: a json document
    return {key: value for key, value in figures.items() if key != "seconds"}


def _soon() -> float:
    return time.time() + 1e-3


def test_what_is_tested_was_not_trained_on(drawn: Path, tmp_path: Path) -> None:
    run = run_of(tmp_path, drawn)
    groups = [{run.actions.clips[number].group for number in part} for part in run.parts]
    assert groups == [{"scene 1"}, {"scene 0"}]


def test_a_set_without_folds_is_trained_on_train_and_tested_on_test(tmp_path: Path) -> None:
    run = replace(run_of(tmp_path, write_actions(tmp_path / "set", folds=None)), fold=None)
    splits = [{run.actions.clips[number].split for number in part} for part in run.parts]
    assert splits == [{"train"}, {"test"}]


def test_wordings_vary_in_training_and_are_the_first_one_else(seen: SeenActions) -> None:
    clips = ActionClips(seen, [0, 1], "difference")
    said = {clips.caption(0, np.random.default_rng(seed)) for seed in range(20)}
    assert said == {"it does swipe_left", "one sees swipe_left"}
    assert clips.caption(0, None) == "it does swipe_left"


def test_clips_of_one_class_are_no_negatives_of_each_other(seen: SeenActions) -> None:
    assert ActionClips(seen, [0, 1, 2, 4], "full").alike.tolist() == [0, 0, 1, 2]


def test_masks_are_measured_on_all_kept_frames_and_taken_with_theirs(seen: SeenActions) -> None:
    pictures = ActionClips(seen, [2], "difference").pictures(0, 2, None)
    assert np.array_equal(pictures.rgb, seen.clips[2].rgb[[1, 3]])
    assert np.array_equal(pictures.alpha * 255, seen.clips[2].alpha["difference"][[1, 3]])
    assert ActionClips(seen, [2], "full").pictures(0, 2, None).alpha.min() == 1.0
    assert seen.without_mask("full") == 1.0
    assert seen.without_mask("difference") < 1.0


def test_seen_clips_survive_their_file(seen: SeenActions, tmp_path: Path) -> None:
    seen.write(tmp_path / "drawn.npz")
    again = SeenActions.read(tmp_path / "drawn.npz", seen.actions, MASKS)
    for ours, theirs in zip(seen.clips, again.clips, strict=True):
        assert np.array_equal(ours.rgb, theirs.rgb)
        assert all(np.array_equal(ours.alpha[mask], theirs.alpha[mask]) for mask in MASKS)


def test_masks_that_differ_in_their_channels_alone_are_measured_once(
    drawn: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    actions = load_actions(drawn)
    few = replace(actions, clips=actions.clips[:1])
    read: list[object] = []

    @contextmanager
    def counted() -> Iterator[Call]:
        with guarded_calls() as call:

            def count(function: Any, path: Path, *args: Any) -> Any:  # Any: whatever a call takes and gives
                read.append(args[0])
                return call(function, path, *args)

            yield count  # type: ignore[misc]  # the types of what it passes on do not matter here

    monkeypatch.setattr("deltaclip.training.studies.actions_clips.guarded_calls", counted)
    [clip] = see_actions(few, ("subject", "subject+flow", "subject+flow+time", "subject:binary"), 4, 16).clips
    assert [str(spec) for spec in read] == ["subject", "subject:binary"]
    assert clip.velocity is not None
    assert np.array_equal(clip.alpha["subject"], clip.alpha["subject+flow"])


def test_broken_clips_are_all_named(tmp_path: Path) -> None:
    folder = write_actions(tmp_path / "set")
    for name in ("stay_0_0", "stay_1_1"):
        (folder / "clips" / f"{name}.mp4").write_bytes(b"no video" * 100)
    with pytest.raises(TrainingError, match=r"(?s)2 clips cannot be read.*stay_0_0.*stay_1_1"):
        see_actions(load_actions(folder), ("full",), 4, 16)


def test_a_fold_that_is_not_there_is_refused(drawn: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"no fold 7.*0, 1"):
        study_actions(replace(plan_of(tmp_path, drawn), folds=(0, 7)))


def test_masks_that_do_not_exist_or_stand_twice_are_refused(drawn: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="did you mean difference"):
        study_actions(replace(plan_of(tmp_path, drawn), masks=("diference",)))
    with pytest.raises(TrainingError, match="twice"):
        study_actions(replace(plan_of(tmp_path, drawn), masks=("full", "full")))


@pytest.mark.parametrize("setting", ["data.flip=0.5", "data.turn=true"])
def test_pictures_are_not_mirrored_under_captions_that_say_left(drawn: Path, tmp_path: Path, setting: str) -> None:
    with pytest.raises(ValueError, match="right, up or down untrue"):
        study_actions(replace(plan_of(tmp_path, drawn), settings=(*TINY, setting)))


def test_sets_too_small_are_left_out_and_too_small_alone_refused(drawn: Path, tmp_path: Path) -> None:
    write_actions(tmp_path / "sets" / "one")
    write_actions(tmp_path / "sets" / "two")
    with pytest.raises(TrainingError, match="no set with 60 clips"):
        study_actions(plan_of(tmp_path / "out", tmp_path / "sets"))


def test_a_test_split_without_a_clip_is_refused(tmp_path: Path) -> None:
    folder = write_actions(tmp_path / "set", folds=None)
    path = folder / "captions.csv"
    path.write_text(path.read_text().replace("test\n", "val\n").replace("scene test", "scene val"))
    with pytest.raises(TrainingError, match="no clip to test on"):
        study_actions(replace(plan_of(tmp_path / "out", folder), folds=None))
