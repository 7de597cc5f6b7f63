"""`verify` compares the library's encoder with the digest by which it was told from others."""

import os
from pathlib import Path

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
