"""Killed at any moment, a cache is whole, and going on ends where never stopping would have ended."""

import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

from deltaclip.frame_cache import FrameCache, write_cache
from deltaclip.frame_cache.shard import ShardWriter
from tests.frame_cache.conftest import SMALL

pytestmark = pytest.mark.usefixtures("no_child")


class KilledError(BaseException):
    """Stands for a kill: nothing that would tidy up runs after it."""


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if not path.name.startswith(".lock")}


@pytest.fixture
def uninterrupted(squares: dict[str, Path], tmp_path: Path, two_a_shard: None) -> dict[str, bytes]:
    write_cache(tmp_path / "uninterrupted", squares, SMALL)
    return content(tmp_path / "uninterrupted")


def die_at(step: int, what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Dies when `what` of module os is called for the step-th time, before it does anything."""
    calls = 0
    real = getattr(os, what)

    def call(*args: object, **options: object) -> object:
        nonlocal calls
        calls += 1
        if calls == step:
            raise KilledError
        return real(*args, **options)

    monkeypatch.setattr(os, what, call)
    # A killed process tidies nothing up.
    monkeypatch.setattr(ShardWriter, "discard", lambda self: self._file.close())


@pytest.mark.parametrize(
    ("what", "step", "held"),
    [
        ("fsync", 3, 0),  # the first shard is written, but may not lie on the disk
        ("replace", 2, 0),  # it lies there under its other name
        ("fsync", 4, 0),  # it has its name, the folder may not know
        ("fsync", 5, 0),  # the index that names it is written
        ("replace", 3, 0),
        ("fsync", 6, 2),  # the index has its name
        ("replace", 4, 2),
        ("replace", 7, 4),
    ],
)
def test_a_kill_between_any_two_steps_leaves_a_whole_cache_and_the_same_end(
    what: str,
    step: int,
    held: int,
    squares: dict[str, Path],
    uninterrupted: dict[str, bytes],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with monkeypatch.context() as patch:
        die_at(step, what, patch)
        with pytest.raises(KilledError):
            write_cache(tmp_path / "killed", squares, SMALL, workers=1)
    cache = FrameCache.open(tmp_path / "killed")
    assert len(cache) == held
    for video in cache.videos:
        assert cache.clip(video, np.arange(5)).rgb.shape == (5, 64, 64, 3)
    write_cache(tmp_path / "killed", squares, SMALL, workers=1)
    assert content(tmp_path / "killed") == uninterrupted


SCRIPT = """
    import json, sys
    from pathlib import Path
    from deltaclip.frame_cache import CacheSettings, write, write_cache
    write.VIDEOS_PER_SHARD = 2
    videos = {video: Path(path) for video, path in json.loads(sys.argv[2]).items()}
    settings = CacheSettings(num_frames=5, size=64, motion=None)
    write_cache(Path(sys.argv[1]), videos, settings, workers=1, progress=lambda step: print(step.done, flush=True))
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs kill -9")
def test_a_real_kill_in_the_middle_loses_one_shard_at_most(
    squares: dict[str, Path], uninterrupted: dict[str, bytes], tmp_path: Path
) -> None:
    videos = json.dumps({video: str(path) for video, path in squares.items()})
    script = textwrap.dedent(SCRIPT)
    arguments = [sys.executable, "-c", script, str(tmp_path / "killed"), videos]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.strip() == "3":
                process.send_signal(signal.SIGKILL)
    assert len(FrameCache.open(tmp_path / "killed")) >= 2
    write_cache(tmp_path / "killed", squares, SMALL)
    assert content(tmp_path / "killed") == uninterrupted


def test_two_readers_read_while_a_writer_writes(squares: dict[str, Path], two_a_shard: None, tmp_path: Path) -> None:
    seen: list[list[float]] = []

    def look(_: object) -> None:
        cache = FrameCache.open(tmp_path)
        readers = (cache, FrameCache.open(tmp_path))
        seen.extend([one.clip(video, np.array([0, 4])).rgb.mean().item() for video in one.videos] for one in readers)

    write_cache(tmp_path, squares, SMALL, progress=look)
    assert [len(row) for row in seen[::2]] == [len(row) for row in seen[1::2]]
    assert sorted({len(row) for row in seen}) == [0, 2, 4]
    assert all(row == seen[-1][: len(row)] for row in seen)
