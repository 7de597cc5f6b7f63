"""The page of a run: whole in itself, with the figures of the run and nothing that a caption could break."""

import json
import re
from pathlib import Path

from deltaclip.training import MemoryClips, Outcome, TrainingData, override, train, write_report
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
