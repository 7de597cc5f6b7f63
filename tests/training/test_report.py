"""The page of a run: whole in itself, with the figures of the run and nothing that a caption could break."""

import json
import re
from pathlib import Path

import pytest

from deltaclip.errors import TrainingError
from deltaclip.training import (
    MemoryClips,
    Outcome,
    TrainingData,
    TrainingProgress,
    override,
    train,
    write_report,
    write_report_again,
)
from tests.training.tiny import WORDS, tiny_clips, tiny_data, tiny_recipe

RECIPE = override(tiny_recipe(), ["optim.steps=3", "loop.validate_every=1"])


def page_of(data: TrainingData, out: Path) -> tuple[str, Outcome]:
    outcome = train(RECIPE, data, out, device="cpu")
    return write_report(RECIPE, data, outcome).read_text(), outcome


def test_it_shows_figures_curves_masks_and_the_recipe(tmp_path: Path) -> None:
    page, outcome = page_of(tiny_data(), tmp_path / "out")
    assert f"{outcome.loss:.4f}" in page
    assert outcome.validation is not None
    assert f"R1 {outcome.validation['t2v']['R1']:.1f}" in page
    assert page.count("data:image/png;base64,") == 1 + 4  # the curves, and four clips
    assert "&quot;zero_alpha_lr&quot;: 0.0001" in page


def test_it_needs_no_other_file(tmp_path: Path) -> None:
    page, _ = page_of(tiny_data(), tmp_path / "out")
    assert not re.search(r"<script|<link|https?://", page)


def test_captions_are_shown_as_text(tmp_path: Path) -> None:
    clips = tiny_clips(2)
    wild = MemoryClips(clips.rgb, clips.alpha, ["<script>one</script>", "two"], clips.owner, clips.video_ids)
    page, _ = page_of(TrainingData(wild, None, WORDS), tmp_path / "out")
    assert "&lt;script&gt;one" in page
    assert "<script" not in page


def test_a_curve_of_zeros_is_drawn_without_a_warning(tmp_path: Path) -> None:
    outcome = train(RECIPE, tiny_data(), tmp_path / "out", device="cpu")
    row = {"step": 1, "loss": 0.0, "gradient_norm": 0.0}
    (tmp_path / "out" / "training" / "metrics.jsonl").write_text(json.dumps(row) + "\n")
    assert write_report(RECIPE, tiny_data(), outcome).is_file()


def test_there_is_a_page_at_every_validation_and_it_is_made_again_from_the_journal_of_a_killed_run(
    tmp_path: Path,
) -> None:
    out, data = tmp_path / "out", tiny_data()
    page, steps = out / "training" / "report.html", []

    def write(so_far: Outcome) -> None:
        steps.append((so_far.step, so_far.finished, so_far.reported_step))
        assert f"<td>{so_far.step} of 3</td>" in write_report(RECIPE, data, so_far).read_text()

    def kill(now: TrainingProgress) -> None:
        if now.step == 2:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        train(RECIPE, data, out, kill, validated=write, device="cpu")
    assert steps == [(1, False, None), (2, False, None)]
    at_validation = page.read_text()
    page.unlink()
    again = write_report_again(out).read_text()
    assert without_speed(again) == without_speed(at_validation)


def without_speed(page: str) -> str:
    """The page without its row of speeds and times, and curves of them."""
    return re.sub(r"<tr><th>(Time|Speed|Waiting|Memory).*?</tr>|data:image/png;base64,[^\"]*", "", page)


def test_a_finished_run_gets_the_same_page_again(tmp_path: Path) -> None:
    page, _ = page_of(tiny_data(), tmp_path / "out")
    assert write_report_again(tmp_path / "out").read_text() == page


def test_a_folder_without_a_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="no training run in it"):
        write_report_again(tmp_path)
