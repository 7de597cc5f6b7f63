"""Files and a library on S3, which moto plays on loopback."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from deltaclip.cluster.listing import list_files, open_storage
from deltaclip.cluster.reading import FileToRead, read_files
from deltaclip.errors import DeltaclipError
from deltaclip.library import Library
from deltaclip.reader import ReaderSpec
from tests.cluster.nodes import write_clips

if missing := [name for name in ("ray", "lance", "s3fs", "moto") if find_spec(name) is None]:
    pytest.skip(f"not installed: {', '.join(missing)}", allow_module_level=True)

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # botocore's, of Python
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # s3fs leaves its connections to the end
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
CLIPS = 3


@pytest.fixture(scope="module")
def storage() -> Iterator[Any]:
    """An empty storage, which the environment names."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    program = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    server = subprocess.Popen(program, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
        patch.setenv("AWS_ACCESS_KEY_ID", "somebody")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "something")
        patch.setenv("AWS_REGION", "us-east-1")
        until = time.monotonic() + 60
        while time.monotonic() < until:
            with suppress(OSError):
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            time.sleep(0.2)
        try:
            yield open_storage()
        finally:
            server.kill()
            server.wait()


def deltaclip(*words: str) -> tuple[int, dict[str, Any]]:
    run = subprocess.run([sys.executable, "-m", "deltaclip", *words, "--json"], text=True, capture_output=True)
    assert run.stdout, run.stderr
    return run.returncode, json.loads(run.stdout)


def test_index_from_s3_into_s3_and_search_there(storage: Any, tmp_path: Path) -> None:
    storage.mkdir("films")
    for clip in write_clips(tmp_path, CLIPS):
        storage.put(str(clip), f"films/in/{clip.name}")
    for name in ("in/notes.txt", "in/.hidden.mp4", "in//odd.mp4"):
        storage.pipe(f"films/{name}", b"some text")
    words = ("cluster", "index", "s3://films/in", "--store", "s3://films/library", "--encoder", "shapes")
    code, report = deltaclip(*words)
    assert (code, report["indexed"], report["failed"]) == (1, CLIPS, 1)
    assert "Rename it" in report["failures"][0]["reason"]
    assert report["passed_over"] == {".txt": 1, "hidden files and folders": 1}

    storage.rm("films/in//odd.mp4")
    storage.rm("films/in/clip 000.mp4")
    storage.pipe("films/in/clip 001.mp4", storage.cat_file("films/in/clip 001.mp4"))  # the same bytes
    code, report = deltaclip(*words, "--exclude", "*002.MP4")
    assert (code, report["unchanged"], report["missing"], report["left_alone"]) == (0, CLIPS - 2, 1, 1)

    with Library.open("s3://films/library") as library:
        paths = [str(hit.path) for hit in library.search("a red square")]
        assert sorted(paths) == [f"s3://films/in/clip {number:03d}.mp4" for number in range(1, CLIPS)]
        report_of_all = library.verify()
        assert (report_of_all.problems, report_of_all.elsewhere) == ((), CLIPS)

    code, report = deltaclip(*words, "--prune")
    assert (code, report["unchanged"], report["missing"], report["removed"]) == (0, CLIPS - 1, 0, 1)
    with Library.open("s3://films/library") as library:
        assert library.status().missing == 0


@pytest.mark.parametrize(
    ("pattern", "kept"),
    [
        ("proxies", ["a.mp4", "raw/b.mp4", "raw/old/c.mp4"]),
        ("RAW/old", ["a.mp4", "proxies/a.mp4", "raw/b.mp4"]),
        ("/raw", ["a.mp4", "proxies/a.mp4"]),
        ("a.mp4/", ["a.mp4", "proxies/a.mp4", "raw/b.mp4", "raw/old/c.mp4"]),
        ("s3://rolls/day/raw/*", ["a.mp4", "proxies/a.mp4"]),
        ("day", []),
    ],
)
def test_objects_are_excluded_as_files_are(storage: Any, pattern: str, kept: list[str]) -> None:
    if not storage.exists("rolls"):
        storage.mkdir("rolls")
        for name in ("a.mp4", "proxies/a.mp4", "raw/b.mp4", "raw/old/c.mp4"):
            storage.pipe(f"rolls/day/{name}", b"a film")
    listing = list_files(["s3://rolls/day"], None, [pattern, "*.gif"])
    assert [str(file.path) for file in listing.files] == [f"s3://rolls/day/{name}" for name in kept]
    assert listing.passed_over.total() == 4 - len(kept)
    assert listing.unused_exclude == (("*.gif",) if len(kept) < 4 else (pattern, "*.gif"))


def test_an_address_that_holds_nothing_is_told(storage: Any) -> None:
    storage.mkdir("hollow")
    assert [str(root) for root in list_files(["s3://hollow"], None).empty] == ["s3://hollow"]


def test_what_vanishes_or_changes_between_listing_and_reading_is_a_failure(storage: Any) -> None:
    storage.mkdir("going")
    for name in ("gone.mp4", "changed.mp4"):
        storage.pipe(f"going/{name}", b"a film")
    files = [FileToRead(file) for file in list_files(["s3://going"], None).files]
    storage.rm("going/gone.mp4")
    storage.pipe("going/changed.mp4", b"other!")
    read, _ = read_files(files, ReaderSpec(image_size=32), lambda clips: pytest.fail("nothing can be decoded"))
    assert [(each.path.name, each.error and each.error.found) for each in read] == [
        ("changed.mp4", "changed after it was listed"),
        ("gone.mp4", "vanished while it was fetched"),
    ]


def test_files_of_a_storage_that_does_not_answer_are_no_failures_and_tried_once_a_task(
    storage: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage.mkdir("silent")
    for name in ("a.mp4", "b.mp4"):
        storage.pipe(f"silent/{name}", b"a film")
    files = [FileToRead(file) for file in list_files(["s3://silent"], None).files]
    asked = list[str]()

    class Away:
        def get_file(self, address: str, place: str) -> None:
            asked.append(address)
            raise OSError("the network is unreachable")

    monkeypatch.setattr("deltaclip.cluster.reading.open_storage", Away)
    read, _ = read_files(files, ReaderSpec(image_size=32), lambda clips: pytest.fail("nothing can be decoded"))
    assert [each.unanswered for each in read] == [True, True]
    assert asked == ["s3://silent/a.mp4"]


def test_what_cannot_be_listed(storage: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    listing = list_files(["s3://nowhere/films"], None)
    assert [(str(failure.path), failure.reason) for failure in listing.failures] == [
        ("s3://nowhere/films", "does not exist. Check the name.")
    ]
    assert listing.roots == []
    storage.clear_instance_cache()
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    with pytest.raises(DeltaclipError, match=r"there are no credentials for it\. Set AWS_ACCESS_KEY_ID"):
        list_files(["s3://films/in"], None)
    storage.clear_instance_cache()
