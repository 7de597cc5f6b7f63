"""What docs/how-to/http.md shows is sent to a server, and answered."""

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from deltaclip import Encoder, Library
from deltaclip.shapes import draw_demo
from tests.serve.live import LiveServer

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "http.md"
ADDRESS = "http://127.0.0.1:8765"


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[LiveServer, Path]]:
    """A server over the drawn clips, and the folder that may be indexed."""
    folder = tmp_path_factory.mktemp("http")
    draw_demo(folder / "videos")
    with Library.open(folder / "library", Encoder.load("shapes"), create=True) as library:
        library.index([folder / "videos"])
    with LiveServer.over(folder / "library", "--root", str(folder)) as server:
        yield server, folder


def sent(client: httpx.Client, command: str, folder: Path, known: dict[str, str]) -> httpx.Response:
    """What a command of curl sends; ids on the page are those of the answers before, and paths those of the test."""
    words = shlex.split(command)
    url = next(word for word in words if word.startswith(ADDRESS)).removeprefix(ADDRESS)
    url = re.sub(r"/jobs/[0-9a-f]{16}", f"/jobs/{known.get('job_id', '')}", url)
    if "--json" in words:
        body = json.loads(words[words.index("--json") + 1])
        body |= {"upload_id": known["upload_id"]} if "upload_id" in body else {}
        body |= {"paths": [str(folder / "videos")]} if "paths" in body else {}
        return client.post(url, json=body)
    if "--data-binary" in words:
        name, _, value = words[words.index("-H") + 1].partition(": ")
        return client.post(url, content=known["photo"].encode("latin-1"), headers={name: value})
    return client.get(url)


def test_every_command_of_the_page_is_answered(live: tuple[LiveServer, Path]) -> None:
    server, folder = live
    commands = re.findall(r"^curl .*$", PAGE.read_text("utf-8"), re.MULTILINE)
    assert len(commands) >= 5
    with httpx.Client(base_url=server.url, timeout=120) as client:
        photo = client.get("/v1/videos/1/thumbnail").content
        known: dict[str, Any] = {"photo": photo.decode("latin-1")}
        for command in commands:
            response = sent(client, command, folder, known)
            assert response.is_success, (command, response.text)
            if response.headers["content-type"].startswith("application/json"):
                known |= response.json()


def test_every_address_of_the_page_is_one_of_the_server(live: tuple[LiveServer, Path]) -> None:
    server, _ = live
    addresses = [
        each for each in re.findall(r"`(/v1/videos/[^`]*|/healthz|/readyz|/metrics)`", PAGE.read_text("utf-8"))
    ]
    assert len(addresses) >= 8
    with httpx.Client(base_url=server.url, timeout=120) as client:
        for address in addresses:
            asked = address.replace("/12", "/2").replace("start=60&end=75", "start=0&end=2")
            assert client.get(asked).status_code in (200, 303), address


def test_the_python_of_the_page_runs(live: tuple[LiveServer, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    server, folder = live
    monkeypatch.chdir(folder)
    [program] = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    exec(program.replace(ADDRESS, server.url.rstrip("/")), {})
    assert list(folder.glob("*.jpg"))
