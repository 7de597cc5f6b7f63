"""Attacks on the server, and what each gets; docs/security.md lists them."""

import shutil
import socket
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from fastapi.testclient import TestClient

from deltaclip import Encoder, Library
from deltaclip.serve import ServeSpec
from tests.helpers import write_square
from tests.serve.conftest import Drawn, Open, Stranger
from tests.serve.live import LiveServer

SECRET = "root:x:0:0"
TRAVERSALS = (
    "../../../../etc/passwd",
    "..%2f..%2f..%2f..%2fetc%2fpasswd",
    "%2e%2e/%2e%2e/%2e%2e/etc/passwd",
    "..%252f..%252f..%252fetc%252fpasswd",
    "..\\..\\..\\etc\\passwd",
    "..%5c..%5cetc%5cpasswd",
    "%2fetc%2fpasswd",
    "//etc/passwd",
    "....//....//etc/passwd",
    "..;/..;/etc/passwd",
    "index.html%00.js",
    "%c0%ae%c0%ae/etc/passwd",
    "1%00",
    "file:%2f%2f%2fetc%2fpasswd",
    "-1",
    "1%20OR%201=1",
    "1'--",
    "%ff%fe",
)
PLACES = (
    "/static/{}",
    "/v1/videos/{}",
    "/v1/videos/{}/segments",
    "/v1/videos/{}/thumbnail",
    "/v1/videos/{}/stream",
    "/v1/videos/{}/clip?start=0&end=1",
    "/v1/videos/{}/motion?start=0&end=1",
    "/v1/videos/{}/similar?moment_id=1.0",
    "/v1/videos/{}/scores?text=x",
    "/v1/jobs/{}",
    "/v1/jobs/{}/events",
    "/v1/libraries?library={}",
    "/v1/library?library={}",
    "/v1/folders?path={}",
)


def raw(url: str, *requests: bytes) -> bytes:
    """Sends bytes as they are, and returns all that comes back."""
    place = urlsplit(url)
    with socket.create_connection((place.hostname, place.port or 80), timeout=30) as connection:
        for request in requests:
            connection.sendall(request)
        taken = b""
        while part := connection.recv(65536):
            taken += part
        return taken


def test_no_path_in_an_address_leads_out_of_the_library(over_drawn: TestClient) -> None:
    for place in PLACES:
        for traversal in TRAVERSALS:
            answer = over_drawn.get(place.format(traversal))
            if place.startswith("/v1/libraries") and answer.status_code == 200:
                continue  # it takes no library
            assert 400 <= answer.status_code < 500, (place, traversal, answer.text)
            assert answer.headers["content-type"] == "application/problem+json", (place, traversal)
            assert SECRET not in answer.text


def test_nor_does_one_that_a_client_does_not_tidy(drawn: Drawn) -> None:
    with LiveServer.over(drawn.library) as server:
        for target in (
            "/static/../../../../../../etc/passwd",
            "/../../etc/passwd",
            "http://evil.example/etc/passwd",
            "*",
        ):
            request = f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
            answer = raw(server.url, request.encode())
            assert answer.split(b" ")[1] in (b"404", b"400", b"403"), (target, answer)
            assert SECRET.encode() not in answer


def test_two_hosts_and_two_lengths_and_hidden_requests_are_refused(drawn: Drawn) -> None:
    post = b"POST /v1/search HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    smuggled = b"GET /v1/libraries HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    with LiveServer.over(drawn.library) as server:
        two_hosts = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n"
        assert b" 400 " in raw(server.url, two_hosts)
        assert b" 400 " in raw(server.url, post + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef")
        both = post + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + smuggled
        assert b'"libraries"' not in raw(server.url, both.replace(b"\r\n\r\n0", b"\r\nConnection: close\r\n\r\n0"))
        assert b" 413 " in raw(server.url, post + b"Content-Length: 99999999999999999999\r\n\r\n")


@pytest.mark.parametrize(
    ("asked", "status", "length"),
    [
        ("bytes=0-0", 206, 1),
        ("bytes=-5", 206, 5),
        ("bytes=0-99999999999", 206, None),
        ("bytes=99999999999-", 416, None),
        ("bytes=-0", 416, None),
        ("bytes=5-2", 200, None),
        ("bytes=--5", 200, None),
        ("bytes=-5-", 200, None),
        ("bytes=" + "9" * 400 + "-", 200, None),
        ("bytes=" + ",".join("0-" for _ in range(1000)), 200, None),
        ("bytes=" + ",".join(f"{n}-{n}" for n in range(0, 2000, 2)), 200, None),
        ("lines=0-1", 200, None),
    ],
)
def test_ranges_give_what_the_file_has_once(
    over_drawn: TestClient, drawn: Drawn, asked: str, status: int, length: int | None
) -> None:
    row = over_drawn.get("/v1/videos").json()["videos"][0]
    whole = (drawn.videos / row["name"]).read_bytes()
    answer = over_drawn.get(row["stream_url"], headers={"Range": asked})
    assert answer.status_code == status
    if status == 416:
        assert answer.json()["code"] == "range_not_satisfiable"
        assert answer.headers["content-range"] == f"bytes */{len(whole)}"
    elif length is not None:
        assert answer.content == (whole[-5:] if asked == "bytes=-5" else whole[:1])
        assert answer.headers["content-length"] == str(length)
    else:
        assert answer.content == whole


def test_ids_of_a_different_library_and_of_removed_videos_give_nothing(
    drawn: Drawn, tmp_path: Path, open_server: Open
) -> None:
    (tmp_path / "v").mkdir()
    files = [write_square(tmp_path / "v" / f"{name}.mp4") for name in "ab"]
    with Library.open(tmp_path / "small", Encoder.load("shapes"), create=True) as library:
        library.index([tmp_path / "v"])
        moments = [moment.id for moment in library.moments()]
        ids = {row.path: row.id for row in library.videos()}
        client = open_server(ServeSpec([tmp_path / "small", drawn.library]))
        for place in ("", "/stream", "/thumbnail", "/segments"):
            assert client.get(f"/v1/videos/12{place}", params={"library": "library"}).status_code == 200
            assert client.get(f"/v1/videos/12{place}", params={"library": "small"}).status_code == 404
        library.remove([files[0]])
        assert client.get(f"/v1/videos/{ids[files[0]]}/stream").status_code == 404
        assert client.get(f"/v1/videos/{ids[files[1]]}/stream").status_code == 200
        gone = next(each for each in moments if each.startswith(f"{ids[files[0]]}."))
        assert client.post("/v1/search", json={"moment_id": gone}).status_code == 410


def test_no_answer_to_a_reader_elsewhere_names_a_path(stranger: Stranger, drawn: Drawn, tmp_path: Path) -> None:
    folder = tmp_path / "my secret folder" / "clips"
    shutil.copytree(drawn.videos, folder)
    (folder / "broken.mp4").write_bytes((folder / "shapes_0001.mp4").read_bytes()[:5000])
    (folder / "text.mp4").write_text("no video")
    with Library.open(tmp_path / "library", Encoder.load("shapes"), create=True) as library:
        library.index([folder])
        (folder / "shapes_0002.mp4").unlink()
        (folder / "shapes_0003.mp4").write_bytes(b"\0" * 100)
        client = stranger(tmp_path / "library")
        asked = ["/v1/libraries", "/v1/library", "/v1/videos", "/v1/failures", "/v1/jobs", "/metrics"]
        for row in library.videos():
            place = f"/v1/videos/{row.id}"
            asked += [place, f"{place}/segments", f"{place}/stream", f"{place}/thumbnail", f"{place}/scores?text=x"]
            asked += [f"{place}/clip?start=0&end=1", f"{place}/motion?start=0&end=1"]
        failures = client.get("/v1/failures").json()["failures"]
        assert {each["name"] for each in failures} >= {"text.mp4"}
        for path in asked:
            answer = client.get(path)
            content = answer.content + str(answer.headers).encode()
            for secret in (b"secret folder", bytes(tmp_path), b"/home/", b"site-packages"):
                assert secret not in content, (path, secret)


def test_an_index_job_takes_nothing_outside_the_roots(stranger: Stranger, drawn: Drawn, tmp_path: Path) -> None:
    client = stranger(scopes=("read", "index"))
    link = drawn.videos / "link"
    link.symlink_to("/etc")
    try:
        for path in (
            "/etc",
            str(link),
            f"{drawn.videos}/../..",
            "~root",
            "~nobody-of-that-name/x",
            "relative",
            "/\0",
            "//",
            "",
        ):
            answer = client.post("/v1/jobs/index", json={"paths": [path]})
            assert answer.status_code in (400, 403), (path, answer.text)
            assert client.get("/v1/folders", params={"path": path}).status_code in (400, 403), path
    finally:
        link.unlink()


def test_odd_characters_in_a_request_are_a_problem_and_no_error_of_the_server(over_drawn: TestClient) -> None:
    bodies = (
        b'{"text": "\\ud800"}',
        b'{"text": "\\u0000"}',
        b'{"\\ud800": 1, "text": "x"}',
        b'{"text": "x", "where": {"folder": "~nobody-of-that-name"}}',
        b'{"text": "x", "where": {"folder": "\\u0000"}}',
        b'{"text": "x", "where": {"glob": "[[[[**/**/**/**/**/**/**/a"}}',
        b'{"text": "x", "limit": 1e999}',
        b'{"text": "x", "cursor": "\\ud800"}',
        b'{"text": "x", "cursor": "bnVsbA"}',
        b"[" * 30_000,
        b"\xff\xfe",
        b"nul",
    )
    for body in bodies:
        answer = over_drawn.post("/v1/search", content=body, headers={"Content-Type": "application/json"})
        assert answer.status_code < 500, (body[:60], answer.text)
    for query in ("folder=%00", "folder=~nobody-of-that-name", "cursor=%ff", "limit=-1", "state=x"):
        assert over_drawn.get(f"/v1/videos?{query}").status_code < 500, query


def test_a_file_that_is_too_large_is_refused_before_it_comes(drawn: Drawn) -> None:
    head = (
        b"POST /v1/uploads HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: video/mp4\r\nContent-Length: 9999999999\r\n\r\n"
    )
    with (
        LiveServer.over(drawn.library) as server,
        socket.create_connection(("127.0.0.1", urlsplit(server.url).port or 0), timeout=30) as connection,
    ):
        connection.sendall(head)
        assert b" 413 " in connection.recv(65536)
