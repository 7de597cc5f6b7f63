"""`deltaclip train` and `deltaclip average` as their users meet them."""

import csv
import fcntl
import signal
from pathlib import Path
from typing import Any

import pytest

from deltaclip.errors import CacheError
from deltaclip.model import load_checkpoint
from deltaclip.training.run_folder import LOCK_NAME
from tests.helpers import small_checkpoint, write_square
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
    assert "6 captions of 3 clips, 1 for validation" in err
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


def test_info_shows_the_recipe_line_by_line(home: Path, tmp_path: Path, deltaclip: Any) -> None:
    assert deltaclip(*own(home, tmp_path / "out"), "--steps", 1)[0] == 0
    code, told, _ = deltaclip("info", "--encoder", tmp_path / "out")
    assert code == 0
    assert "training\n  name         own\n" in told
    assert "  data         dataset=folder motion=difference frames=6 " in told
    assert "  optim        lr=1e-06 " in told
    assert " steps=1 " in told
    assert "  validation\n    t2v          R1=" in told
    assert "{" not in told
    _, facts, _ = deltaclip("info", "--encoder", tmp_path / "out", "--json")
    assert facts["training"]["data"]["motion"] == "difference"


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
    assert "1 video is missing or broken" in err


def test_many_missing_videos_are_named_in_one_line_and_all_in_json(home: Path, tmp_path: Path, deltaclip: Any) -> None:
    captions = tmp_path / "captions.csv"
    gone = [f"gone{number:02d}.mp4" for number in range(30)]
    captions.write_text((home / "captions.csv").read_text() + "".join(f"{name},a dog,train\n" for name in gone))
    words = [captions if word == home / "captions.csv" else word for word in own(home, tmp_path / "out")]
    code, _, err = deltaclip(*words)
    assert (code, "\\n" in err, err.count("gone")) == (1, False, 10)
    assert "30 videos: cannot be trained with: gone00.mp4: no such file" in err
    assert err.endswith("use --json to list all 30\n")
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
        "stopped; the state of step 1 of 4 is saved; the same command with --resume continues from there\n"
    )
    monkeypatch.undo()
    assert deltaclip(*own(home, tmp_path / "out"), "--resume")[0] == 0


def test_a_run_that_was_cut_off_is_offered_to_be_continued_first(home: Path, tmp_path: Path, deltaclip: Any) -> None:
    assert deltaclip(*own(home, tmp_path / "out"), "--time-limit", 0)[0] == 0
    code, _, err = deltaclip(*own(home, tmp_path / "out"))
    assert (code, "the folder has a training run. Continue it with --resume, or" in plain(err)) == (1, True), err


def test_a_rate_for_trained_weights_and_a_batch_larger_than_the_clips_are_told(
    home: Path, tmp_path: Path, deltaclip: Any
) -> None:
    words = ["optim.batch=128" if word == "optim.batch=4" else word for word in own(home, tmp_path / "out")]
    code, _, err = deltaclip(*words, "--time-limit", 0)
    assert code == 0
    assert "the weights start at random, but optim.lr is 1e-06" in err
    assert "optim.batch is 128, but there are only 6 captions" in err
    sound = ["--set", "optim.lr=1e-3", "--time-limit", 0, "--overwrite"]
    assert "only" not in (told := deltaclip(*own(home, tmp_path / "out"), *sound)[2])
    assert "at random" not in told


def test_going_on_with_other_settings_is_refused_before_anything_is_decoded(
    home: Path, tmp_path: Path, deltaclip: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert deltaclip(*own(home, tmp_path / "out"), "--time-limit", "0")[0] == 0
    monkeypatch.setattr("deltaclip.training.prepare_clips", lambda *_: pytest.fail("clips were read"))
    code, _, err = deltaclip(*own(home, tmp_path / "out"), "--set", "optim.lr=0.5", "--resume")
    assert (code, ", not 0.5. Resume it with the same settings" in plain(err)) == (1, True), err


def test_videos_that_were_refused_may_be_left_out_into_the_same_folder(
    home: Path, tmp_path: Path, deltaclip: Any
) -> None:
    captions = tmp_path / "captions.csv"
    captions.write_text((home / "captions.csv").read_text() + "gone.mp4,a dog,train\n")
    out = tmp_path / "out"
    other = {home / "captions.csv": captions, home / "cache": out / "training" / "cache"}
    words = [other.get(word, word) if isinstance(word, Path) else word for word in own(home, out)]
    code, _, err = deltaclip(*words)
    assert (code, "--allow-missing" in err, (out / "training" / "cache").is_dir()) == (1, True, True), err
    assert deltaclip(*words, "--allow-missing")[0] == 0


def test_ctrl_c_outside_of_a_step_says_how_to_go_on(
    home: Path, tmp_path: Path, deltaclip: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def pressed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("deltaclip.training.prepare_clips", pressed)
    code, _, err = deltaclip(*own(home, tmp_path / "out"))
    assert code == 130
    assert err == "stopped; saved states are kept; run the same command with --resume to continue\n"


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
        (("train", "shapes", "--device", "foo"), "device 'foo' is not one of auto, cpu"),
        (("train", "shapes", "--set", "model.width=97"), "model.width 97 is not a multiple of model.heads 3"),
        (("train", "shapes", "--set", "model.patch_size=48"), "not a multiple of model.patch_size 48"),
        (("train", "shapes", "--set", "model.max_words=1"), "model.max_words must be 3 or more"),
        (("train", "shapes", "--set", "optim.lr=nan"), "optim.lr must be finite"),
        (("train", "shapes", "--set", "seed=-1"), "seed must be 0 or more"),
        (("train", "shapes", "--steps", "1", "--set", "optim.steps=5"), "--steps and --set optim.steps"),
        (("train", "shapes", "--motion", "full", "--set", "data.motion=centre"), "--motion and --set data.motion"),
        (("train", "shapes", "--seed", "1", "--set", "seed=2"), "--seed and --set seed"),
        (("train", "shapes", "--init", "fresh", "--set", "model.init=shapes"), "--init and --set model.init"),
        (("train", "--captions", "f.csv", "--set", "data.dataset=msvd"), "--captions and --set data.dataset"),
        (("train", "--captions", "f.csv", "--annotations", "x"), "--captions and --annotations are mutually exclusive"),
        (("train", "msvd", "--set", "data.dataset=msvdd"), "did you mean msvd?"),
        (
            ("train", "msvd", "--set", "model.width=66", "--set", "model.layers=2"),
            "model.width cannot be set",
        ),
        (("train", "msvd", "--set", "world.groups=2"), "world.groups can be set for drawn clips only"),
        (("train", "shapes", "--set", "optim.epochs=2"), "optim.epochs is ignored, because optim.steps is 5000"),
        (("train", "shapes", "--set", "optim.lr=1", "--set", "optim.lr=2"), "optim.lr is set twice"),
        (("train", "shapes", "--resume", "--overwrite"), "--resume and --overwrite are mutually exclusive"),
        (
            ("train", "shapes", "--videos", "x", "--allow-missing"),
            "--videos, --allow-missing cannot be used with the recipe shapes",
        ),
        (("train", "shapes", "--annotations", "x"), "--annotations cannot be used with the recipe shapes"),
    ],
)
def test_wrong_usage_is_explained(words: tuple[str, ...], said: str, tmp_path: Path, deltaclip: Any) -> None:
    code, _, err = deltaclip(*words, "--out", tmp_path / "out")
    assert code == 2
    assert said in plain(err)
    assert not (tmp_path / "out").exists()


def plain(err: str) -> str:
    """What a frame around a usage error holds, on one line."""
    return " ".join(err.replace("│", " ").split())


@pytest.mark.parametrize("resume", [(), ("--resume",), ("--overwrite",)])
def test_a_place_that_cannot_be_written_is_told_before_anything_is_decoded(
    home: Path, tmp_path: Path, deltaclip: Any, resume: tuple[str, ...]
) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.jpg").write_text("mine")
    places = [
        ("file", "new", 2, "file is a file; give a folder"),
        ("file/sub", "new", 2, "file is a file; give a folder"),
        ("run", "file", 2, "file is a file; give a folder"),
        ("run", "run", 2, "--cache and --out are the same folder"),
        ("run", "run/frames", 2, "--cache is inside --out"),
        ("photos", "new", 1, "photos: "),
    ]
    for out, cache, expected, said in places:
        words = [tmp_path / cache if word == home / "cache" else word for word in own(home, tmp_path / out)]
        code, _, err = deltaclip(*words, *resume)
        assert (code, said in plain(err).replace(" /", "/")) == (expected, True), (out, cache, err)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "photos"]


def test_start_weights_that_cannot_be_had_or_are_too_large_are_told_before_anything_is_decoded(
    home: Path, tmp_path: Path, deltaclip: Any
) -> None:
    words = [tmp_path / "cache" if word == home / "cache" else word for word in own(home, tmp_path / "out")]
    place = words.index(TINY[0], words.index("optim.batch=4"))
    begun = [*words[:place], *words[place + len(TINY) :]]
    code, answer, _ = deltaclip(*(tmp_path / "nothing" if word == "fresh" else word for word in begun), "--json")
    assert (code, answer["error"]["found"]) == (1, "neither a folder here nor a hub name")
    small_checkpoint(tmp_path / "start")
    (tmp_path / "start" / "tokenizer.json").unlink()
    mute = [tmp_path / "start" if word == "fresh" else word for word in begun]
    assert "no tokenizer" in deltaclip(*mute, "--json")[1]["error"]["found"]
    large = ["model.image_size=304" if word == "model.image_size=32" else word for word in words]
    code, _, err = deltaclip(*large)
    assert (code, "the short side of its pictures is 224 pixels, and 304 are needed" in plain(err)) == (2, True)
    assert [path.name for path in tmp_path.iterdir()] == ["start"]


def test_what_a_cache_lost_is_decoded_again_or_named_before_the_run(home: Path, tmp_path: Path, deltaclip: Any) -> None:
    words = [tmp_path / "cache" if word == home / "cache" else word for word in own(home, tmp_path / "one")]
    assert deltaclip(*words, "--time-limit", 0)[0] == 0
    (tmp_path / "cache" / "shard-00000.tar").unlink()
    without = [*words[:3], *words[5:-1], tmp_path / "two"]
    code, answer, _ = deltaclip(*without, "--json")
    assert (code, answer["error"]["found"]) == (1, "missing or truncated: shard-00000.tar")
    assert not (tmp_path / "two").exists()
    code, _, err = deltaclip(*words[:-1], tmp_path / "two", "--time-limit", 0)
    assert code == 0
    assert "shard-00000.tar is missing or truncated: its videos (4) are decoded again" in err
    (tmp_path / "cache" / "cache.json").write_text("{")
    code, _, err = deltaclip(*words[:-1], tmp_path / "three", "--time-limit", 0)
    assert code == 0
    assert "all videos are decoded again" in err
    assert deltaclip(*without[:-1], tmp_path / "four", "--time-limit", 0)[0] == 0


@pytest.mark.parametrize(
    ("kept", "wanted", "code"),
    [
        ("subject:binary", "subject:binary", 0),
        ("subject:binary", "subject:binary,floor=0.2", 0),
        ("subject:binary", "difference:threshold=12.5", 0),
        ("subject", "subject:floor=0.2", 0),
        ("subject:binary", "subject", 2),
        ("none", "subject:binary", 2),
    ],
)
def test_a_cache_made_by_the_command_serves_the_masks_that_can_be_made_of_it(
    home: Path, tmp_path: Path, deltaclip: Any, kept: str, wanted: str, code: int
) -> None:
    """`train` refused `cache --motion subject:binary`: what a mask serves was written twice, and differently."""
    own_words = ["--captions", home / "captions.csv", "--videos", home / "videos"]
    made = ("--out", tmp_path / "cache", "--motion", kept, "--frames", 8, "--size", 32)
    assert deltaclip("cache", *own_words, *made)[0] == 0
    words = ["train", *own_words[:2], "--cache", tmp_path / "cache", "--init", "fresh", *TINY, "--motion", wanted]
    words += ["--steps", 1, "--set", "optim.batch=4", "--set", "data.frames=4", "--set", "data.test_frames=4"]
    found, _, err = deltaclip(*words, "--workers", 0, "--device", "cpu", "--out", tmp_path / "out")
    assert found == code, err
    assert code == 0 or f"and {wanted} is needed" in plain(err)


def test_a_page_that_cannot_be_made_costs_no_run(
    home: Path, tmp_path: Path, deltaclip: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write_report(*_: object) -> Path:
        raise CacheError("cache/shard-00000.tar", "cannot be read", "Bring this shard back.")

    monkeypatch.setattr("deltaclip.training.write_report", write_report)
    code, out, err = deltaclip(*own(home, tmp_path / "out"))
    assert (code, f"wrote {tmp_path / 'out'}" in out) == (1, True)
    assert "the report of the run could not be written: cache/shard-00000.tar: cannot be read" in err
    assert (tmp_path / "out" / "model.safetensors").is_file()


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
    into_the_run = (*words[:-1], tmp_path / "two", "--overwrite")
    kept = sorted(path for path in (tmp_path / "two" / "training").rglob("*") if path.is_file())
    assert deltaclip(*into_the_run)[0] == 0
    assert sorted(path for path in (tmp_path / "two" / "training").rglob("*") if path.is_file()) == kept
    assert same_weights(tmp_path / "two", tmp_path / "between")
    (tmp_path / "file").write_text("mine")
    code, _, err = deltaclip(*words[:-1], tmp_path / "file")
    assert (code, "give a folder" in plain(err)) == (2, True)
