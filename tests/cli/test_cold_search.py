"""A search in words, in a process of its own: it waits neither for torch nor for what decodes videos."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.cli.calls import Call
from tests.helpers import small_checkpoint, write_square

HEAVY = ("torch", "transformers", "cv2", "av", "openvino", "huggingface_hub")
SEARCH = f"""
import json, sys
from deltaclip.cli import main
sys.argv = ["deltaclip", "search", *sys.argv[1:]]
code = 0
try:
    main()
except SystemExit as stop:
    code = stop.code
print(json.dumps([code, [name for name in {HEAVY!r} if name in sys.modules]]), file=sys.stderr)
"""


def cold_search(*words: object) -> tuple[Any, int, list[str]]:
    """Its answer, its exit code, and what it has imported of HEAVY."""
    done = subprocess.run(
        [sys.executable, "-c", SEARCH, *map(str, words), "--json"], capture_output=True, text=True, check=True
    )
    code, imported = json.loads(done.stderr.splitlines()[-1])
    return json.loads(done.stdout), code or 0, imported


@pytest.fixture
def library(tmp_path: Path, deltaclip: Call) -> Path:
    """Of a checkpoint that `index` has loaded."""
    checkpoint = small_checkpoint(tmp_path / "encoder", motion="difference")
    for path in checkpoint.iterdir():
        os.utime(path, (time.time() - 86_400,) * 2)
    (tmp_path / "videos").mkdir()
    write_square(tmp_path / "videos" / "right.mp4", step=1)
    code, _, _ = deltaclip("index", tmp_path / "videos", "--encoder", checkpoint, "--library", tmp_path / "library")
    assert code == 0
    return tmp_path / "library"


@pytest.mark.parametrize("by", ["appearance", "motion", "both"])
def test_a_cold_search_imports_neither_torch_nor_decoders(library: Path, deltaclip: Call, by: str) -> None:
    query = ("the red square moves to the right", "--by", by, "--library", library)
    found, code, imported = cold_search(*query)
    assert (code, imported) == (0, [])
    assert deltaclip("search", *query, "--json")[1] == found
    assert len(found["hits"]) == 1


def test_nor_does_one_with_the_bundled_encoder_on_a_new_machine(
    tmp_path: Path, deltaclip: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "videos").mkdir()
    write_square(tmp_path / "videos" / "right.mp4", step=1)
    deltaclip("index", tmp_path / "videos", "--encoder", "shapes", "--library", tmp_path / "library")
    monkeypatch.setenv("DELTACLIP_CACHE", str(tmp_path / "empty"))
    found, code, imported = cold_search("the red square moves", "--library", tmp_path / "library")
    assert (len(found["hits"]), code, imported) == (1, 0, [])
    assert [path.name for path in (tmp_path / "empty").iterdir()] == ["background"]


def test_a_question_that_is_a_file_or_a_choice_of_engine_runs_in_torch(library: Path, tmp_path: Path) -> None:
    for words in (("--video", tmp_path / "videos" / "right.mp4"), ("red", "--engine", "torch")):
        found, code, imported = cold_search(*words, "--library", library)
        assert (len(found["hits"]), code) == (1, 0)
        assert "torch" in imported


def test_an_encoder_that_is_gone_is_named(library: Path, tmp_path: Path) -> None:
    (tmp_path / "encoder").rename(tmp_path / "moved")
    found, code, _ = cold_search("red", "--library", library)
    assert (code, found["error"]["what"]) == (1, str(tmp_path / "encoder"))


def test_an_encoder_with_other_weights_is_refused(library: Path, tmp_path: Path) -> None:
    small_checkpoint(tmp_path / "encoder", motion="difference", seed=1)
    found, code, _ = cold_search("red", "--library", library)
    assert (code, found["error"]["what"]) == (1, str(library))
    assert "different weights or settings now" in found["error"]["found"]
