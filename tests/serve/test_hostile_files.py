"""Hostile files: those that are sent, and those that are put in the place of videos; docs/security.md lists them."""

import os
import shutil
import struct
import zlib
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from deltaclip import Encoder, Library
from deltaclip.serve import ServeSpec
from tests.helpers import write_square
from tests.library.fakes import Shelf
from tests.serve.conftest import Drawn, Open, Stranger

SECRET = "root:x:0:0"


@pytest.fixture
def swapped(tmp_path: Path, open_server: Open) -> tuple[TestClient, Path, Path]:
    """A server over one video below a root, its file, and a file outside the root of the same size and time."""
    root, outside = tmp_path / "root", tmp_path / "secret.mp4"
    root.mkdir()
    file = write_square(root / "a.mp4")
    with Library.open(tmp_path / "library", Encoder.load("shapes"), create=True) as library:
        library.index([root])
    stat = file.stat()
    outside.write_bytes(b"s" * stat.st_size)
    os.utime(outside, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    return open_server(ServeSpec([tmp_path / "library"], roots=[root])), file, outside


@pytest.mark.parametrize("place", ["stream", "thumbnail?start=0&end=1", "clip?start=0&end=1", "motion?start=0&end=1"])
@pytest.mark.parametrize("how", ["link", "link to a folder", "link to itself", "pipe", "device", "other", "folder"])
def test_what_is_put_in_the_place_of_a_video_is_not_sent(
    swapped: tuple[TestClient, Path, Path], how: str, place: str
) -> None:
    client, file, outside = swapped
    file.unlink()
    if how == "link":
        file.symlink_to(outside)
    elif how == "link to a folder":
        file.parent.rename(file.parent.with_name("moved"))
        (file.parent.with_name("away")).mkdir()
        shutil.copy2(outside, file.parent.with_name("away") / file.name)
        file.parent.symlink_to(file.parent.with_name("away"))
    elif how == "link to itself":
        file.symlink_to(file)
    elif how == "pipe":
        os.mkfifo(file)
    elif how == "device":
        file.symlink_to("/dev/zero")
    elif how == "other":
        file.write_bytes(b"other")
    else:
        file.mkdir()
    answer = client.get(f"/v1/videos/1/{place}")
    assert answer.status_code in (403, 410)
    assert answer.headers["content-type"] == "application/problem+json"


HTML = "<img src=x onerror=alert(1)>\"'&.mp4"


def test_html_in_the_name_of_a_file_is_only_ever_json(over_fakes: TestClient, shelf: Shelf) -> None:
    shelf.write(HTML, "a 1")
    shelf.write("bad\r\nSet-Cookie: x=1.mp4", "no")
    shelf.library.index([shelf.videos])
    rows = over_fakes.get("/v1/videos")
    assert HTML in [row["name"] for row in rows.json()["videos"]]
    for path in (
        "/v1/videos",
        "/v1/failures",
        "/v1/library",
        "/v1/videos/1",
        f"/v1/videos/{HTML}",
        "/v1/library?library=<b>",
    ):
        answer = over_fakes.get(path)
        assert answer.headers["content-type"] in ("application/json", "application/problem+json")
        assert answer.headers["x-content-type-options"] == "nosniff"
    for row in rows.json()["videos"]:
        answer = over_fakes.get(f"/v1/videos/{row['video_id']}/stream")
        assert "set-cookie" not in answer.headers
        assert "<" not in answer.headers.get("content-disposition", "")


def png(width: int, height: int, data: bytes = b"") -> bytes:
    """A PNG of that size, whatever is in it."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def bomb() -> bytes:
    """Of 900 million black pixels, in a file of less than 1 MB."""
    packer, row, data = zlib.compressobj(9), b"\0" * 30_001, b""
    for _ in range(30_000):
        data += packer.compress(row)
    return png(30_000, 30_000, data + packer.flush())


UPLOADS = {
    "a picture of 10 thousand million pixels": ("image/png", png(100_000, 100_000)),
    "a bomb of a picture": ("image/png", bomb()),
    "a playlist": ("video/mp4", b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n"),
    "a list of files": ("video/mp4", b"ffconcat version 1.0\nfile '%s'\n"),
    "a drawing that names a file": (
        "image/svg+xml",
        b'<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
        b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><text>&x;</text></svg>',
    ),
    "a page": ("image/png", b"<html><script>alert(1)</script>"),
    "a playlist called a picture": ("image/jpeg", b"#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:1/x.ts\n"),
    "a manifest": (
        "video/mp4",
        b'<?xml version="1.0"?><MPD><Period><BaseURL>file:///etc/passwd</BaseURL></Period></MPD>',
    ),
    "nothing readable": ("video/mp4", b"\0" * 1000),
}


@pytest.mark.parametrize("name", UPLOADS)
def test_a_hostile_upload_is_refused_when_it_is_read(stranger: Stranger, drawn: Drawn, name: str) -> None:
    client = stranger()
    kind, content = UPLOADS[name]
    content = content.replace(b"%s", bytes(next(drawn.videos.glob("*.mp4"))))
    sent = client.post("/v1/uploads", content=content, headers={"Content-Type": kind})
    assert sent.status_code == 201
    answer = client.post("/v1/search", json={"upload_id": sent.json()["upload_id"]})
    assert (answer.status_code, answer.json()["code"]) == (422, "unreadable_video"), answer.text
    assert "/" not in answer.json()["detail"].replace("/v1/", ""), answer.text
    assert SECRET not in answer.text


@pytest.mark.parametrize(
    ("kind", "status"), [("text/html", 415), ("application/x-sh", 415), ("", 415), ("image/png", 400)]
)
def test_what_is_neither_picture_nor_video_is_not_taken(over_drawn: TestClient, kind: str, status: int) -> None:
    content = b"" if kind == "image/png" else b"<html>"
    assert over_drawn.post("/v1/uploads", content=content, headers={"Content-Type": kind}).status_code == status


def test_many_files_do_not_fill_the_disk_as_the_oldest_make_room(
    over_drawn: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deltaclip.serve.uploads.MOST_KEPT_BYTES", 2500)
    ids = [
        over_drawn.post("/v1/uploads", content=b"a" * 1000, headers={"Content-Type": "image/png"}).json()["upload_id"]
        for _ in range(3)
    ]
    codes = [over_drawn.delete(f"/v1/uploads/{each}").status_code for each in ids]
    assert codes == [410, 204, 204]
