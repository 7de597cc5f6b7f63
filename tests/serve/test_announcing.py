"""A search on the command line asks a server that has the library open, and needs none."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.request import urlopen

import av
import pytest

from deltaclip.library import full_address
from deltaclip.serve import asked_of_server
from deltaclip.serve.announcing import Announced, announced
from tests.serve.conftest import Drawn
from tests.serve.live import START, LiveServer


def searched(library: Path, *words: str) -> dict[str, Any]:
    """What `deltaclip search --json` prints."""
    command = [sys.executable, "-c", START, "search", *words, "--library", str(library), "--json"]
    return dict(json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))


@contextmanager
def answering(content: bytes, status: int = 200) -> Iterator[tuple[int, list[Any]]]:
    """A stand-in for a server: its port, and what was asked of it."""
    asked: list[Any] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(status)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            """Nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield server.server_address[1], asked
        server.shutdown()
        thread.join()


def test_a_search_gives_the_same_with_a_server_and_without(drawn: Drawn) -> None:
    question = (drawn.questions[1], "--limit", "5")
    alone = searched(drawn.library, *question)
    with LiveServer.over(drawn.library):
        served = searched(drawn.library, *question)
    assert served == alone
    assert len(served["hits"]) == 5


def test_a_file_finds_the_same_with_a_server_and_without(drawn: Drawn, tmp_path: Path) -> None:
    clip, picture = drawn.videos / "shapes_0004.mp4", tmp_path / "frame.png"
    with av.open(str(clip)) as container:
        next(container.decode(video=0)).to_image().save(picture)
    questions = [("--video", str(clip)), ("--image", str(picture)), ("--like-motion-of", str(clip), "--no-fold")]
    alone = [searched(drawn.library, *question, "--limit", "5") for question in questions]
    with LiveServer.over(drawn.library) as server:
        served = [searched(drawn.library, *question, "--limit", "5") for question in questions]
        with urlopen(f"{server.url}metrics") as response:
            told = response.read().decode()
        assert [line for line in told.splitlines() if '"/v1/uploads"' in line and line.endswith(" 3.0")]
    assert served == alone
    assert [found["by"] for found in served] == ["appearance", "appearance", "motion"]


def test_the_server_is_asked_what_was_asked(drawn: Drawn) -> None:
    address = full_address(drawn.library)
    options = ("--longer", "1", "--by", "appearance", "--no-fold", "--limit", "3")
    with answering(b'{"hits": []}') as (port, asked), announced([Announced(address, "drawn", "127.0.0.1", port)]):
        found = searched(drawn.library, "red", *options)
    assert asked == [
        {
            "text": "red",
            "by": "appearance",
            "limit": 3,
            "min_relevance": None,
            "fold": False,
            "where": {"longer_seconds": 1.0},
        }
    ]
    assert found["hits"], "no hits of a server: the library itself is asked"


@pytest.mark.parametrize("answer", [(b"<html>", 200), (b"{}", 500), (b"", 200)])
def test_a_server_that_answers_wrongly_is_no_server(answer: tuple[bytes, int]) -> None:
    with answering(*answer) as (port, _), announced([Announced("/somewhere", "drawn", "127.0.0.1", port)]):
        assert asked_of_server("/somewhere", {"text": "red"}) is None


def test_a_server_that_is_gone_is_no_server() -> None:
    with answering(b"{}") as (port, _):
        pass
    with announced([Announced("/somewhere", "drawn", "127.0.0.1", port)]):
        assert asked_of_server("/somewhere", {"text": "red"}) is None
    assert asked_of_server("/somewhere", {"text": "red"}) is None


def test_a_server_of_another_version_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    with answering(b'{"hits": []}') as (port, asked), announced([Announced("/somewhere", "drawn", "127.0.0.1", port)]):
        monkeypatch.setattr("deltaclip.__version__", "0.0.1")
        assert asked_of_server("/somewhere", {"text": "red"}) is None
    assert not asked
