"""The functions of the package: what they return, and that wrong use is an error that says what to do."""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import deltaclip
from deltaclip import CaptionError, CheckpointError, Encoder, VideoError
from deltaclip.motion import encode_png
from tests.helpers import moving_square, small_checkpoint, write_square

CAPTIONS = ("a red square moves right", "the square stays")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two videos, their captions, a picture, an encoder, and a file that is no video."""
    folder = tmp_path_factory.mktemp("api")
    rows = []
    for split in ("train", "val", "test"):
        for step, caption in zip((1, 0), CAPTIONS, strict=True):
            path = f"{split}_{step}.mp4"
            (folder / "videos").mkdir(exist_ok=True)
            write_square(folder / "videos" / path, step=step)
            rows.append([path, caption, split])
    with (folder / "captions.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["path", "caption", "split"], *rows])
    (folder / "still.png").write_bytes(encode_png(moving_square(1)[0]))
    (folder / "notes.txt").write_text("no video")
    small_checkpoint(folder / "encoder", motion="difference")
    return folder


@pytest.fixture
def inside(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture(scope="module")
def encoder(folder: Path) -> Encoder:
    return Encoder.load(folder / "encoder", device="cpu")


def test_masks_are_arrays_of_one_length_and_are_shown_by_their_shapes(inside: Path) -> None:
    found = deltaclip.masks("videos/train_1.mp4", "difference", num_frames=4, short_side=64)
    assert found.seconds.shape == found.coverage.shape == found.confidence.shape == (4,)
    assert found.frames.shape == (*found.alpha.shape, 3) == (*found.mask.shape, 3) == (4, 64, 64, 3)
    assert [str(each.dtype) for each in (found.alpha, found.mask, found.frames)] == ["float32", "bool", "uint8"]
    assert found.fallback == (None,) * 4
    assert found.coverage == pytest.approx(found.mask.mean(axis=(1, 2)))
    shown = "Masks(videos/train_1.mp4, 'difference', frames=(4, 64, 64, 3), mask=(4, 64, 64), coverage="
    assert repr(found).startswith(shown)
    assert len(repr(found)) < 160


def test_masks_of_the_subject_tell_how_it_and_the_camera_move(inside: Path) -> None:
    found = deltaclip.masks("videos/train_1.mp4", num_frames=4, short_side=64)
    assert found.velocity is not None
    assert found.camera is not None
    assert found.velocity.shape == (*found.mask.shape, 2)
    assert found.camera.shape == (4, 4)
    for confidence in (found.velocity_confidence, found.camera_confidence):
        assert confidence is not None
        assert confidence.shape == (4,)
    assert deltaclip.masks("videos/train_1.mp4", "difference", num_frames=4).velocity is None


def test_a_still_picture_has_no_motion_and_masks_say_so(inside: Path) -> None:
    found = deltaclip.masks("still.png", num_frames=2)
    assert None not in found.fallback
    assert (found.alpha == 1).all()


def test_a_matrix_is_ranked_with_the_owner_of_each_text() -> None:
    result = deltaclip.evaluate([[0.9, 0.1], [0.8, 0.3], [0.2, 0.7]], owner=[0, 1, 1])
    assert pytest.approx(200 / 3) == result.t2v.R1
    assert result.v2t.R1 == 100
    assert deltaclip.evaluate(np.eye(3)).t2v.R1 == 100
    assert repr(result).startswith("RetrievalResult(T2V R@1 66.7 R@5 100.0")


def test_an_encoder_is_evaluated_on_a_table_of_captions_with_progress(inside: Path, encoder: Encoder) -> None:
    told: list[tuple[int, int]] = []
    result = deltaclip.evaluate(
        encoder, captions="captions.csv", videos="videos", on_progress=lambda *now: told.append(now)
    )
    assert (result.t2v.queries, result.v2t.queries, result.protocol.dataset) == (2, 2, "folder")
    assert told[-1] == (2, 2)
    assert result.t2v == result.retrieval.t2v
    assert repr(result).startswith("Evaluation(folder test, ")
    assert len(repr(result).replace(encoder.name, "")) < 200


def test_an_encoder_is_evaluated_by_segments_and_by_tokens_beside_one_mean(inside: Path, encoder: Encoder) -> None:
    mean = deltaclip.evaluate(encoder, captions="captions.csv", videos="videos")
    told: list[tuple[int, int]] = []
    best = deltaclip.evaluate(
        encoder, captions="captions.csv", videos="videos", segments=1, on_progress=lambda *now: told.append(now)
    )
    assert best.segments > 2
    assert best.whole.t2v == mean.t2v
    assert told.count((2, 2)) == 2
    tokens = deltaclip.evaluate(encoder, captions="captions.csv", videos="videos", interaction="token", post="dsl")
    assert tokens.protocol.interaction == {
        "name": "token-wise",
        "vectors_a_video": float(encoder.reader_spec.num_frames),
    }
    assert tokens.whole.protocol.interaction is None


def test_training_on_own_captions_gives_an_encoder_that_loads(inside: Path, tmp_path: Path) -> None:
    steps: list[int] = []
    decoded: list[tuple[int, int]] = []
    outcome = deltaclip.train(
        captions="captions.csv",
        videos="videos",
        out=tmp_path / "mine",
        overrides={"model.init": "encoder", "optim.steps": 2, "optim.batch": 2, "data.flip": 0.5},
        workers=0,
        on_progress=lambda now: steps.append(now.step),
        on_decoded=lambda *now: decoded.append(now),
    )
    assert (outcome.finished, outcome.steps, steps) == (True, 2, [1, 2])
    assert decoded[-1] == (4, 4)
    assert repr(outcome).startswith(f"Outcome({tmp_path / 'mine'}, step 2 of 2, loss=")
    assert Encoder.load(outcome.out, device="cpu").record.training is not None
    with pytest.raises(
        CheckpointError,
        match=r"the folder is not empty. Continue the run there with resume=True, give a new folder, or overwrite=True",
    ):
        deltaclip.train(captions="captions.csv", videos="videos", out=tmp_path / "mine")


def test_converting_reports_what_was_read_and_does_not_replace_a_checkpoint(inside: Path, tmp_path: Path) -> None:
    report = deltaclip.convert("encoder", tmp_path / "converted")
    assert (report.out, report.alpha_from, report.has_tokenizer) == (tmp_path / "converted", "clip", True)
    assert len(repr(report).replace(str(tmp_path), "")) < 200
    with pytest.raises(CheckpointError, match=r"not empty. Give a new folder, or overwrite=True"):
        deltaclip.convert("encoder", tmp_path / "converted")
    deltaclip.convert("encoder", tmp_path / "converted", overwrite=True)


Use = Callable[[Encoder], Any]  # Any: what must not come back
WRONG: list[tuple[Use, type[Exception], str]] = [
    (lambda _: deltaclip.masks(["a.mp4"]), TypeError, "masks takes one path, not list: call it once for each"),  # type: ignore[arg-type]
    (lambda _: deltaclip.masks("videos/train_1.mp4", "optical"), ValueError, "motion 'optical': choose one of"),
    (lambda _: deltaclip.masks("videos/train_1.mp4", None), TypeError, "give the name of a mask"),  # type: ignore[arg-type]
    (lambda _: deltaclip.masks("videos/train_1.mp4", num_frames=0), ValueError, "num_frames starts at 1, not 0"),
    (lambda _: deltaclip.masks("videos/train_1.mp4", num_frames=1.5), TypeError, "num_frames is 1.5"),  # type: ignore[arg-type]
    (lambda _: deltaclip.masks("gone.mp4"), VideoError, r"gone\.mp4: cannot be read"),
    (lambda _: deltaclip.masks("notes.txt"), VideoError, r"notes\.txt: "),
    (lambda _: deltaclip.masks("videos"), VideoError, "videos: "),
    (lambda _: deltaclip.masks(""), ValueError, "empty path"),
    (lambda _: deltaclip.evaluate("shapes"), TypeError, r"loaded encoder or a matrix, not 'shapes': give Encoder.load"),
    (lambda _: deltaclip.evaluate(Encoder), TypeError, "a loaded encoder or a matrix"),  # type: ignore[call-overload]
    (lambda _: deltaclip.evaluate([]), ValueError, r"shape \(0,\). Give it the shape \(texts, videos\)"),
    (lambda _: deltaclip.evaluate([[1, 2], [3]]), ValueError, "similarity is not an array"),
    (lambda _: deltaclip.evaluate(np.eye(3)[:2]), ValueError, "2 texts, 3 videos, and nothing says to which video"),
    (lambda _: deltaclip.evaluate(np.eye(3), [0, 1, 3]), ValueError, r"owner\[2\] is 3, but the columns are 0..2"),
    (lambda _: deltaclip.evaluate(np.eye(3), [[0, 1, 2]]), ValueError, r"owner is \(1, 3\) int64. Give one integer"),  # type: ignore[list-item]
    (lambda _: deltaclip.evaluate(np.full((2, 2), np.nan)), ValueError, "NaN in row 0, column 0"),
    (lambda _: deltaclip.evaluate([["a", "b"]]), TypeError, "similarity is an array of numbers, not <U1"),
    (lambda _: deltaclip.evaluate(np.eye(2), captions="captions.csv"), TypeError, "a loaded encoder or a matrix"),  # type: ignore[call-overload]
    (lambda _: deltaclip.evaluate(np.eye(2), frame_cache="x"), TypeError, "frame_cache: only for an encoder"),  # type: ignore[call-overload]
    (lambda e: deltaclip.evaluate(e, dataset="shapes", frame_cache="x"), ValueError, "cache nor frame_cache"),
    (lambda _: deltaclip.evaluate(np.eye(2), post="dsl"), TypeError, "post: only for an encoder"),  # type: ignore[call-overload]
    (lambda _: deltaclip.evaluate(np.eye(2), segments=5), TypeError, "segments: only for an encoder"),  # type: ignore[call-overload]
    (lambda e: deltaclip.evaluate(e, segments="5"), TypeError, "give seconds as a number"),  # type: ignore[call-overload]
    (lambda e: deltaclip.evaluate(e, segments=0), ValueError, "give 0.5 to 3600 seconds"),
    (lambda e: deltaclip.evaluate(e, segments=5, interaction="token"), ValueError, "not both"),  # type: ignore[call-overload]
    (lambda e: deltaclip.evaluate(e, interaction="tokens"), ValueError, "interaction is 'tokens'"),  # type: ignore[call-overload]
    (lambda e: deltaclip.evaluate(e, interaction="token", post="qbnorm"), ValueError, "one mean a video alone"),
    (lambda e: deltaclip.evaluate(e, dataset="shapes", segments=5), ValueError, "neither segments nor interaction"),
    (
        lambda e: deltaclip.evaluate(e, captions="captions.csv", videos="videos", interaction="weighted-token"),
        CheckpointError,
        "no weights of token-wise interaction",
    ),
    (lambda e: deltaclip.evaluate(e, dataset="shapes", post="dsl"), ValueError, "shapes takes neither split, post"),
    (lambda e: deltaclip.evaluate(e, captions="x", videos="y", dataset=["msvd"]), TypeError, "give one name"),  # type: ignore[call-overload]
    (lambda e: deltaclip.evaluate(e), TypeError, "needs captions and videos for the data set folder"),
    (lambda e: deltaclip.evaluate(e, [0, 1]), TypeError, "owner belongs to a matrix"),  # type: ignore[call-overload]
    (lambda e: deltaclip.evaluate(e, captions="x", videos="y", dataset="msvdd"), ValueError, "did you mean msvd"),
    (lambda e: deltaclip.evaluate(e, captions="x", dataset="shapes"), ValueError, "shapes draws its clips"),
    (lambda e: deltaclip.evaluate(e, captions=["x"], videos="y"), TypeError, "one path, not list"),  # type: ignore[call-overload]
    (lambda e: deltaclip.evaluate(e, captions="gone.csv", videos="videos"), CaptionError, "no such file"),
    (lambda e: deltaclip.evaluate(e, captions="captions.csv", videos="gone"), CaptionError, "not a folder"),
    (
        lambda e: deltaclip.evaluate(e, captions="captions.csv", videos="videos", split="tset"),
        CaptionError,
        "no split 'tset', only train, val, test",
    ),
    (
        lambda e: deltaclip.evaluate(e, captions="captions.csv", videos="videos", post="dls"),  # type: ignore[call-overload]
        ValueError,
        "post is 'dls'",
    ),
    (lambda _: deltaclip.train(out="new", recipe="msvdd"), ValueError, "recipe is 'msvdd': did you mean msvd"),
    (lambda _: deltaclip.train(out="new", workers=-1), ValueError, "workers starts at 0, not -1"),
    (lambda _: deltaclip.train(out="new", workers="2"), TypeError, "workers is '2'"),  # type: ignore[arg-type]
    (lambda _: deltaclip.train(out="new", time_limit="5"), TypeError, "give seconds as a number"),  # type: ignore[arg-type]
    (lambda _: deltaclip.train(out="new", time_limit=float("nan")), ValueError, "give 0 seconds or more"),
    (lambda _: deltaclip.train(out="new", on_progress=5), TypeError, "5 cannot be called"),  # type: ignore[arg-type]
    (lambda _: deltaclip.train(out="new", device=5), TypeError, "give its name, such as 'cpu'"),  # type: ignore[arg-type]
    (lambda _: deltaclip.train(out="new"), TypeError, "train needs captions for the recipe own"),
    (lambda _: deltaclip.train(out="new", captions="captions.csv"), TypeError, "give videos, or a cache"),
    (lambda _: deltaclip.train(out=None), TypeError, "one path, not None"),  # type: ignore[arg-type]
    (lambda _: deltaclip.train(out="notes.txt"), CheckpointError, "notes.txt: a file. Give a folder"),
    (lambda _: deltaclip.train(out="new", overrides=["optim.lr=1"]), TypeError, "overrides are a dict of fields"),  # type: ignore[arg-type]
    (lambda _: deltaclip.train(out="new", overrides={"optim.lrr": 1}), ValueError, "did you mean optim.lr"),
    (lambda _: deltaclip.train(out="new", overrides={"optim.lr": "x"}), ValueError, "optim.lr=x: not a number"),
    (lambda _: deltaclip.train(out="new", overrides={"model.width": 9}), ValueError, "model.width cannot be set"),
    (lambda _: deltaclip.train(out="new", overrides={"world.seed": 9}), ValueError, "world.seed can be set for drawn"),
    (
        lambda _: deltaclip.train(out="new", dataset="msvd", overrides={"data.dataset": "msvd"}),
        ValueError,
        "the same setting",
    ),
    (lambda _: deltaclip.train(out="new", resume=True, overwrite=True), ValueError, "mutually exclusive"),
    (lambda _: deltaclip.train(out="new", recipe="shapes", captions="x"), ValueError, "draws its clips"),
    (lambda _: deltaclip.convert("gone.pt", "new"), CheckpointError, "neither a file or folder here nor a hub name"),
    (lambda _: deltaclip.convert(["a.pt"], "new"), TypeError, "convert takes one path, not list"),  # type: ignore[arg-type]
    (lambda _: deltaclip.convert("encoder", "new", mean=(0.5, 0.5, 0.5)), ValueError, "both mean and std"),
    (lambda _: deltaclip.convert("encoder", "new", mean=(0, 0), std=(1, 1)), ValueError, "one number each"),  # type: ignore[arg-type]
    (lambda _: deltaclip.convert("encoder", "notes.txt"), CheckpointError, "a file. Give a folder"),
]


@pytest.mark.usefixtures("unchecked_types")
@pytest.mark.parametrize(("use", "error", "words"), WRONG, ids=[words[:30] for _, _, words in WRONG])
def test_wrong_use_is_an_error_that_says_what_to_do(
    inside: Path, encoder: Encoder, use: Use, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        use(encoder)
    assert not (inside / "new").exists()


def test_a_start_that_is_not_there_is_an_error_before_any_video_is_decoded(inside: Path, tmp_path: Path) -> None:
    decoded: list[int] = []
    with pytest.raises(CheckpointError, match="gone-folder"):
        deltaclip.train(
            captions="captions.csv",
            videos="videos",
            out=tmp_path / "mine",
            overrides={"model.init": "gone-folder"},
            on_decoded=lambda done, total: decoded.append(done),
        )
    assert decoded == []
