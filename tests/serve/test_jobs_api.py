"""Index jobs over HTTP: started, watched, cancelled, retried, and what may not be indexed."""

import json
import os
import shutil
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from deltaclip import Encoder, Library
from deltaclip.serve import ServeSpec
from tests.serve.conftest import Drawn, Open

PATIENCE_SECONDS = 120.0


def ended(client: TestClient, url: str) -> dict[str, Any]:
    """The job when it has ended."""
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until:
        job = client.get(url).json()
        if job["state"] in ("done", "failed", "cancelled"):
            return dict(job)
        time.sleep(0.1)
    raise AssertionError(f"{url} did not end")


@pytest.fixture
def videos(drawn: Drawn, tmp_path: Path) -> Path:
    """A folder with three drawn clips and one file that is none."""
    folder = tmp_path / "videos"
    folder.mkdir()
    for number in range(3):
        shutil.copy(drawn.videos / f"shapes_{number:04}.mp4", folder)
    (folder / "broken.mp4").write_bytes(b"no video at all")
    return folder


@pytest.fixture
def client(videos: Path, tmp_path: Path, open_server: Open) -> TestClient:
    """Over a library that is not there yet, and may be indexed into with `shapes`."""
    return open_server(ServeSpec([tmp_path / "library"], "shapes", [tmp_path]))


def test_a_job_makes_the_library_and_its_videos_are_found(client: TestClient, videos: Path, drawn: Drawn) -> None:
    started = client.post("/v1/jobs/index", json={"paths": [str(videos)]})
    assert started.status_code == 202
    url = started.headers["location"]
    assert url == f"/v1/jobs/{started.json()['job_id']}"
    job = ended(client, url)
    assert (job["state"], job["done"], job["total"], job["moments"], job["failed"]) == ("done", 4, 4, 3, 1)
    assert (job["report"]["indexed"], job["report"]["failed"]) == (3, 1)
    hits = client.post("/v1/search", json={"text": drawn.questions[0]}).json()["hits"]
    assert hits[0]["name"] == "shapes_0001.mp4"
    assert client.get("/v1/jobs").json()["jobs"][0]["job_id"] == job["job_id"]


def test_a_failure_is_listed_and_retried_once_the_file_is_whole(client: TestClient, videos: Path, drawn: Drawn) -> None:
    ended(client, client.post("/v1/jobs/index", json={"paths": [str(videos)]}).headers["location"])
    [failure] = client.get("/v1/failures").json()["failures"]
    assert failure["name"] == "broken.mp4"
    assert failure["reason"]
    shutil.copy(drawn.videos / "shapes_0005.mp4", videos / "broken.mp4")
    again = client.post(f"/v1/failures/{failure['failure_id']}/retry")
    assert ended(client, again.headers["location"])["report"]["indexed"] == 1
    assert client.get("/v1/failures").json()["failures"] == []
    response = client.post(f"/v1/failures/{failure['failure_id']}/retry")
    assert (response.status_code, response.json()["code"]) == (404, "not_found")


def test_events_tell_progress_and_the_end(client: TestClient, videos: Path) -> None:
    url = client.post("/v1/jobs/index", json={"paths": [str(videos)]}).headers["location"]
    kinds, states = [], []
    with client.stream("GET", f"{url}/events") as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        for line in stream.iter_lines():
            if line.startswith("event:"):
                kinds.append(line.partition(":")[2].strip())
            if line.startswith("data:"):
                states.append(json.loads(line.partition(":")[2])["state"])
    assert kinds[-1] == "end"
    assert set(kinds[:-1]) == {"progress"}
    assert (states[-1], states[-2]) == ("done", "running")


def test_a_second_job_waits_and_can_be_cancelled_before_it_begins(client: TestClient, videos: Path) -> None:
    first = client.post("/v1/jobs/index", json={"paths": [str(videos)]}).headers["location"]
    second = client.post("/v1/jobs/index", json={"paths": [str(videos)]}).headers["location"]
    assert client.delete(second).status_code == 202
    assert ended(client, first)["state"] == "done"
    assert ended(client, second)["state"] == "cancelled"


def test_a_job_that_is_cancelled_keeps_what_was_read(client: TestClient, videos: Path, drawn: Drawn) -> None:
    for number in range(40):
        content = (drawn.videos / "shapes_0006.mp4").read_bytes()
        (videos / f"more_{number:02}.mp4").write_bytes(content + bytes([number]))  # different bytes, the same film
    url = client.post("/v1/jobs/index", json={"paths": [str(videos)]}).headers["location"]
    with client.stream("GET", f"{url}/events") as stream:
        for line in stream.iter_lines():
            if line.startswith("data:") and json.loads(line.partition(":")[2])["done"] >= 8:
                client.delete(url)
                break
    job = ended(client, url)
    assert job["state"] in ("cancelled", "done")  # done if it was faster than we
    library = client.get("/v1/library").json()
    assert library["moments"] == job["report"]["segments"] >= 8


def test_paths_outside_the_roots_are_refused(client: TestClient, videos: Path, tmp_path: Path) -> None:
    (videos / "out").symlink_to("/")
    for path in ("/etc", str(videos / ".." / ".." / ".." / ".."), str(videos / "out" / "etc")):
        response = client.post("/v1/jobs/index", json={"paths": [path]})
        assert (response.status_code, response.json()["code"]) == (403, "forbidden"), path
        assert client.get("/v1/folders", params={"path": path}).status_code == 403
    response = client.post("/v1/jobs/index", json={"paths": ["videos"]})
    assert (response.status_code, response.json()["code"]) == (400, "invalid_value")
    response = client.post("/v1/jobs/index", json={"paths": [str(tmp_path / "nothing")]})
    assert (response.status_code, response.json()["code"]) == (404, "not_found")


def test_a_server_without_roots_indexes_nothing(open_server: Open, tmp_path: Path) -> None:
    client = open_server(ServeSpec([tmp_path / "library"]))
    response = client.post("/v1/jobs/index", json={"paths": [str(tmp_path)]})
    assert (response.status_code, response.json()["code"]) == (403, "forbidden")
    assert "--root" in response.json()["detail"]
    assert client.get("/v1/folders").json()["folders"] == []


def test_folders_are_listed_below_the_roots(client: TestClient, videos: Path, tmp_path: Path) -> None:
    (videos / ".hidden").mkdir()
    if sys.platform == "linux":
        os.mkdir(os.fsencode(videos) + b"/caf\xe9")
    assert [row["path"] for row in client.get("/v1/folders").json()["folders"]] == [str(tmp_path)]
    inside = client.get("/v1/folders", params={"path": str(tmp_path)}).json()
    assert (inside["parent"], [row["name"] for row in inside["folders"]]) == (None, ["videos"])
    deeper = client.get("/v1/folders", params={"path": str(videos)}).json()
    escaped = ["caf\\xe9"] if sys.platform == "linux" else []
    assert (deeper["parent"], [row["name"] for row in deeper["folders"]]) == (str(tmp_path), escaped)


def test_a_job_fails_in_words_while_somebody_else_writes(client: TestClient, videos: Path, tmp_path: Path) -> None:
    with Library.open(tmp_path / "library", Encoder.load("shapes"), create=True) as library:
        library.index([videos / "shapes_0000.mp4"])
        with library._store.writing():
            url = client.post("/v1/jobs/index", json={"paths": [str(videos)]}).headers["location"]
            job = ended(client, url)
    assert job["state"] == "failed"
    assert "locked by another deltaclip" in job["error"]


def test_the_demo_is_a_library_of_its_own(client: TestClient, drawn: Drawn) -> None:
    url = client.post("/v1/demo").headers["location"]
    assert ended(client, url)["state"] == "done"
    found = client.post("/v1/search", params={"library": "demo"}, json={"text": drawn.questions[0]}).json()["hits"]
    assert found[0]["name"] == "shapes_0001.mp4"
    assert client.get("/v1/library").json()["created"] is False
    response = client.get("/v1/library", params={"library": "else"})
    assert (response.status_code, response.json()["code"]) == (404, "not_found")
