"""What a study found, as files."""

import json
from pathlib import Path

from deltaclip.findings import Curve, Estimate, Panel, Row, Spread, StudyResult, write_study


def test_a_study_is_written_as_json_picture_and_paragraph(tmp_path: Path) -> None:
    estimate = Estimate(50.0, 40.0, 60.0, 10)
    panel = Panel("t", "x", "y", (Curve.of("a", ("p|q",), [estimate]),), "bars")
    row = Row({"mask": "p|q"}, {"R@1": estimate, "share": 0.12345, "none": None}, "f" * 16)
    result = StudyResult("controls", "Why?", "So.", {"seed": 3, "motion": None}, (row,), (panel,), ("Noted.",))
    written = write_study(tmp_path / "new", result, "deltaclip study controls")
    assert [path.name for path in written] == ["controls.json", "controls.png", "controls.md"]
    document = json.loads(written[0].read_text())
    assert document["rows"][0]["figures"]["R@1"] == {"value": 50.0, "low": 40.0, "high": 60.0, "queries": 10}
    assert document["command"] == "deltaclip study controls"
    assert written[1].read_bytes().startswith(b"\x89PNG")
    words = written[2].read_text()
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
    words = written[2].read_text()
    assert "| full | 60.0 (50.0 to 70.0) |" in words
    assert r"--out b\udcff" in words
    assert "means over seeds, in brackets the lowest and the highest" in words
    assert "bootstrap" not in words
