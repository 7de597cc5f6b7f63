"""Opening, refusing, verifying, removing."""

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deltaclip.errors import LibraryError
from deltaclip.library import Library, default_library_path
from deltaclip.library.content import Content, Stamp
from deltaclip.library.results import RememberedEncoder
from deltaclip.library.sqlite import SqliteStore
from deltaclip.library.store import NewMoment, NewVideo
from tests.library.fakes import FakeEncoder, FakeMotionEncoder, Shelf


def edit(shelf: Shelf, statement: str, *values: object) -> None:
    with closing(sqlite3.connect(shelf.library_path / "library.sqlite")) as db, db:
        db.execute(statement, values)


def problems_after(shelf: Shelf, statement: str, *values: object) -> str:
    shelf.library.index([shelf.write("a.mp4", "a 3")])
    edit(shelf, statement, *values)
    report = shelf.library.verify()
    assert report.ok == (not report.problems)
    return "\n".join(report.problems)


def test_a_library_that_is_not_there_is_not_made_by_looking_at_it(tmp_path: Path) -> None:
    with pytest.raises(LibraryError, match="no library there"):
        Library.open(tmp_path / "library")
    assert not Library.exists(tmp_path / "library")
    assert list(tmp_path.iterdir()) == []


def test_a_library_can_be_made_before_its_encoder_is_known(tmp_path: Path) -> None:
    with Library.open(tmp_path / "new" / "library", create=True) as library:
        assert library.status().encoder is None
    assert Library.exists(tmp_path / "new" / "library")


def test_a_file_that_a_full_disk_left_empty_is_no_library_and_becomes_one(tmp_path: Path) -> None:
    (tmp_path / "library.sqlite").touch()
    assert not Library.exists(tmp_path)
    with Library.open(tmp_path, FakeEncoder(), FakeMotionEncoder(), create=True):
        assert Library.exists(tmp_path)


def test_a_damaged_library_is_one(tmp_path: Path) -> None:
    (tmp_path / "library.sqlite").write_text("no database " * 1000)
    assert Library.exists(tmp_path)


def test_a_folder_with_other_things_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").touch()
    with pytest.raises(LibraryError, match=r"other files in it \(a.mp4\)"):
        Library.open(tmp_path, FakeEncoder(), FakeMotionEncoder(), create=True)
    assert os.listdir(tmp_path) == ["a.mp4"]


def test_a_file_is_no_library(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").touch()
    with pytest.raises(LibraryError, match="cannot hold a library"):
        Library.open(tmp_path / "a.mp4", FakeEncoder(), FakeMotionEncoder(), create=True)


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "library.sqlite").write_bytes(b"no database" * 1000)
    with pytest.raises(LibraryError, match="file is not a database"):
        Library.open(tmp_path, FakeEncoder(), FakeMotionEncoder(), create=True)


def test_a_database_of_a_different_program_is_refused(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "library.sqlite")) as db:
        db.execute("CREATE TABLE songs (name)")
    with pytest.raises(LibraryError, match="belongs to a different program"):
        Library.open(tmp_path, FakeEncoder(), FakeMotionEncoder(), create=True)


def test_a_newer_format_is_refused(shelf: Shelf) -> None:
    edit(shelf, "PRAGMA user_version = 99")
    with pytest.raises(LibraryError, match="format 99"):
        shelf.open()


def test_making_a_library_that_was_broken_off_is_made_up_for(tmp_path: Path) -> None:
    (tmp_path / "library.sqlite").touch()
    with pytest.raises(LibraryError, match="no library there"):
        Library.open(tmp_path)
    with Library.open(tmp_path, FakeEncoder(), FakeMotionEncoder(), create=True) as library:
        assert library.verify().ok


@pytest.mark.parametrize("keep", [0.2, 0.5, 0.9])
def test_a_truncated_database_is_told_in_words(shelf: Shelf, keep: float) -> None:
    for number in range(40):
        shelf.write(f"{number}.mp4", f"{number} 8")
    shelf.library.index([shelf.videos])
    shelf.library.close()
    file = shelf.library_path / "library.sqlite"
    os.truncate(file, int(file.stat().st_size * keep))
    try:
        with shelf.open() as library:
            assert not library.verify().ok
            library.search("1 0")
    except LibraryError as error:
        assert "database" in error.found or "fit together" in error.found  # noqa: PT017 - either is right


def test_bytes_changed_in_the_database_are_told_in_words(shelf: Shelf) -> None:
    shelf.write("a.mp4", "a 40")
    shelf.library.index([shelf.videos])
    shelf.library.close()
    file = shelf.library_path / "library.sqlite"
    content = bytearray(file.read_bytes())
    content[4096:] = bytes(np.random.default_rng(0).integers(0, 256, len(content) - 4096, np.uint8))
    file.write_bytes(content)
    with pytest.raises(LibraryError, match="malformed"), shelf.open() as library:
        library.search("a 0")


@pytest.mark.parametrize(
    ("statement", "value", "problem"),
    [
        (
            "UPDATE videos SET crc = ?",
            7,
            "a.mp4: its vectors are damaged. Run `deltaclip repair`, which reads it again.",
        ),
        ("UPDATE moments SET end_seconds = ? WHERE number = 1", 15.0, "out of order"),
        ("UPDATE moments SET end_seconds = ? WHERE number = 2", 99.0, "end at 99.0 s, not 45.0 s"),
        ("DELETE FROM moments WHERE start_seconds = ?", 0.0, "2 moments where 3 were written"),
        ("DELETE FROM meta WHERE key = ?", "vectors_file", "encoder of the vectors is not known"),
        ("UPDATE moments SET video_id = ?", 77, "3 moments belong to no video"),
        ("UPDATE videos SET first_row = ?", 1, "the vectors from number 0 on are not each of one video"),
        ("UPDATE videos SET first_row = ?", 1, "a.mp4: its vectors are lost"),
        ("UPDATE meta SET value = ? WHERE key = 'vectors_rows'", "2", "the vectors from number 2 on are not"),
        ("INSERT INTO dead_rows VALUES (?, 1)", 2, "the vectors from number 2 on are not each of one video"),
        ("UPDATE meta SET value = ? WHERE key = 'vectors_file'", "../a.mp4", "damaged (it names '../a.mp4'"),
    ],
)
def test_verify_names_what_is_wrong(shelf: Shelf, statement: str, value: object, problem: str) -> None:
    assert problem in problems_after(shelf, statement, value)


def test_verify_tells_few_of_many_problems_of_one_video(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    encode = shelf.encoder.encode_clips
    monkeypatch.setattr(shelf.encoder, "encode_clips", lambda clips: encode(clips) / 2)
    shelf.library.index([shelf.write("a.mp4", "a 9")])
    (problem,) = shelf.library.verify().problems
    assert "the vector at 0.0 s has the length 0.5, not 1;" in problem
    assert problem.endswith("; 6 more. Run `deltaclip repair`, which reads it again.")


def test_verify_names_files_that_changed_or_are_gone(shelf: Shelf) -> None:
    changed, gone = shelf.write("a.mp4", "a 1"), shelf.write("b.mp4", "b 1")
    shelf.library.index([shelf.videos])
    changed.write_text("c 1")
    gone.unlink()
    first, second = shelf.library.verify().problems
    assert first.startswith(f"{changed}: changed")
    assert second.startswith(f"{gone}: cannot be read (No such file")


def test_remove_takes_files_and_folders_whether_they_exist_or_not(shelf: Shelf) -> None:
    paths = [shelf.write(name, f"{name} 1") for name in ("x/a.mp4", "x/y/b.mp4", "x.mp4", "xx/c.mp4")]
    shelf.library.index([shelf.videos])
    shutil.rmtree(shelf.videos / "x")
    report = shelf.library.remove([shelf.videos / "x", paths[2], shelf.videos / "unknown"])
    assert (report.removed, report.unknown) == (3, (shelf.videos / "unknown",))
    assert [hit.path for hit in shelf.library.search("a 0")] == [paths[3]]
    assert shelf.library.verify().ok


def test_remove_of_everything_below_the_root(shelf: Shelf) -> None:
    shelf.library.index([shelf.write("a.mp4", "a 1")])
    assert shelf.library.remove(["/"]).removed == 1


def test_the_place_of_the_library_can_be_chosen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("DELTACLIP_LIBRARY", raising=False)
    assert default_library_path().parts[-2:] == ("deltaclip", "library")
    monkeypatch.setenv("DELTACLIP_LIBRARY", str(tmp_path))
    assert default_library_path() == tmp_path
    with Library.open(create=True) as library:
        assert library.address == str(tmp_path)


@given(
    name=st.binary(min_size=1, max_size=30).filter(lambda name: not {0, 47} & {*name} and name not in (b".", b"..")),
    values=st.lists(st.floats(-1, 1, width=32), min_size=4, max_size=4),
    starts=st.lists(st.floats(0, 1e6), min_size=1, max_size=5, unique=True).map(sorted),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
def test_what_is_written_is_read_again(
    store: SqliteStore, name: bytes, values: list[float], starts: list[float]
) -> None:
    path = Path("/videos") / os.fsdecode(name)
    vector = np.array(values, np.float32)
    content = Content(Stamp(1, 2, 3), b"sample", b"digest")
    moments = [NewMoment(start, start + 1, 0.5, vector) for start in starts]
    with store.writing() as writer:
        writer.put([NewVideo(path, content, "indexed", None, moments)])
        assert [row.path for row in store.videos()] == [path]
        assert store.below(Path("/videos")) == store.below(path) == store.videos()
        read = list(store.moments(store.videos()))
        assert [(moment.start, moment.vector.tobytes()) for moment in read] == [(x, vector.tobytes()) for x in starts]
        writer.delete(store.videos())


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    store = SqliteStore.open(str(tmp_path / "library"), create=True)
    with store.writing() as writer:
        writer.remember(replace(RememberedEncoder.of(FakeEncoder()), dimension=4))
    yield store
    store.close()
