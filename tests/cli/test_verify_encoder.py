"""`verify` compares the library's encoders with the digests by which they were told from others."""

import os
import shutil
from pathlib import Path

import pytest
import torch

from deltaclip.encoder import Encoder, MotionEncoder, MotionNetwork, MotionSizes, save_motion_encoder
from deltaclip.library import Library
from deltaclip.motion_words import MAX_WORDS, vocabulary
from tests.cli.calls import Call
from tests.helpers import small_checkpoint, write_square


def settle(folder: Path) -> None:
    for path in folder.iterdir():
        os.utime(path, (1_700_000_000, 1_700_000_000))


def test_verify_finds_weights_that_were_exchanged_behind_their_time(tmp_path: Path, deltaclip: Call) -> None:
    folder = small_checkpoint(tmp_path / "small")
    settle(folder)
    (tmp_path / "videos").mkdir()
    write_square(tmp_path / "videos" / "a.mp4")
    words = ("--library", tmp_path / "library", "--encoder", folder)
    assert deltaclip("index", tmp_path / "videos", *words)[0] == 0
    assert deltaclip("verify", "--library", tmp_path / "library")[0] == 0
    kept = (folder / ".deltaclip-digest.json").read_bytes()
    small_checkpoint(folder, seed=1)
    (folder / ".deltaclip-digest.json").write_bytes(kept)
    settle(folder)
    code, report, _ = deltaclip("verify", "--library", tmp_path / "library", "--json")
    assert (code, report["ok"]) == (1, False)
    assert ["its weights are not those whose digest is kept" in problem for problem in report["problems"]] == [True]


def write_motion_encoder(folder: Path, seed: int) -> None:
    torch.manual_seed(seed)
    sizes = MotionSizes(width=16, layers=1, text_layers=1, heads=2, dimension=8)
    save_motion_encoder(folder, MotionNetwork(sizes, len(vocabulary()), MAX_WORDS), {})


@pytest.mark.parametrize(
    ("harm", "words"), [("exchanged", "the library's motion vectors were made by"), ("gone", "no motion encoder")]
)
def test_verify_finds_a_motion_encoder_that_is_not_the_one_of_the_library(
    tmp_path: Path, deltaclip: Call, harm: str, words: str
) -> None:
    folder, place = tmp_path / "moves", tmp_path / "library"
    write_motion_encoder(folder, seed=0)
    video = write_square(tmp_path / "a.mp4")
    encoder = Encoder.load(small_checkpoint(tmp_path / "small"))
    with Library.open(place, encoder, MotionEncoder.load(folder), create=True) as library:
        library.index([video])
    assert deltaclip("verify", "--library", place)[0] == 0
    if harm == "gone":
        shutil.rmtree(folder)
    else:
        write_motion_encoder(folder, seed=1)
    code, report, _ = deltaclip("verify", "--library", place, "--json")
    assert (code, report["ok"]) == (1, False)
    [problem] = report["problems"]
    assert problem.startswith(str(folder))
    assert words in problem
