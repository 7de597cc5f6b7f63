"""What a study found, as files."""

import json
from pathlib import Path

import pytest

from deltaclip.findings import Curve, Estimate, Panel, Row, Spread, StudyResult, write_study
from deltaclip.findings.plots import MASK_COLOURS, _looks_of
from deltaclip.motion import MOTIONS


def test_a_study_is_written_as_json_picture_and_paragraph(tmp_path: Path) -> None:
    estimate = Estimate(50.0, 40.0, 60.0, 10)
    panel = Panel("t", "x", "y", (Curve.of("a", ("p|q",), [estimate]),), "bars")
    row = Row({"mask": "p|q"}, {"R@1": estimate, "share": 0.12345, "none": None}, "f" * 16)
    result = StudyResult("controls", "Why?", "So.", {"seed": 3, "motion": None}, (row,), (panel,), ("Noted.",))
    written = write_study(tmp_path / "new", result, "deltaclip study controls")
    assert [path.name for path in written] == [f"controls.{end}" for end in ("json", "png", "pdf", "csv", "md")]
    document = json.loads(written[0].read_text())
    assert document["rows"][0]["figures"]["R@1"] == {"value": 50.0, "low": 40.0, "high": 60.0, "queries": 10}
    assert document["command"] == "deltaclip study controls"
    assert written[1].read_bytes().startswith(b"\x89PNG")
    assert written[2].read_bytes().startswith(b"%PDF")
    assert written[3].read_text().splitlines()[1] == "t,x,y,a,p|q,50.0,40.0,60.0"
    words = written[4].read_text()
    assert "| p\\|q | 50.0 [40.0, 60.0] | 0.1235 | - |" in words
    assert "- Noted." in words
    assert "Seed 3." in words


def test_figures_of_several_runs_are_told_with_their_mean_and_ends(tmp_path: Path) -> None:
    spread = Spread.of([50.0, 70.0, 60.0])
    panel = Panel("t", "x", "y", (Curve.of("a", (1.0,), [spread]),))
    result = StudyResult("shapes", "Why?", "So.", {"seeds": 3}, (Row({"mask": "full"}, {"R@1": spread}),), (panel,))
    written = write_study(tmp_path, result, "deltaclip study shapes --out b\udcff")  # a name that is no UTF-8
    [row] = json.loads(written[0].read_text())["rows"]
    assert row["figures"]["R@1"] == {"value": 60.0, "low": 50.0, "high": 70.0, "runs": [50.0, 70.0, 60.0]}
    words = written[4].read_text()
    assert "| full | 60.0 (50.0 to 70.0) |" in words
    assert r"--out b\udcff" in words
    assert "means over seeds, in brackets the lowest and the highest" in words
    assert "bootstrap" not in words


def curve(label: str, control: bool = False) -> Curve:
    return Curve(label, (1.0,), (2.0,), control=control)


def test_a_mask_has_one_colour_whatever_is_beside_it_and_however_it_is_fed() -> None:
    assert set(MOTIONS) <= set(MASK_COLOURS)
    assert len(set(MASK_COLOURS.values())) == len(MASK_COLOURS)
    for labels in (["subject", "difference"], ["difference", "subject:binary,floor=0.2"], ["subject, temporal head"]):
        looks = dict(zip(labels, _looks_of([curve(label) for label in labels]), strict=True))
        found = next(look for label, look in looks.items() if label.startswith("subject"))
        assert found.colour == MASK_COLOURS["subject"]


@pytest.mark.parametrize(
    "curves",
    [
        [curve("T2V"), curve("T2V, no mask", True), curve("V2T"), curve("V2T, no mask", True)],
        [curve("full", True), curve("full"), curve("subject"), curve("subject, no alpha dropout")],
    ],
)
def test_no_two_curves_of_a_panel_look_alike(curves: list[Curve]) -> None:
    looks = _looks_of(curves)
    assert len({(look.colour, str(look.dash)) for look in looks}) == len(curves)
    assert len({(look.colour, look.hatch) for look in looks}) == len(curves)
