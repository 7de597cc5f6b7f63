"""Addresses of objects as paths."""

import os
import pickle
from pathlib import Path

import pytest

from deltaclip.errors import VideoError
from deltaclip.library import Failure, Library, Stamp, find_candidates
from deltaclip.object_paths import ObjectPath, is_elsewhere, object_path, video_path
from deltaclip.video import Video


@pytest.mark.parametrize("written", ["s3://films/a/b.mp4", "s3:/films/a/b.mp4"])
def test_an_address_keeps_its_slashes(written: str) -> None:
    path = object_path(Path(written) if written.startswith("s3:/f") else written)
    assert path is not None
    assert (str(path), os.fsencode(path)) == ("s3://films/a/b.mp4", b"s3://films/a/b.mp4")
    assert (str(path.parent), path.name, path.suffix) == ("s3://films/a", "b.mp4", ".mp4")
    assert pickle.loads(pickle.dumps(path)) == path == video_path(Path(written))
    assert {path: 1}[ObjectPath("s3://films/a/b.mp4")] == 1
    assert is_elsewhere(path)
    assert path.is_relative_to(ObjectPath("s3://films"))


@pytest.mark.parametrize("written", ["/home/films/b.mp4", "s3/b.mp4", "films:/b.mp4"])
def test_other_paths_stay_as_they_are(written: str) -> None:
    assert object_path(written) is None
    assert not is_elsewhere(video_path(Path(written)))


def test_what_is_said_where_somebody_wants_to_look_at_one() -> None:
    path = ObjectPath("s3://films/b.mp4")
    for look in (Stamp.of, Video.open):
        with pytest.raises(VideoError, match=r"s3://films/b\.mp4: on object storage, and not on this machine\. Fetch"):
            look(path)
    found = find_candidates(["s3://films"])
    assert found.roots == ()
    assert "deltaclip cluster index" in found.failures[0].reason


def test_reports_have_them_too() -> None:
    assert str(Failure(Path("s3://films/b.mp4"), "gone").path) == "s3://films/b.mp4"


def test_files_elsewhere_are_counted_by_verify_and_removed_by_their_address(tmp_path: Path) -> None:
    from deltaclip.library import NewMoment, NewVideo, RememberedEncoder, open_store
    from tests.library.fakes import FakeEncoder, vector_of

    encoder, path = FakeEncoder(), ObjectPath("s3://films/b.mp4")
    store = open_store(tmp_path / "library", create=True)
    with store.writing() as writer:
        writer.remember(RememberedEncoder.of(encoder))
        writer.put([NewVideo(path, None, "indexed", None, [NewMoment(0, 1, None, vector_of("a", 0))])])
    with Library.open(tmp_path / "library", encoder) as library:
        report = library.verify()
        assert report.elsewhere == 1
        assert not any("No such file" in problem for problem in report.problems)
        assert [str(row.path) for row in library.videos()] == ["s3://films/b.mp4"]
        assert library.remove(["s3://films"]).removed == 1
