"""A server over a library of Lance tables answers as one over SQLite does, while it grows and when it is replaced."""

import shutil
import threading
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from deltaclip import Library
from deltaclip.library import merge_libraries
from deltaclip.serve import ServeSpec
from tests.serve.conftest import Drawn, Open
from tests.serve.test_jobs_api import ended

if find_spec("lance") is None:
    pytest.skip("the extra cluster is not installed", allow_module_level=True)

pytestmark = pytest.mark.cluster


@pytest.fixture
def tables(drawn: Drawn, tmp_path: Path) -> Path:
    """The library of drawn clips in Lance tables."""
    merge_libraries([drawn.library], f"lance://{tmp_path / 'tables'}")
    return tmp_path / "tables"


def ids(client: TestClient) -> dict[str, str]:
    """The names of the videos by their id."""
    return {row["video_id"]: row["name"] for row in client.get("/v1/videos").json()["videos"]}


def plain(answer: Any, names: dict[str, str]) -> Any:  # Any: json
    """An answer with names in place of ids, which differ from library to library, and without what hangs on them."""
    if isinstance(answer, dict):
        return {
            key: names[value] if key == "video_id" else plain(value, names)
            for key, value in answer.items()
            if key not in ("moment_id", "next", "version", "name", "address", "size_bytes") and not key.endswith("_url")
        }
    return [plain(each, names) for each in answer] if isinstance(answer, list) else answer


def test_answers_are_those_of_the_same_library_in_sqlite(
    over_drawn: TestClient, open_server: Open, drawn: Drawn, tables: Path
) -> None:
    client = open_server(ServeSpec([tables], roots=[drawn.videos.parent]))
    for text in drawn.questions:
        told = [each.post("/v1/search", json={"text": text, "limit": 5}).json() for each in (over_drawn, client)]
        assert plain(told[0], ids(over_drawn)) == plain(told[1], ids(client))
        assert len(told[0]["hits"]) > 1
    hits = [
        each.post("/v1/search", json={"text": drawn.questions[0]}).json()["hits"][0] for each in (over_drawn, client)
    ]
    for place in (
        "",
        "/segments",
        "/similar?limit=3&moment_id={moment_id}",
        "/scores?text=red",
        "/motion?start=0&end=2",
    ):
        told = [
            each.get(f"/v1/videos/{hit['video_id']}{place.format(**hit)}")
            for each, hit in zip((over_drawn, client), hits, strict=True)
        ]
        assert [each.status_code for each in told] == [200, 200], place
        assert plain(told[0].json(), ids(over_drawn)) == plain(told[1].json(), ids(client)), place
    for url in ("thumbnail_url", "outlined_thumbnail_url", "stream_url"):
        bodies = [each.get(hit[url]) for each, hit in zip((over_drawn, client), hits, strict=True)]
        assert [each.status_code for each in bodies] == [200, 200]
        assert bodies[0].content == bodies[1].content
    files = [each for each in tables.rglob("*") if each.is_file()]
    assert client.get("/v1/library").json()["size_bytes"] == sum(each.stat().st_size for each in files)
    for place in ("/v1/library", "/v1/failures", "/v1/videos?state=missing"):
        told = [each.get(place) for each in (over_drawn, client)]
        assert plain(told[0].json(), ids(over_drawn)) == plain(told[1].json(), ids(client)), place


def test_readers_see_whole_videos_while_a_job_writes(open_server: Open, drawn: Drawn, tmp_path: Path) -> None:
    address = f"lance://{tmp_path / 'tables'}"
    client = open_server(ServeSpec([address], "shapes", [drawn.videos]))
    first = client.post("/v1/jobs/index", json={"paths": [str(drawn.videos / "shapes_0001.mp4")]})
    assert ended(client, first.headers["location"])["state"] == "done"
    stop, wrong, counts = threading.Event(), list[str](), set[int]()

    def read() -> None:
        while not stop.is_set():
            answer = client.post("/v1/search", json={"text": drawn.questions[0], "limit": 50})
            if answer.status_code != 200:
                wrong.append(answer.text)
                return
            counts.add(len(answer.json()["hits"]))

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    try:
        job = client.post("/v1/jobs/index", json={"paths": [str(drawn.videos)]})
        assert ended(client, job.headers["location"])["report"]["indexed"] == 11
    finally:
        stop.set()
        for reader in readers:
            reader.join()
    assert wrong == []
    assert counts <= {*range(1, 13)}
    assert client.post("/v1/search", json={"text": drawn.questions[0]}).json()["hits"][0]["name"] == "shapes_0001.mp4"
    with Library.open(address) as library:
        assert library.verify().problems == ()


def test_tables_that_were_replaced_are_opened_anew(open_server: Open, drawn: Drawn, tables: Path) -> None:
    client = open_server(ServeSpec([tables], "shapes", [drawn.videos]))
    assert client.get("/v1/library").json()["videos"] == 12
    shutil.rmtree(tables)
    assert client.get("/v1/library").json()["created"] is False
    with Library.open(drawn.library) as source:
        encoder = source.encoder
    with Library.open(f"lance://{tables}", encoder, create=True) as library:
        library.index([drawn.videos / "shapes_0001.mp4"])
    assert client.get("/v1/library").json()["videos"] == 1
