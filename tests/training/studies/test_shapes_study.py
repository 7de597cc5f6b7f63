"""The study `shapes` on a tiny world: two masks, one camera, one seed, a few steps; killed and gone on with."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from deltaclip.encoder import Encoder
from deltaclip.errors import TrainingError
from deltaclip.evaluation.shapes import evaluate_shapes
from deltaclip.evaluation.studies import STUDIES as MEASURED
from deltaclip.findings import StudyResult, write_study
from deltaclip.shapes import ShapesSpec
from deltaclip.training.loop import _Loop
from deltaclip.training.studies import STUDIES, Stopped, StudyPlan, StudyProgress
from deltaclip.training.studies import shapes as study
from deltaclip.training.studies.shapes_result import METRICS
from deltaclip.training.studies.shapes_run import ShapesGallery, _among_twins

SETTINGS = (
    "world.groups=4",
    "world.validation_groups=1",
    "data.test_frames=3",
    "model.image_size=32",
    "model.width=32",
    "model.layers=1",
    "model.heads=2",
    "model.text_layers=1",
    "optim.batch=6",
    "loop.validate_every=2",
)


def plan(folder: Path) -> StudyPlan:
    return StudyPlan(
        folder, steps=4, seeds=1, masks=("full", "difference"), cameras=("still",), clips=6, settings=SETTINGS
    )


@pytest.fixture
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs one after the other without processes, which take seconds to start."""

    def one_by_one(work: Any, tasks: Any, jobs: int, look: Any) -> list[Any]:
        made = [work(task) for task in tasks]
        look()
        return made

    monkeypatch.setattr(study, "at_once", one_by_one)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, StudyResult]:
    """A study that was never stopped, in two processes, and its folder."""
    folder = tmp_path_factory.mktemp("whole")
    result = STUDIES["shapes"](replace(plan(folder), jobs=2))
    assert isinstance(result, StudyResult)
    return folder, result


def test_studies_that_train_have_names_of_their_own() -> None:
    assert not STUDIES.keys() & MEASURED.keys()


def test_every_mask_is_trained_on_every_camera_and_measured_both_ways(whole: tuple[Path, StudyResult]) -> None:
    _, result = whole
    assert [tuple(row.setting.values()) for row in result.rows] == [("still", "full"), ("still", "difference")]
    for row in result.rows:
        for way in ("T2V", "V2T"):
            for metric in METRICS.values():
                assert len(row.spread(f"{way} {metric}").runs) == 1
        assert row.spread("stayers only among right things").value >= row.spread("stayers only").value
    assert result.rows[0].figures["coverage"] == 1
    assert (result.protocol["steps"], result.protocol["seeds"], result.protocol["runs"]) == (4, 1, 2)
    assert len(result.notes) == 1
    curves = next(panel for panel in result.panels if "validation" in panel.title).curves
    assert [(curve.label, curve.x, curve.control) for curve in curves] == [
        ("full", (2.0, 4.0), True),
        ("difference", (2.0, 4.0), False),
    ]


def test_the_figures_are_those_of_evaluate_shapes(whole: tuple[Path, StudyResult]) -> None:
    folder, result = whole
    measured = evaluate_shapes(Encoder.load(folder / "runs" / "still-difference-0"), ShapesSpec(), num_clips=6)
    row = result.rows[1]
    assert row.spread("T2V MnR").value == pytest.approx(measured.retrieval.t2v.MnR)
    assert row.spread("V2T MnR").value == pytest.approx(measured.retrieval.v2t.MnR)
    assert row.spread("right things").value == pytest.approx(measured.right_group)


def test_it_is_written_as_files_without_the_drawn_clips(whole: tuple[Path, StudyResult], tmp_path: Path) -> None:
    folder, result = whole
    files = write_study(tmp_path, result, "deltaclip study shapes")
    assert [path.name for path in files] == [f"shapes.{end}" for end in ("json", "png", "pdf", "csv", "md")]
    assert "means over seeds" in files[-1].read_text()
    assert sorted(path.name for path in folder.iterdir()) == ["runs", "test"]


@pytest.mark.usefixtures("in_this_process")
def test_a_killed_study_goes_on_as_if_it_had_not_been(
    whole: tuple[Path, StudyResult], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    real, steps = _Loop._step, iter(range(100))

    def killed(self: _Loop, stream: Any) -> None:
        real(self, stream)
        if next(steps) == 6:  # in the second run, between two states
            raise Killed

    monkeypatch.setattr(_Loop, "_step", killed)
    with pytest.raises(Killed):
        STUDIES["shapes"](plan(tmp_path))
    monkeypatch.setattr(_Loop, "_step", real)
    finished = tmp_path / "runs" / "still-full-0" / "training" / "figures.json"
    before = finished.stat().st_mtime_ns
    result = STUDIES["shapes"](plan(tmp_path))
    assert isinstance(result, StudyResult)
    assert finished.stat().st_mtime_ns == before
    assert json.dumps(figures(result)) == json.dumps(figures(whole[1]))


@pytest.mark.usefixtures("in_this_process")
def test_a_deadline_stops_it_and_a_later_one_lets_it_go_on(tmp_path: Path) -> None:
    seen: list[StudyProgress] = []
    stopped = STUDIES["shapes"](replace(plan(tmp_path), deadline=0.0, progress=seen.append))
    assert stopped == Stopped(0, 2)
    assert not (tmp_path / "runs").exists()
    assert isinstance(STUDIES["shapes"](replace(plan(tmp_path), progress=seen.append)), StudyResult)
    assert (seen[-1].done, seen[-1].total) == (8, 8)


@pytest.mark.usefixtures("in_this_process")
def test_finished_runs_of_other_settings_are_refused_with_the_difference(whole: tuple[Path, StudyResult]) -> None:
    with pytest.raises(TrainingError, match=r"recipe\.optim\.steps 4, not 5"):
        STUDIES["shapes"](replace(plan(whole[0]), steps=5))
    with pytest.raises(TrainingError, match=r"test\.clips 6, not 9"):
        STUDIES["shapes"](replace(plan(whole[0]), clips=9))


def test_only_masks_that_are_named_are_trained(tmp_path: Path) -> None:
    runs = study._runs(replace(plan(tmp_path), masks=("full", "subject")))
    assert [run.variant for run in runs] == ["full", "subject"]
    every = study._runs(replace(plan(tmp_path), masks=None))
    assert [run.variant for run in every] == [*study.ALL_MASKS, "subject, no alpha dropout"]


def test_subject_can_also_be_trained_without_alpha_dropout(tmp_path: Path) -> None:
    masks = ("full", "subject", "subject, no alpha dropout")
    runs = study._runs(replace(plan(tmp_path), masks=masks, seeds=2))
    named = [(run.variant, run.recipe.data.motion, run.recipe.data.alpha_dropout, run.recipe.seed) for run in runs]
    assert named[2:] == [
        ("subject", "subject", 0.1, 0),
        ("subject", "subject", 0.1, 1),
        ("subject, no alpha dropout", "subject", 0.0, 0),
        ("subject, no alpha dropout", "subject", 0.0, 1),
    ]
    assert len({run.drawn for run in runs}) == 2
    assert len({run.out for run in runs}) == 6


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"masks": ("fulll",)}, "did you mean full"),
        ({"cameras": ("stil",)}, "not one of still, pan"),
        ({"settings": ("optim.rl=1",)}, "did you mean"),
    ],
)
def test_what_does_not_exist_is_refused_before_any_work(change: dict[str, Any], said: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=said):
        STUDIES["shapes"](replace(plan(tmp_path), **change))
    assert not list(tmp_path.iterdir())


def test_a_mask_that_is_named_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="given twice"):
        STUDIES["shapes"](replace(plan(tmp_path), masks=("full", "full")))


def test_a_gallery_whose_writing_was_killed_is_written_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gallery = ShapesGallery("pan", 3, tmp_path)
    monkeypatch.setattr("os.replace", lambda *paths: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        gallery.write()
    monkeypatch.undo()
    gallery.write()
    files = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.mp4"))
    assert files == [f"pan-3/moving/shapes_000{number}.mp4" for number in range(3)] + ["pan-3/still/shapes_0000.mp4"]


@pytest.mark.usefixtures("in_this_process")
def test_pairs_are_measured_among_themselves_in_runs_of_their_own(tmp_path: Path) -> None:
    masks = ("subject", "subject+flow+time", "subject, temporal head")
    pairs = replace(plan(tmp_path), twins="order", masks=masks, steps=2)
    result = STUDIES["shapes"](pairs)
    assert isinstance(result, StudyResult)
    assert result.name == "shapes-order"
    assert [row.setting["mask"] for row in result.rows] == [*masks]
    for row in result.rows:
        for way in ("T2V", "V2T"):
            assert row.spread(f"{way} R@1 among twins").value in [pytest.approx(100 * n / 6) for n in range(7)]
        assert row.spread("right things").value >= row.spread("T2V R@1").value
        assert "stayers only" not in row.figures
    assert {panel.title for panel in result.panels[:2]} == {f"{way} R@1 among twins, test" for way in ("T2V", "V2T")}
    assert sorted(path.name for path in (tmp_path / "runs").iterdir()) == [
        "order-still-subject-0",
        "order-still-subject-flow-time-0",
        "order-still-subject-temporal-head-0",
    ]
    every = [replace(pairs, twins=twins, masks=None) for twins in ("mover", "direction", "order")]
    assert len({run.out for each in every for run in study._runs(each)}) == 6 + 5 + 5


def test_among_twins_a_tie_is_wrong_and_other_groups_do_not_count() -> None:
    scores = np.array(
        [
            [0.5, 0.4, 0.9, 0.9],  # right, whatever the others score
            [0.6, 0.6, 0.0, 0.0],  # a tie
            [0.9, 0.9, 0.3, 0.2],  # right
            [0.0, 0.0, 0.4, 0.1],  # wrong
        ],
        np.float32,
    )
    # By column: 0.5 < 0.6 wrong, 0.6 right, 0.3 < 0.4 wrong, 0.1 < 0.2 wrong.
    assert _among_twins(scores, np.array([0, 0, 1, 1])) == {"t2v": 50.0, "v2t": 25.0}


def test_half_a_pair_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="7 clips: twins of direction are pairs"):
        STUDIES["shapes"](replace(plan(tmp_path), twins="direction", clips=7))


def figures(result: StudyResult) -> list[Any]:
    return list(result.to_json()["rows"])
