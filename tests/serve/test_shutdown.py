"""A server that ends, or is killed, in the middle of an index job."""

import json
import signal
import time
from pathlib import Path

import httpx
import pytest

from deltaclip import Library
from tests.serve.conftest import Drawn
from tests.serve.live import LiveServer

CLIPS = 60


@pytest.fixture
def videos(drawn: Drawn, tmp_path: Path) -> Path:
    """Many clips of different bytes that show the same."""
    folder = tmp_path / "videos"
    folder.mkdir()
    content = (drawn.videos / "shapes_0003.mp4").read_bytes()
    for number in range(CLIPS):
        (folder / f"{number:02}.mp4").write_bytes(content + bytes([number]))
    return folder


def under_way(server: LiveServer, videos: Path) -> int:
    """Starts a job, and waits until some videos are done; returns how many."""
    with httpx.Client(base_url=server.url, timeout=60) as client:
        url = client.post("/v1/jobs/index", json={"paths": [str(videos)]}).headers["location"]
        with client.stream("GET", f"{url}/events") as stream:
            for line in stream.iter_lines():
                if line.startswith("data:") and (done := json.loads(line.partition(":")[2])["done"]) >= 8:
                    return int(done)
    raise AssertionError("the job ended too early")


def require_whole(library: Path, videos: Path, least: int) -> None:
    """What was committed is there and sound, and the next run does the rest."""
    with Library.open(library) as opened:
        kept = opened.status().segments
        assert least <= kept
        assert opened.verify().ok
        report = opened.index([videos])
        assert (report.seen, report.failed, opened.status().segments) == (CLIPS, 0, CLIPS)
        assert report.unchanged >= kept


def test_ctrl_c_lets_the_videos_in_hand_finish(videos: Path, tmp_path: Path) -> None:
    library = tmp_path / "library"
    with LiveServer.over(library, "--encoder", "shapes", "--root", str(tmp_path)) as server:
        done = under_way(server, videos)
        began = time.monotonic()
        server.end()
        assert time.monotonic() - began < 60
    require_whole(library, videos, done)


def test_a_server_that_is_killed_loses_nothing_that_was_committed(videos: Path, tmp_path: Path) -> None:
    library = tmp_path / "library"
    with LiveServer.over(library, "--encoder", "shapes", "--root", str(tmp_path)) as server:
        done = under_way(server, videos)
        server.process.send_signal(signal.SIGKILL)
        server.process.wait()
    # The indexing process hears of it by the end of its stdin, and ends after the videos in hand.
    until = time.monotonic() + 60
    while time.monotonic() < until:
        with Library.open(library) as opened:
            before = opened.status().segments
            time.sleep(3)
            if opened.status().segments == before:
                break
    require_whole(library, videos, done)
