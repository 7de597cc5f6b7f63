"""`deltaclip index --watch`, as a process that Ctrl-C ends."""

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from deltaclip.library import Failure, IndexReport, Library
from tests.cli.calls import Call
from tests.helpers import write_square


@contextmanager
def watching(folder: Path, *words: str) -> Iterator[subprocess.Popen[str]]:
    """The command on the folder `videos`, with a library inside of it; killed after two minutes."""
    (folder / "videos").mkdir()
    library = folder / "videos" / "library"
    command = [sys.executable, "-m", "deltaclip", "index", str(folder / "videos"), "--library", str(library), *words]
    with subprocess.Popen(
        [*command, "--watch", "--encoder", "shapes"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        end = threading.Timer(120, process.kill)
        end.start()
        yield process
        end.cancel()


def told(line: str) -> dict[str, Any]:
    document = json.loads(line)
    return {name: document[name] for name in ("indexed", "failed", "missing", "removed") if document[name]}


def test_a_watch_prints_one_object_a_batch_and_ends_with_0(tmp_path: Path) -> None:
    film = tmp_path / "videos" / "a.mp4"
    with watching(tmp_path, "--json", "--prune") as process:
        assert process.stdout is not None
        assert told(process.stdout.readline()) == {}
        write_square(film, num_frames=8)
        assert told(process.stdout.readline()) == {"indexed": 1}
        (film.parent / "b.mp4").write_text("no video")
        film.rename(film.parent / "c.mp4")
        assert told(process.stdout.readline()) == {"indexed": 1, "failed": 1}
        (film.parent / "c.mp4").unlink()
        assert told(process.stdout.readline()) == {"removed": 1}
        process.send_signal(signal.SIGINT)
        rest, errors = process.communicate()
    assert (process.returncode, rest) == (0, "")
    assert errors.endswith("stopped watching; the library has every video that was finished\n")
    with Library.open(tmp_path / "videos" / "library") as library:
        assert [row.path.name for row in library.videos()] == ["b.mp4"]


def test_without_json_a_watch_prints_one_line_a_batch(
    tmp_path: Path, deltaclip: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    failure = Failure(tmp_path / "b.mp4", "damaged after 15 s. Fetch it again.")

    def watch(self: Library, *_: object, **__: object) -> Iterator[IndexReport]:
        yield IndexReport(3, 3, 0, 0, 7, 2.0, (), new=7)
        yield IndexReport(1, 0, 0, 1, 0, 0.0, (failure,), missing=1, returned=2, removed=4)
        raise KeyboardInterrupt

    monkeypatch.setattr(Library, "watch", watch)
    code, out, err = deltaclip("index", tmp_path, "--watch", "--library", tmp_path / "lib", "--encoder", "shapes")
    assert code == 0
    assert out.splitlines() == [
        "3 indexed, 0 unchanged, 0 failed, 7 new moments in 0:02.0",
        "0 indexed, 0 unchanged, 1 failed, 1 missing, 2 no longer missing, 4 removed, 0 new moments in 0:00.0",
    ]
    assert f"  {tmp_path / 'b.mp4'}  damaged after 15 s. Fetch it again." in err.splitlines()


def test_prune_says_how_many_it_removed(tmp_path: Path, deltaclip: Call) -> None:
    (tmp_path / "videos").mkdir()
    for name in "ab":
        write_square(tmp_path / "videos" / f"{name}.mp4", num_frames=8)
    words = ("index", tmp_path / "videos", "--library", tmp_path / "lib", "--encoder", "shapes")
    assert deltaclip(*words)[0] == 0
    (tmp_path / "videos" / "a.mp4").unlink()
    assert "removed from the library: 1 video whose files are gone" in deltaclip(*words, "--prune")[1]
