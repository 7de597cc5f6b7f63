"""`deltaclip train` and `deltaclip average` as their users meet them."""

import csv
import fcntl
import signal
from pathlib import Path
from typing import Any

import pytest

from deltaclip.model import load_checkpoint
from deltaclip.training.place import LOCK_NAME
from tests.helpers import write_square
from tests.training.tiny import same_weights

SIZES = (
    "model.image_size=32",
    "model.width=32",
    "model.layers=1",
    "model.heads=2",
    "model.text_layers=1",
    "model.max_words=12",
)
TINY = [word for setting in SIZES for word in ("--set", setting)]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five clips in a folder, and captions.csv with a train, val and test split."""
    folder = tmp_path_factory.mktemp("home")
    (folder / "videos").mkdir()
    splits = ("train", "train", "train", "val", "test")
    with (folder / "captions.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["path", "caption", "split"])
        for number, split in enumerate(splits):
            write_square(folder / "videos" / f"clip{number}.mp4", step=number)
            writer.writerows([f"clip{number}.mp4", f"a red square {words}", split] for words in ("moves", "goes on"))
    return folder


def own(home: Path, out: Path) -> list[object]:
    """A run of two epochs on the clips of `home`, their cache shared by the tests."""
    words = ["train", "--captions", home / "captions.csv", "--videos", home / "videos", "--cache", home / "cache"]
    sets = ["--set", "data.motion=difference", "--set", "optim.epochs=2", "--set", "optim.batch=4", *TINY]
    return [*words, "--init", "fresh", *sets, "--workers", 0, "--device", "cpu", "--out", out]


def test_own_clips_are_trained_on_stopped_resumed_indexed_and_searched(
    home: Path, tmp_path: Path, deltaclip: Any
) -> None:
    code, whole, err = deltaclip(*own(home, tmp_path / "whole"), "--json")
    assert (code, whole["finished"], whole["steps"]) == (0, True, 4)
    assert "6 captions of 3 clips, 1 to validate" in err
    code, part, _ = deltaclip(*own(home, tmp_path / "parts"), "--time-limit", 0, "--json")
    assert (code, part["finished"], part["step"]) == (0, False, 1)
    code, done, _ = deltaclip(*own(home, tmp_path / "parts"), "--resume", "--json")
    assert (code, done["finished"]) == (0, True)
    assert same_weights(tmp_path / "whole", tmp_path / "parts")
    assert Path(done["report"]).read_text().startswith("<!doctype html>")
    library = tmp_path / "library"
    code, indexed, _ = deltaclip("index", home / "videos", "--library", library, "--encoder", done["out"], "--json")
    assert (code, indexed["indexed"]) == (0, 5)
    code, found, _ = deltaclip("search", "a red square moves", "--library", library, "--json")
    assert code == 0
    assert len(found["hits"]) == 5


def test_shapes_takes_its_old_options(tmp_path: Path, deltaclip: Any) -> None:
    words = ["train", "shapes", "--motion", "full", "--steps", 2, "--seed", 4, "--out", tmp_path / "out", *TINY]
    world = ["--set", "world.groups=2", "--set", "world.validation_groups=1", "--cache", tmp_path / "drawn"]
    code, answer, _ = deltaclip(*words, *world, "--device", "cpu", "--json")
    assert code == 0
    assert {"out", "loss", "seconds", "clips_per_second", "data_wait", "memory_bytes", "validation"} <= answer.keys()
    record = load_checkpoint(tmp_path / "out").record
    assert record.motion == "full"
    assert record.training is not None
    assert (record.training["seed"], record.training["steps"]) == (4, 2)
    assert len(list((tmp_path / "drawn").iterdir())) == 1


def test_missing_videos_are_named_and_nothing_is_trained(home: Path, tmp_path: Path, deltaclip: Any) -> None:
    captions = tmp_path / "captions.csv"
    captions.write_text((home / "captions.csv").read_text() + "gone.mp4,a dog,train\n")
    words = [captions if word == home / "captions.csv" else word for word in own(home, tmp_path / "out")]
    code, answer, _ = deltaclip(*words, "--json")
    assert code == 1
    assert "gone.mp4" in answer["error"]["found"]
    assert list(answer["error"]["listed"]) == ["gone.mp4"]
    assert not (tmp_path / "out").exists()
    code, answer, err = deltaclip(*words, "--allow-missing", "--json")
    assert (code, answer["finished"]) == (0, True)
    assert "1 videos are missing or broken" in err


def test_many_missing_videos_are_named_in_one_line_and_all_in_json(home: Path, tmp_path: Path, deltaclip: Any) -> None:
    captions = tmp_path / "captions.csv"
    gone = [f"gone{number:02d}.mp4" for number in range(30)]
    captions.write_text((home / "captions.csv").read_text() + "".join(f"{name},a dog,train\n" for name in gone))
    words = [captions if word == home / "captions.csv" else word for word in own(home, tmp_path / "out")]
    code, _, err = deltaclip(*words)
    assert (code, "\\n" in err, err.count("gone")) == (1, False, 10)
    assert "30 videos: cannot be trained with: gone00.mp4: no such file" in err
    assert err.endswith("--json names all 30\n")
    assert list(deltaclip(*words, "--json")[1]["error"]["listed"]) == gone


def test_ctrl_c_keeps_a_state_and_says_where(
    home: Path, tmp_path: Path, deltaclip: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from deltaclip.training.loop import _Loop

    real = _Loop._progress

    def pressed(loop: _Loop) -> Any:
        signal.raise_signal(signal.SIGINT)
        return real(loop)

    monkeypatch.setattr(_Loop, "_progress", pressed)
    code, _, err = deltaclip(*own(home, tmp_path / "out"))
    assert code == 130
    assert err.endswith(
        "stopped; the state of step 1 of 4 is saved; the same command with --resume goes on from there\n"
    )
    monkeypatch.undo()
    assert deltaclip(*own(home, tmp_path / "out"), "--resume")[0] == 0


def test_ctrl_c_outside_of_a_step_says_how_to_go_on(
    home: Path, tmp_path: Path, deltaclip: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def pressed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("deltaclip.training.fill_cache", pressed)
    code, _, err = deltaclip(*own(home, tmp_path / "out"))
    assert code == 130
    assert err == "stopped; what was saved is kept, and the same command with --resume goes on from there\n"


def test_a_folder_in_use_is_refused(home: Path, tmp_path: Path, deltaclip: Any) -> None:
    (tmp_path / "out" / "training").mkdir(parents=True)
    with (tmp_path / "out" / "training" / LOCK_NAME).open("w") as first:
        fcntl.flock(first, fcntl.LOCK_EX)
        code, _, err = deltaclip(*own(home, tmp_path / "out"), "--overwrite")
    assert code == 3
    assert f"{tmp_path / 'out'}: another process is training in this folder" in err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("train",), "--captions"),
        (("train", "shape"), "did you mean shapes?"),
        (("train", "shapes", "--set", "optim.larning=1"), "did you mean optim."),
        (("train", "shapes", "--set", "optim.lr=fast"), "not a number"),
        (("train", "shapes", "--motion", "sbject"), "did you mean subject?"),
        (("train", "msvd"), "--annotations"),
        (("train", "actions"), "--captions"),
    ],
)
def test_wrong_usage_is_explained(words: tuple[str, ...], said: str, tmp_path: Path, deltaclip: Any) -> None:
    code, _, err = deltaclip(*words, "--out", tmp_path / "out")
    assert code == 2
    assert said in err


def test_captions_without_videos_or_cache_are_wrong_usage(home: Path, tmp_path: Path, deltaclip: Any) -> None:
    words = ("train", "--captions", home / "captions.csv", "--init", "fresh", "--out", tmp_path / "out")
    code, _, err = deltaclip(*words)
    assert code == 2
    assert "--videos" in err


def test_a_checkpoint_and_its_start_are_averaged(home: Path, tmp_path: Path, deltaclip: Any) -> None:
    for name, seed in (("one", 0), ("two", 1)):
        deltaclip(*own(home, tmp_path / name), "--seed", seed, "--steps", 1)
    words = ("average", tmp_path / "one", tmp_path / "two", "--weight", 0.5, "--out", tmp_path / "between")
    code, answer, _ = deltaclip(*words, "--json")
    assert (code, answer["weight"], answer["motion"]) == (0, 0.5, "difference")
    assert deltaclip(*words)[0] == 1
    assert deltaclip(*words, "--overwrite")[0] == 0
