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
from deltaclip.cli.output import PlainLines, Progress
from tests.cli.calls import Call
from tests.helpers import small_checkpoint, write_square
from tests.video.clips import write_numbered
from tests.video.test_clock import rewrite_stamps

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


def test_a_closed_pipe_ends_quietly_and_a_dying_child_does_not_end_us(home: Path, tmp_path: Path) -> None:
    # By the signal's default both would: a child that decodes has a pipe to us too.
    script = "import signal; from deltaclip.cli import main; import sys\ntry:\n    main()\nfinally:\n    "
    script += "print(signal.getsignal(signal.SIGPIPE) is signal.SIG_IGN, file=sys.stderr)"
    reading, writing = os.pipe()
    os.close(reading)
    ended = subprocess.run(
        [sys.executable, "-c", script, "search", "--help"],
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(writing)
    assert (ended.returncode, ended.stderr) == (141, "True\n")


def test_help_that_a_full_disk_cannot_take_is_no_surprise() -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    with open("/dev/full", "w") as full:
        command = [sys.executable, "-m", "deltaclip", "--help"]
        ended = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (ended.returncode, "stdout: cannot be written" in ended.stderr) == (1, True)


def test_a_note_about_a_file_is_told_wherever_it_is_used(
    home: Path, tmp_path: Path, deltaclip: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DELTACLIP_LIBRARY", str(tmp_path / "library"))
    monkeypatch.setenv("DELTACLIP_CACHE", str(tmp_path / "vectors"))
    videos = tmp_path / "videos"
    videos.mkdir()
    whole = write_numbered(tmp_path / "true.mkv", range(50), codec="mpeg4")
    film = rewrite_stamps(whole, videos / "film.mkv", 1000)
    write_square(videos / "other.mp4")
    (tmp_path / "captions.csv").write_text("path,caption\nfilm.mkv,a red square\nother.mp4,a blue square\n")
    captions = ("--annotations", tmp_path / "captions.csv", "--videos", videos)
    encoder = ("--encoder", home / "encoder")
    for words in (
        ("index", videos, *encoder),
        ("search", "--video", film),
        ("masks", film),
        ("masks", videos, "--report", tmp_path / "masks.html"),
        ("evaluate", "folder", *captions, *encoder),
        ("evaluate", "folder", *captions, *encoder),  # from the cache
        ("cache", "--captions", tmp_path / "captions.csv", "--videos", videos, "--out", tmp_path / "cache"),
    ):
        code, _, err = deltaclip(*words)
        assert (code, "50 of 50 frames share a time stamp" in err) == (0, True), words


@pytest.mark.parametrize(
    ("seconds", "shares", "told"),
    [
        (1, [0.1 * step for step in range(1, 10)], []),  # all within ten seconds
        (4, [0.04 * step for step in range(1, 26)], [3, 6, 9, 12, 15, 18, 21, 24]),  # at each tenth, 12 s apart
        (10, [0.001 * step for step in range(1, 10)], [3, 6, 9]),  # slow: twice a minute
        (10, [0.9, 0.05, 0.16, 0.17], [1, 3]),  # different work begins again at 0
    ],
)
def test_a_log_gets_a_line_every_tenth_or_every_half_minute(
    seconds: float, shares: list[float], told: list[int]
) -> None:
    lines = PlainLines(100.0)
    assert [step for step, share in enumerate(shares, 1) if lines.due(100.0 + seconds * step, share)] == told


def test_progress_in_a_pipe_is_lines_on_stderr(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(PlainLines, "due", lambda lines, now, share: share > 0.2)
    with Progress() as line:
        line.show("1/9 videos", 1, 9)
        line.show("2/9\nvideos", 2, 9)
        line.show("0/0 videos", 0, 0)
    out, err = capsys.readouterr()
    assert (out, err) == ("", "2/9\\nvideos  (22% after 0 s)\n")
