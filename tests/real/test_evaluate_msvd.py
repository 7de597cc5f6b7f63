"""The real MSVD clips of the reference data, under their own names, evaluated with their human captions.

Six clips are no result: what is held is that every caption and every missing video is accounted for.
"""

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from deltaclip.cli import main
from deltaclip.model import CheckpointRecord, ModelSpec, Tokenizer, new_model, save_checkpoint

pytestmark = pytest.mark.real

CLIPS = {
    "train": {"0lh_UWF9ZP4_62_69", "3qqEKTPxLNs_1_15", "5HAf_INrFy0_3_25", "TZ860P4iTaM_15_28", "WTf5EgVY5uU_124_128"},
    "test": {"klteYv1Uv9A_27_33"},
}


@pytest.fixture
def evaluate(
    real_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, Any]]:
    """Calls the command on the clips, copied without their prefix: evaluate("--split", "test") -> exit code, json."""
    folder = tmp_path / "YouTubeClips"
    folder.mkdir()
    for path in (real_data / "captioned").glob("msvd_*"):
        shutil.copy(path, folder / path.name.removeprefix("msvd_"))
    annotations = real_data / "annotations" / "msvd"

    def call(*words: object) -> tuple[int, Any]:
        where = ("--annotations", annotations, "--videos", folder, "--cache", tmp_path / "cache", "--json")
        monkeypatch.setattr(sys, "argv", ["deltaclip", "evaluate", "msvd", *map(str, (*where, *words))])
        code = 0
        try:
            main()
        except SystemExit as stop:
            code = int(stop.code or 0)
        return code, json.loads(capsys.readouterr().out)

    return call


@pytest.mark.parametrize(
    ("split", "videos", "captions"), [("train", 1200, 48_774), ("test", 670, 27_763)], ids=["train", "test"]
)
def test_the_report_counts_the_missing_ones_exactly(
    real_data: Path, evaluate: Any, split: str, videos: int, captions: int
) -> None:
    here = len(captions_of(real_data, CLIPS[split]))
    code, report = evaluate("--split", split, "--encoder", "shapes", "--allow-missing")
    protocol = report["protocol"]
    assert code == 0
    assert (protocol["videos"], protocol["missing"]) == (len(CLIPS[split]), videos - len(CLIPS[split]))
    assert (protocol["captions"], protocol["missing_captions"]) == (here, captions - here)
    assert report["t2v"]["queries"] == here
    assert report["v2t"]["queries"] == len(CLIPS[split])
    listed = {one["video"] for one in report["missing"]}
    assert len(report["missing"]) == len(listed) == protocol["missing"]
    assert not listed & CLIPS[split]
    assert f"{protocol['missing']:,} of {videos:,} videos missing" in protocol["marks"][0]


def test_without_allow_missing_nothing_is_measured(evaluate: Any) -> None:
    code, refusal = evaluate("--encoder", "shapes")
    assert code == 1
    assert "669 of 670 videos are missing" in refusal["error"]["found"]


def test_a_random_clip_with_clips_own_words_gives_the_same_counts(
    real_data: Path, evaluate: Any, tmp_path: Path
) -> None:
    tokenizer = Tokenizer.from_source(real_data / "golden" / "bpe_simple_vocab_16e6.txt.gz")
    sizes = ModelSpec(
        image_size=64,
        patch_size=16,
        vision_width=64,
        vision_layers=1,
        text_width=64,
        text_layers=1,
        projection_dim=32,
        vocab_size=tokenizer.vocab_size,
        context_length=77,
        begin=49406,
        end=49407,
        pad=0,
    )
    save_checkpoint(tmp_path / "random", new_model(sizes, 0), tokenizer, CheckpointRecord(motion="subject"))
    words = ("--split", "train", "--encoder", tmp_path / "random", "--allow-missing")
    clip4clip = ("--sampling", "clip4clip-uniform", "--max-words", 8)
    code, report = evaluate(*words, *clip4clip)
    assert code == 0
    protocol = report["protocol"]
    assert (protocol["missing"], protocol["missing_captions"], protocol["captions"]) == (1195, 48_556, 218)
    ids = tokenizer.encode(captions_of(real_data, CLIPS["train"]))
    assert protocol["cut_captions"] == sum(len(row) > 6 for row in ids) > 0
    # The vectors are kept by what is in a file: a second report is the same, to the last digit.
    code, again = evaluate(*words, *clip4clip)
    assert again.pop("cost").keys() == report.pop("cost").keys()  # times differ
    assert (code, again) == (0, report)


def captions_of(real_data: Path, names: set[str]) -> list[str]:
    """The human captions of these clips, as the description of the reference data has them."""
    rows = json.loads((real_data / "captioned" / "captions.json").read_text())
    return [text for row in rows if Path(row["file"]).stem.removeprefix("msvd_") in names for text in row["captions"]]
