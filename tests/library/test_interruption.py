"""One writer, and what is left when it is stopped."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from deltaclip.errors import CheckpointError
from deltaclip.library import Library, LockedError
from tests.library.fakes import DIMENSION, Shelf

SLOW_INDEX = """
import sys
from deltaclip.library import Library
from tests.library.fakes import FakeEncoder, FakeMotionEncoder, FakeReader
with Library.open(sys.argv[1], FakeEncoder(), FakeMotionEncoder(), open_reader=FakeReader().reader()) as library:
    library.index([sys.argv[2]])
"""


def start_slow_index(shelf: Shelf) -> "subprocess.Popen[bytes]":
    """A process that indexes 20 videos of 4 moments, 0.1 s each, and has finished some of them."""
    for number in range(20):
        shelf.write(f"{number:02}.mp4", f"{number} 4 slow")
    command = [sys.executable, "-c", SLOW_INDEX, str(shelf.library_path), str(shelf.videos)]
    process = subprocess.Popen(command, cwd=Path(__file__).parents[2], stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 30
    while shelf.library.status().videos < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    return process


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_stopped_run_loses_only_what_was_in_hand_and_the_next_goes_on(shelf: Shelf, how: signal.Signals) -> None:
    process = start_slow_index(shelf)
    with pytest.raises(LockedError, match=rf"locked by another deltaclip \(process {process.pid}\)"):
        shelf.library.remove([shelf.videos])
    before = shelf.library.status().segments
    found = len(shelf.library.search("0 0", limit=99))
    assert before <= found <= shelf.library.status().segments  # it goes on meanwhile
    process.send_signal(how)
    process.wait()
    done = shelf.library.status().videos
    assert 2 <= done < 20
    assert shelf.library.verify().ok
    report = shelf.library.index([shelf.videos / f"{number:02}.mp4" for number in range(done + 1)])
    assert (report.unchanged, report.indexed) == (done, 1)
    assert shelf.library.verify().ok


def test_an_interrupt_leaves_whole_videos_and_frees_the_lock(shelf: Shelf) -> None:
    shelf.write("a.mp4", "a 9")
    shelf.write("b.mp4", "b 9 interrupted")
    with pytest.raises(KeyboardInterrupt):
        shelf.library.index([shelf.videos])
    assert (shelf.library.status().videos, shelf.library.status().segments) == (1, 9)
    assert shelf.library.verify().ok
    shelf.write("b.mp4", "b 9")
    assert (shelf.library.index([shelf.videos]).unchanged, shelf.library.status().segments) == (1, 18)


def test_an_encoder_that_fails_leaves_whole_videos_and_frees_the_lock(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(clips: object) -> None:
        raise MemoryError

    path = shelf.write("a.mp4", "a 1")
    with monkeypatch.context() as patch:
        patch.setattr(shelf.encoder, "encode_clips", fail)
        with pytest.raises(MemoryError):
            shelf.library.index([path])
    assert shelf.library.index([path]).indexed == 1


def test_nan_and_infinite_vectors_are_refused(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    nan = np.full((1, DIMENSION), np.nan, np.float32)
    monkeypatch.setattr(shelf.encoder, "encode_clips", lambda clips: nan[: len(list(clips))])
    with pytest.raises(CheckpointError, match="produces NaN or infinite vectors"):
        shelf.library.index([shelf.write("a.mp4", "a 1")])
    assert shelf.library.status().segments == 0


def test_two_handles_of_one_process_do_not_write_at_once(shelf: Shelf) -> None:
    path = shelf.write("a.mp4", "a 1")

    def index_too(progress: object) -> None:
        with shelf.open() as other, pytest.raises(LockedError):
            other.index([path])

    assert shelf.library.index([path], on_progress=index_too).indexed == 1


def test_many_readers_see_whole_videos_while_one_writes(shelf: Shelf) -> None:
    shelf.write("a.mp4", "a 9")
    shelf.write("b.mp4", "b 9")
    with Library.open(shelf.library_path) as reader:
        counts: list[int] = []
        shelf.library.index([shelf.videos], on_progress=lambda progress: counts.append(reader.status().segments))
    assert counts == [0, 0, 18]
