"""What comes out of the command line arrives, whatever takes it."""

import io
import json
import os
import subprocess
import sys
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest

from deltaclip.cli import main
from tests.cli.calls import Call
from tests.helpers import small_checkpoint, write_square

Speak = Callable[..., tuple[int, bytes]]
"""Calls the command line with a stdout of that encoding: speak("ascii", "status") -> exit code, bytes."""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint; a library with a video and a broken file whose names only Unicode holds; captions of both."""
    folder = tmp_path_factory.mktemp("home")
    small_checkpoint(folder / "encoder", motion="difference")
    (folder / "videos").mkdir()
    write_square(folder / "videos" / "日本語 ❤.mp4")
    (folder / "videos" / "❤ broken.mp4").write_bytes(b"no video")
    (folder / "captions.csv").write_text("path,caption\n日本語 ❤.mp4,a red square\n❤ gone,❤\n", encoding="utf-8")
    return folder


@pytest.fixture
def speak(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Speak:
    def call(encoding: str, *words: object) -> tuple[int, bytes]:
        out = io.BytesIO()
        monkeypatch.setenv("DELTACLIP_LIBRARY", str(tmp_path / "lib"))
        monkeypatch.setattr(sys, "argv", ["deltaclip", *map(str, words)])
        monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(out, encoding=encoding))
        code = 0
        try:
            main()
        except SystemExit as stop:
            code = int(stop.code or 0)
        sys.stdout.flush()
        return code, out.getvalue()

    return call


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "latin-1"])
def test_names_that_stdout_cannot_show_are_spelt_out(home: Path, tmp_path: Path, speak: Speak, encoding: str) -> None:
    """`search` and `failures` ended in UnicodeEncodeError in a pipe of Windows, or with LANG=C."""
    assert speak(encoding, "index", home / "videos", "--encoder", home / "encoder")[0] == 1  # one is broken
    code, found = speak(encoding, "search", "red")
    assert (code, rb"\u65e5\u672c\u8a9e \u2764.mp4" in found) == (0, True)
    code, found = speak(encoding, "failures")
    assert (code, rb"\u2764 broken.mp4" in found) == (0, True)
    for words in (
        ("status",),
        ("verify",),
        ("remove", home / "videos" / "日本語 ❤.mp4"),
        ("masks", home / "videos" / "日本語 ❤.mp4"),
        ("tokenize", "❤", "--tokenizer", home / "encoder"),
        ("--help",),
    ):
        assert speak(encoding, *words)[0] == 0, words
    assert speak(encoding, "masks", home / "videos", "--report", tmp_path / "❤.html")[0] == 1
    assert (
        speak(encoding, "data", "folder", "--annotations", home / "captions.csv", "--videos", home / "videos")[0] == 1
    )


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
def test_json_is_the_same_in_every_encoding(home: Path, speak: Speak, encoding: str) -> None:
    speak(encoding, "index", home / "videos", "--encoder", home / "encoder")
    code, found = speak(encoding, "search", "red", "--json")
    assert (code, found.isascii()) == (0, True)
    assert Path(json.loads(found)["hits"][0]["path"]).name == "日本語 ❤.mp4"


def test_a_full_disk_behind_stdout_is_named(home: Path) -> None:
    if not os.path.exists("/dev/full"):
        pytest.skip("no /dev/full here")
    data = ["data", "folder", "--annotations", str(home / "captions.csv")]
    for words in (["--version"], data, [*data, "--json"]):
        with open("/dev/full", "wb") as full:
            done = subprocess.run(
                [sys.executable, "-m", "deltaclip", *words], stdout=full, stderr=subprocess.PIPE, text=True, check=False
            )
        assert done.returncode == 1
        assert done.stderr.startswith("stdout: cannot be written (No space left on device)"), words


def test_names_whose_letters_are_composed_differently_are_found(home: Path, tmp_path: Path, deltaclip: Call) -> None:
    typed, there = "é.mp4", unicodedata.normalize("NFD", "é.mp4")
    clip = write_square(tmp_path / there)
    words = ("--library", tmp_path / "lib", "--json")
    code, report, _ = deltaclip("index", tmp_path / typed, "--encoder", home / "encoder", *words)
    assert (code, report["indexed"]) == (0, 1)
    code, answer, _ = deltaclip("search", "--video", tmp_path / typed, *words)
    assert (code, answer["hits"][0]["path"]) == (0, str(clip))
    assert deltaclip("masks", tmp_path / typed)[0] == 0
    clip.unlink()
    code, answer, _ = deltaclip("remove", tmp_path / typed, *words)
    assert (code, answer["removed"]) == (0, 1)
