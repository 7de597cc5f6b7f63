"""A library that cannot be written: on a read-only disk, without permission, without room; and odd names."""

import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest

from deltaclip.errors import LibraryError
from deltaclip.library import Library, NotWritableError
from tests.library.fakes import FakeEncoder, FakeMotionEncoder, Shelf

LOOK = """
import os, sys
from pathlib import Path
from deltaclip.errors import LibraryError
import deltaclip.library.sqlite  # before the user changes
from deltaclip.library import Library
from tests.library.fakes import FakeEncoder, FakeMotionEncoder
if os.geteuid() == 0:
    os.setgroups([]); os.setgid(65534); os.setuid(65534)
with Library.open(Path(os.fsdecode(sys.argv[1])), FakeEncoder(), FakeMotionEncoder()) as library:
    print(len(library.search("a 0")), library.status().videos, len(library.failures()), library.verify().ok)
    for write in (library.index, library.remove):
        try:
            write([sys.argv[2]])
        except LibraryError as error:
            print(type(error).__name__, error.refused, error.found)
"""


@pytest.fixture
def indexed(shelf: Shelf) -> Shelf:
    shelf.write("a.mp4", "a 2")
    shelf.write("b.mp4", "b 1 damaged")
    shelf.library.index([shelf.videos])
    shelf.library.close()
    return shelf


def look_as_somebody_else(shelf: Shelf) -> str:
    """What a process without permission to write sees; as root, a process of nobody."""
    for folder in shelf.library_path.parents:
        if folder in Path(tempfile.gettempdir()).resolve().parents or folder == Path(tempfile.gettempdir()).resolve():
            break
        folder.chmod(folder.stat().st_mode | 0o011)
    command = [sys.executable, "-c", LOOK, os.fspath(shelf.library_path), os.fspath(shelf.videos)]
    done = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def names_in(folder: Path) -> list[str]:
    """The files of a library, without the letters that tell two files of vectors apart."""
    return sorted(re.sub("-[0-9a-f]{8}", "", path.name) for path in folder.iterdir())


@contextmanager
def without_permission(folder: Path) -> Iterator[None]:
    files = [folder, *folder.iterdir()]
    modes = [path.stat().st_mode for path in files]
    try:
        for path in files:
            path.chmod(0o555 if path == folder else 0o444)
        yield
    finally:
        for path, mode in zip(files, modes, strict=True):
            path.chmod(mode)


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="permissions of POSIX")
def test_without_permission_to_write_everything_can_be_looked_at_and_nothing_changed(indexed: Shelf) -> None:
    before = {path.name: path.read_bytes() for path in indexed.library_path.iterdir()}
    with without_permission(indexed.library_path):
        lines = look_as_somebody_else(indexed).splitlines()
    assert lines[0] == "3 2 1 True"
    refusal = "NotWritableError True cannot be written (no permission to write there)"
    assert lines[1:] == [refusal, refusal]
    assert {path.name: path.read_bytes() for path in indexed.library_path.iterdir()} == before


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="permissions of POSIX")
def test_who_may_write_beside_the_database_and_not_in_it_leaves_nothing_there(indexed: Shelf) -> None:
    (indexed.library_path / "library.sqlite").chmod(0o444)
    indexed.library_path.chmod(0o777)
    assert look_as_somebody_else(indexed).startswith("3 2 1 True")
    assert names_in(indexed.library_path) == ["library.lock", "library.sqlite", "motion.f32", "vectors.f32"]


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="permissions of POSIX")
def test_what_somebody_else_writes_meanwhile_is_seen_without_permission(indexed: Shelf) -> None:
    with indexed.open() as library:
        library.index([indexed.write("c.mp4", "c 1")])  # lies in the journal as long as this library is open
        with without_permission(indexed.library_path):
            assert look_as_somebody_else(indexed).startswith("4 3 1 True")


def test_an_older_library_that_cannot_be_written_says_what_to_do(
    indexed: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(sqlite3.connect(indexed.library_path / "library.sqlite")) as db:
        db.execute("PRAGMA user_version = 1")
    monkeypatch.setattr("deltaclip.library.sqlite.connection._why_not_written", lambda folder: "no permission")
    with pytest.raises(LibraryError, match=r"format of an earlier deltaclip, and cannot be written \(no permission\)"):
        Library.open(indexed.library_path)


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="permissions of POSIX")
def test_changes_of_a_killed_writer_that_cannot_be_read_are_told(indexed: Shelf) -> None:
    with indexed.open() as library:
        library.index([indexed.write("c.mp4", "c 1")])
        killed = indexed.videos.parent / "killed"
        killed.mkdir()
        for name in ("library.sqlite", "library.sqlite-wal"):  # as a kill leaves them; a copy of a folder has no -shm
            shutil.copy(indexed.library_path / name, killed / name)
    indexed.library_path = killed
    with without_permission(killed), pytest.raises(AssertionError, match="latest changes are in"):
        look_as_somebody_else(indexed)
    with Library.open(killed) as library:  # what the message says
        assert library.status().videos == 3


def mounted(*arguments: str) -> bool:
    return (
        shutil.which("mount") is not None and subprocess.run(["mount", *arguments], capture_output=True).returncode == 0
    )


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 400 KiB of its own."""
    place = tmp_path / "disk"
    place.mkdir()
    if not mounted("-t", "tmpfs", "-o", "size=400k", "tmpfs", str(place)):
        pytest.skip("only root may mount a disk")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def fill(disk: Path) -> None:
    with (disk / "filling").open("wb", buffering=0) as file, suppress(OSError):
        while file.write(bytes(512)):
            pass
    assert shutil.disk_usage(disk).free == 0


def test_a_read_only_disk_is_searched_and_index_is_refused(indexed: Shelf, disk: Path) -> None:
    shutil.copytree(indexed.library_path, disk, dirs_exist_ok=True)
    assert mounted("-o", "remount,ro", str(disk))
    indexed.library_path = disk
    with indexed.open() as library:
        assert [hit.path.name for hit in library.search("a 1", limit=1)] == ["a.mp4"]
        assert library.verify().ok
        with pytest.raises(NotWritableError, match=r"cannot be written \(its disk is read-only\)"):
            library.index([indexed.videos])
        with pytest.raises(NotWritableError):
            library.remove([indexed.videos])
        assert mounted("-o", "remount,rw", str(disk))
        assert library.remove([indexed.videos]).removed == 2


def test_a_full_disk_is_searched_and_index_says_that_it_is_full(indexed: Shelf, disk: Path) -> None:
    shutil.copytree(indexed.library_path, disk, dirs_exist_ok=True)
    fill(disk)
    indexed.library_path = disk
    with indexed.open() as library:
        assert [hit.path.name for hit in library.search("a 1", limit=1)] == ["a.mp4"]
        with pytest.raises(NotWritableError, match=r"cannot be written \(its disk is full\)"):
            library.index([indexed.videos])
    (disk / "filling").unlink()
    with indexed.open() as library:
        assert library.index([indexed.videos]).unchanged == 1


def test_a_disk_that_fills_up_while_indexing_keeps_what_was_finished(indexed: Shelf, disk: Path) -> None:
    indexed.library_path = disk
    for number in range(300):
        indexed.write(f"{number:03}.mp4", f"{number} 20")
    with pytest.raises(LibraryError, match=r"the disk is full .*Make room"), indexed.open() as library:
        library.index([indexed.videos])
    with indexed.open() as library:
        assert library.status().videos > 0
        assert len(library.search("0 0", limit=9999)) == library.status().segments
        assert library.verify().ok


def test_a_library_that_only_reads_sees_what_others_write_meanwhile(
    indexed: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("deltaclip.library.sqlite.connection._why_not_written", lambda folder: "no permission")
        reader = indexed.open()
        assert len(reader.search("c 0", limit=9)) == 3
        with pytest.raises(NotWritableError):
            reader.remove([indexed.videos])
    with indexed.open() as writer:
        writer.index([indexed.write("c.mp4", "c 1")])
    assert len(reader.search("c 0", limit=9)) == 4
    reader.close()


@pytest.mark.parametrize("name", [b"a #?%41&b=c;d", b"caf\xe9 \xff", "日本 e\u0301".encode(), b"mode=ro", b"'\"\n"])
def test_any_name_is_a_folder_for_a_library(shelf: Shelf, tmp_path: Path, name: bytes) -> None:
    folder = tmp_path / os.fsdecode(name)
    try:
        folder.mkdir()
    except OSError:
        pytest.skip("not a name on this disk")
    with Library.open(
        folder, FakeEncoder(), FakeMotionEncoder(), create=True, open_reader=shelf.reader.reader()
    ) as library:
        library.index([shelf.write("a.mp4", "a 1")])
    with without_permission(folder), Library.open(folder) as library:
        assert library.status().videos == 1
    assert names_in(folder) == ["library.lock", "library.sqlite", "motion.f32", "vectors.f32"]
