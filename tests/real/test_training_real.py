"""From real clips and their captions to a checkpoint that searches, killed on the way."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from deltaclip.cli import main
from tests.training.tiny import same_weights

CLIPS = (
    "baby_reading.mp4",
    "bear.mp4",
    "car_turn.mp4",
    "cat.mp4",
    "dog_in_snow.mp4",
    "long_jump.mp4",
    "moonwalk.mp4",
    "wolf.mp4",
    "newtonscradle.gif",
    "toy_frog.webm",
)
SETTINGS = (
    "data.motion=difference",
    "optim.epochs=2",
    "optim.batch=4",
    "optim.lr=1e-3",
    "loop.validate_every=1",
    "model.image_size=32",
    "model.width=32",
    "model.layers=1",
    "model.heads=2",
    "model.text_layers=1",
)
pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def captions(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """captions.csv of ten clips: six to train on, two to validate, two to test."""
    known = {row["file"]: row for row in json.loads((real_data / "captioned" / "captions.json").read_text())}
    path = tmp_path_factory.mktemp("captions") / "captions.csv"
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["path", "caption", "split"])
        for number, name in enumerate(CLIPS):
            split = "train" if number < 6 else "val" if number < 8 else "test"
            writer.writerows([name, caption, split] for caption in known[name]["captions"][:2])
    return path


@pytest.fixture
def answer(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    """Calls the command line in this process and gives its json."""

    def call(*words: object) -> Any:  # Any: json
        monkeypatch.setattr(sys, "argv", ["deltaclip", *map(str, words), "--json"])
        with pytest.raises(SystemExit) as stop:
            main()
        assert stop.value.code in (0, None)
        return json.loads(capsys.readouterr().out)

    return call


def training(captions: Path, videos: Path, cache: Path, out: Path) -> list[object]:
    sets: Iterator[str] = (word for setting in SETTINGS for word in ("--set", setting))
    words = ["train", "--captions", captions, "--videos", videos, "--cache", cache, "--init", "fresh", *sets]
    return [*words, "--device", "cpu", "--workers", 0, "--out", out]


def test_a_run_killed_on_the_way_ends_as_one_that_was_not_and_searches(
    captions: Path, real_data: Path, tmp_path: Path, answer: Callable[..., Any]
) -> None:
    videos = real_data / "captioned"
    whole = answer(*training(captions, videos, tmp_path / "cache", tmp_path / "whole"))
    assert (whole["finished"], whole["steps"]) == (True, 6)
    words = training(captions, videos, tmp_path / "cache", tmp_path / "killed")
    states = tmp_path / "killed" / "training" / "states"
    process = subprocess.Popen(
        [sys.executable, "-m", "deltaclip", *map(str, words)],
        env={**os.environ, "OMP_NUM_THREADS": str(torch.get_num_threads())},  # as many as this process has
        stderr=subprocess.DEVNULL,
    )
    while not list(states.glob("*.pt")) and process.poll() is None:
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL, "the run was over before it could be killed"
    done = answer(*words, "--resume")
    assert done["validation"] == whole["validation"]
    assert same_weights(tmp_path / "whole", tmp_path / "killed")
    split = ("evaluate", "folder", "--annotations", captions, "--videos", videos, "--split", "test", "--no-cache")
    measured = answer(*split, "--encoder", done["out"])
    protocol = measured["protocol"]
    assert (protocol["videos"], protocol["captions"], protocol["motion"]) == (2, 2, "difference")
    assert measured["intervals"]["warning"], "two videos tell next to nothing"
    answer("index", videos / "bear.mp4", videos / "wolf.mp4", "--library", tmp_path / "lib", "--encoder", done["out"])
    found = answer("search", "a bear walks", "--library", tmp_path / "lib")
    assert {Path(hit["path"]).name for hit in found["hits"]} == {"bear.mp4", "wolf.mp4"}
