"""A library on S3: moto's server on this machine, and what goes wrong with a bucket."""

import logging
import time
from collections.abc import Iterator
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from deltaclip.errors import LibraryError
from deltaclip.library import Library, LockedError, NoLibraryError
from tests.library.fakes import FakeEncoder, FakeMotionEncoder, FakeReader
from tests.library.store_contract import ENCODER, MOTION, moving_video, names

if missing := [name for name in ("lance", "moto", "flask", "flask_cors", "boto3") if find_spec(name) is None]:
    pytest.skip(f"{', '.join(missing)}: not installed", allow_module_level=True)

from deltaclip.library.lance import LanceStore, compact_tables, leases

pytestmark = [pytest.mark.cluster, pytest.mark.filterwarnings("ignore::DeprecationWarning:botocore")]


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The address of S3 on this machine."""
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    _, port = server.get_host_and_port()
    yield f"http://127.0.0.1:{port}"
    server.stop()


@pytest.fixture
def bucket(server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """An empty bucket named videos, and what Lance needs to know of it in the environment."""
    import boto3

    monkeypatch.setenv("AWS_ENDPOINT_URL", server)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "somebody")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a word")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")  # or it asks the network for keys
    bucket = boto3.resource("s3").create_bucket(Bucket="videos")
    yield bucket
    _remove(bucket)


def _remove(bucket: Any) -> None:
    from botocore.exceptions import ClientError

    with suppress(ClientError):  # it is gone already
        bucket.objects.all().delete()
        bucket.delete()


def _index(address: str | Path, folder: Path) -> Library:
    reader = FakeReader()
    encoders = FakeEncoder(), FakeMotionEncoder()
    library = Library.open(address, *encoders, create=True, open_reader=reader.reader())
    library.index([folder])
    return library


def test_videos_are_indexed_into_a_bucket_and_found_in_it(bucket: Any, tmp_path: Path) -> None:
    (tmp_path / "videos").mkdir()
    for number in range(4):
        (tmp_path / "videos" / f"{number}.mp4").write_text(f"seed{number} {number + 1}")
    (tmp_path / "videos" / "broken.mp4").write_text("seed9 0 damaged")
    here, there = (
        _index(address, tmp_path / "videos") for address in (tmp_path / "library", "s3://videos/some/library")
    )
    assert there.address == "s3://videos/some/library"
    assert there.status() == here.status()
    assert there.failures() == here.failures()
    for text in ("seed2 1", "seed3 0 moving seed3 1"):
        hits = [[(hit.path, hit.start, hit.score) for hit in each.search(text, limit=7)] for each in (here, there)]
        assert hits[0] == hits[1]
    assert there.verify().ok
    assert there.index([tmp_path / "videos"]).unchanged == 4
    assert there.remove([tmp_path / "videos" / "0.mp4"]).removed == 1
    assert there.status().videos == 3
    store = LanceStore.open("s3://videos/some/library", create=False)
    assert compact_tables(store, keep_hours=0).merged > 0
    assert len(there.search("seed2 1", limit=99)) == 9
    assert {key.key.split("/")[2] for key in bucket.objects.all()} == {"videos.lance", "moments.lance", "lock.lance"}


def test_one_writer_at_a_time_and_a_killed_one_does_not_hold_it_for_ever(
    bucket: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = LanceStore.open("s3://videos/library", create=True)
    with store.writing() as writer:
        writer.remember(ENCODER, MOTION)
        with pytest.raises(
            LockedError, match=r"locked by another deltaclip \(process \d+ on .*if it was killed, \d+ s"
        ):
            LanceStore.open("s3://videos/library", create=False).writing().__enter__()
        writer.put([moving_video("a.mp4")])
    monkeypatch.setattr(leases, "SECONDS", 0.3)
    monkeypatch.setattr(leases, "RENEWED_SECONDS", 0.5)  # as if it slept for too long
    with store.writing() as writer:
        time.sleep(0.4)
        monkeypatch.setattr(leases, "SECONDS", 60.0)
        with store.writing() as second:
            second.put([moving_video("b.mp4", seed=1)])
            time.sleep(0.4)
            with pytest.raises(LockedError, match="could not be held for writing any longer"):
                writer.put([moving_video("c.mp4", seed=2)])
    assert names(store.videos()) == ["a.mp4", "b.mp4"]


def test_a_lease_is_renewed_as_long_as_its_holder_lives(bucket: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "SECONDS", 1.0)
    monkeypatch.setattr(leases, "RENEWED_SECONDS", 0.1)
    store = LanceStore.open("s3://videos/library", create=True)
    with store.writing() as writer:
        time.sleep(1.2)
        with pytest.raises(LockedError), store.writing():
            pass
        writer.remember(ENCODER)
    with store.writing():
        pass


def test_what_is_wrong_with_a_bucket_is_said(bucket: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(LibraryError, match="its bucket does not exist"):
        Library.open("s3://nowhere/library", create=True)
    with pytest.raises(LibraryError, match="no address of a bucket"):
        Library.open("s3://", create=True)
    with pytest.raises(NoLibraryError, match="no library there"):
        Library.open("s3://videos/nothing")
    with pytest.raises(LibraryError, match="no kind of library has addresses that begin with s4://"):
        Library.open("s4://videos/library")
    store = LanceStore.open("s3://videos/library", create=True)
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    with pytest.raises(LibraryError, match=r"no credentials for it\. Set AWS_ACCESS_KEY_ID"):
        Library.open("s3://videos/library")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "somebody")
    with store.writing() as writer:
        writer.remember(ENCODER, MOTION)
        writer.put([moving_video("a.mp4")])
        _remove(bucket)
        with pytest.raises(LibraryError, match="its bucket does not exist"):
            writer.put([moving_video("b.mp4")])
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(LibraryError, match="does not answer"):
        Library.open("s3://videos/library")
