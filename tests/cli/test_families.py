"""Every command with an encoder that is no CLIP: a small random SigLIP 2 as the hub has it."""

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from deltaclip.encoder import Encoder, EncoderSpec
from deltaclip.model import load_checkpoint
from tests.cli.calls import Call
from tests.helpers import write_square
from tests.siglip import CONTEXT, SIDE, siglip_folder

CPU = ("--engine", "torch", "--precision", "fp32")


@pytest.fixture(scope="module")
def siglip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return siglip_folder(tmp_path_factory.mktemp("family") / "siglip2")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four clips, and captions of them."""
    folder = tmp_path_factory.mktemp("home")
    (folder / "videos").mkdir()
    with (folder / "captions.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["path", "caption", "split"])
        for number, split in enumerate(("train", "train", "val", "test")):
            write_square(folder / "videos" / f"clip{number}.mp4", step=number)
            writer.writerow([f"clip{number}.mp4", f"a red square moves {number}", split])
    return folder


def test_info_tells_family_and_sizes(siglip: Path, deltaclip: Call) -> None:
    code, facts, _ = deltaclip("info", siglip, *CPU, "--json")
    assert code == 0
    assert (facts["family"], facts["image_size"], facts["max_words"]) == ("siglip", SIDE, CONTEXT)
    assert facts["licence"] == "unknown"
    assert "mean 0.5,0.5,0.5" in facts["known_from"]["normalisation"]


def test_videos_are_indexed_and_searched_and_a_cold_search_is_the_same(
    siglip: Path, home: Path, tmp_path: Path, deltaclip: Call
) -> None:
    library = ("--library", tmp_path / "library")
    code, _, err = deltaclip("index", home / "videos", "--encoder", siglip, *library, "--json")
    assert code == 0, err
    words = ("search", "a red square moves", *library, "--min-relevance", "none", "--json")
    code, found, _ = deltaclip(*words)
    assert code == 0
    code, in_torch, _ = deltaclip(*words, "--engine", "torch", "--precision", "fp32")
    assert code == 0
    ours, theirs = ([(hit["path"], round(hit["score"], 3)) for hit in each["hits"]] for each in (found, in_torch))
    assert len(ours) == 4
    assert [path for path, _ in ours] == [path for path, _ in theirs]
    assert max(abs(mine - other) for (_, mine), (_, other) in zip(ours, theirs, strict=True)) <= 0.002


def test_it_is_evaluated_on_own_captions_and_vectors_are_kept(
    siglip: Path, home: Path, tmp_path: Path, deltaclip: Call
) -> None:
    where = ("--annotations", home / "captions.csv", "--videos", home / "videos", "--cache", tmp_path)
    words = ("evaluate", "folder", "--split", "train", *where, "--encoder", siglip, "--json")
    code, report, err = deltaclip(*words)
    assert code == 0, err
    code, again, _ = deltaclip(*words)
    assert (code, report["protocol"]["videos"]) == (0, 2)
    assert again["t2v"] == report["t2v"]


def test_a_study_of_it_writes_its_result(siglip: Path, tmp_path: Path, deltaclip: Call) -> None:
    words = ("study", "diagnose", "--encoder", siglip, "--clips", 6, "--out", tmp_path, "--json")
    code, told, err = deltaclip(*words)
    assert code == 0, err
    assert (told["protocol"]["videos"], (tmp_path / "diagnose.json").is_file()) == (6, True)


def test_it_is_trained_with_the_sigmoid_loss_and_its_mask_acts_then(
    siglip: Path, home: Path, tmp_path: Path, deltaclip: Call
) -> None:
    words = ["train", "--captions", home / "captions.csv", "--videos", home / "videos", "--init", siglip]
    sets = [
        word
        for each in ("data.motion=difference", "optim.epochs=2", "optim.batch=2", "data.frames=2", "optim.lr=1e-3")
        for word in ("--set", each)
    ]
    code, done, err = deltaclip(*words, *sets, "--workers", 0, "--device", "cpu", "--out", tmp_path / "run", "--json")
    assert (code, done["finished"]) == (0, True), err
    before, after = load_checkpoint(siglip).model, load_checkpoint(tmp_path / "run").model
    assert after.logit_scale.item() != before.logit_scale.item()
    encoder = Encoder.load(tmp_path / "run", EncoderSpec(engine="torch", precision="fp32"))
    assert encoder.alpha_acts
    assert encoder.reader_spec.fit == "squash"
    videos = sorted((home / "videos").iterdir())
    other = encoder.with_options(motion="inverted").encode_videos(videos)
    assert np.abs(encoder.encode_videos(videos) - other).max() > 1e-6


def test_it_is_converted_and_the_result_has_the_same_vectors(
    siglip: Path, home: Path, tmp_path: Path, deltaclip: Call
) -> None:
    code, report, err = deltaclip("convert", "--clip", siglip, "--out", tmp_path / "out", "--json")
    assert code == 0, err
    assert report["activation"] == {"vision": "gelu_pytorch_tanh", "text": "gelu_pytorch_tanh"}
    spec = EncoderSpec(engine="torch", precision="fp32")
    first, second = Encoder.load(siglip, spec), Encoder.load(tmp_path / "out", spec)
    assert first.fingerprint == second.fingerprint
    texts = ["a red square", "nothing"]
    assert np.array_equal(first.encode_texts(texts), second.encode_texts(texts))


def test_half_of_the_patches_may_be_kept(siglip: Path, home: Path) -> None:
    spec: Any = {"engine": "torch", "precision": "fp32", "device": "cpu"}
    videos = sorted((home / "videos").iterdir())
    whole, half = (Encoder.load(siglip, keep=keep, **spec) for keep in (None, 0.5))
    assert whole.fingerprint != half.fingerprint
    made = [encoder.encode_videos(videos) for encoder in (whole, half)]
    assert np.abs(made[0] - made[1]).max() > 1e-4
