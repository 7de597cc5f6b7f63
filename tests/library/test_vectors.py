"""The file of vectors of the SQLite store: it grows, shrinks, is lost, and finds no room."""

import errno
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from deltaclip.errors import LibraryError
from deltaclip.library.sqlite import SqliteStore
from deltaclip.library.sqlite import vectors as module
from deltaclip.library.sqlite.vectors import VectorFile, VectorMap, append, as_bytes
from deltaclip.library.store import MotionQuery
from tests.library.fakes import Shelf
from tests.library.store_contract import (
    DIMENSION,
    ENCODER,
    MOTION,
    MOTION_DIMENSION,
    moving_video,
    names,
    new_video,
    unit_rows,
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "library"


@pytest.fixture
def store(folder: Path) -> Iterator[SqliteStore]:
    store = SqliteStore.open(str(folder), create=True)
    with store.writing() as writer:
        writer.remember(ENCODER)
    yield store
    store.close()


def vector_files(folder: Path) -> list[Path]:
    return sorted(folder.glob("vectors-*"))


def put(store: SqliteStore, *numbers: int, count: int = 4) -> None:
    with store.writing() as writer:
        writer.put([new_video(f"{number:02}.mp4", seed=number, count=count) for number in numbers])


def found(store: SqliteStore, number: int) -> str:
    """The video that has the third moment of video `number`."""
    return store.find(unit_rows(number, 4)[2:3], 1)[0].path.name


def all_problems(store: SqliteStore) -> list[str]:
    return [*store.problems(), *(text for row in store.videos() for text in store.problems_of(row))]


# Growing


def test_what_is_mapped_stays_mapped_when_the_file_grows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAP_ROWS", 4096)  # of 8 numbers: a multiple of every page
    monkeypatch.setattr(module, "MOST_SPANS", 4)
    path, rows, mapped = tmp_path / "vectors", unit_rows(0, 40_000), VectorMap()
    before: list[int] = []
    for size in (100, 5000, 5000, 9000, 9001, 20_000, 40_000):
        done = path.stat().st_size // 32 if path.exists() else 0
        append(VectorFile(path, done, 8), as_bytes(rows[done:size]))
        spans = mapped.spans(VectorFile(path, size, 8))
        np.testing.assert_array_equal(np.concatenate(spans), rows[:size])
        if len(before) > 1 and len(spans) > len(before):
            assert [span.ctypes.data for span in spans][: len(before) - 1] == before[:-1]
        before = [span.ctypes.data for span in spans]
        assert len(spans) <= 6
        np.testing.assert_array_equal(np.concatenate(mapped.spans(VectorFile(path, 50, 8))), rows[:50])


def test_mapped_rows_cannot_be_written_to(tmp_path: Path) -> None:
    file = VectorFile(tmp_path / "vectors", 0, 8)
    append(file, as_bytes(unit_rows(0, 3)))
    [span] = VectorMap().spans(VectorFile(file.path, 3, 8))
    with pytest.raises(ValueError, match="read-only"):
        span[0] = 0


def test_rows_that_no_commit_named_are_written_over_and_never_found(store: SqliteStore, folder: Path) -> None:
    put(store, 1)
    [file] = vector_files(folder)
    with file.open("ab") as opened:  # as a kill between the vectors and their commit leaves it
        opened.write(as_bytes(unit_rows(9, 4)) + b"half a row")
    assert len(store.find(unit_rows(9, 1), 99)) == 4
    assert all_problems(store) == []
    put(store, 2)
    assert (found(store, 1), found(store, 2), len(store.find(unit_rows(9, 1), 99))) == ("01.mp4", "02.mp4", 8)
    assert all_problems(store) == []


# Shrinking


def test_rows_of_no_video_are_dropped_once_they_are_a_third(store: SqliteStore, folder: Path) -> None:
    put(store, *range(10))
    [file] = vector_files(folder)
    with store.writing() as writer:
        writer.delete(store.videos()[:3])
    assert vector_files(folder) == [file]
    with store.writing() as writer:
        writer.delete(store.videos()[2:3])
    [smaller] = vector_files(folder)
    assert smaller != file
    assert smaller.stat().st_size == 6 * 4 * DIMENSION * 4
    assert [found(store, number) for number in (3, 4, 6, 7, 8, 9)] == names(store.videos())
    assert all_problems(store) == []


def test_a_library_of_which_everything_is_removed_keeps_no_vectors(store: SqliteStore, folder: Path) -> None:
    put(store, 1, 2)
    with store.writing() as writer:
        writer.delete(store.videos())
    assert vector_files(folder) == []
    put(store, 3)
    assert found(store, 3) == "03.mp4"


def test_a_reader_that_looks_while_the_file_is_replaced_finds_everything(
    store: SqliteStore, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(store, *range(6))
    reader = SqliteStore.open(str(folder), create=False)
    spans, looked = VectorMap.spans, list[Path]()

    def replaced_before(self: VectorMap, file: VectorFile) -> object:
        if not looked:  # between the look at the database and that at the file
            with store.writing() as writer:
                writer.delete(store.videos()[:3])
        looked.append(file.path)
        return spans(self, file)

    monkeypatch.setattr(VectorMap, "spans", replaced_before)
    assert len(reader.find(unit_rows(0, 1), 99)) == 12
    assert (len(looked), len({*looked})) == (2, 2)
    reader.close()


def test_a_file_that_is_in_use_is_deleted_by_the_next_writer(
    store: SqliteStore, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def in_use(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "The process cannot access the file because it is being used")

    put(store, 1, 2)
    with monkeypatch.context() as patch:  # as Windows does while somebody has it mapped
        patch.setattr(Path, "unlink", in_use)
        with store.writing() as writer:
            writer.delete(store.videos()[:1])
    assert len(vector_files(folder)) == 2
    assert found(store, 2) == "02.mp4"
    with store.writing():
        pass
    assert len(vector_files(folder)) == 1
    assert found(store, 2) == "02.mp4"


def test_files_of_vectors_that_the_database_does_not_name_are_nobodys_to_delete(
    store: SqliteStore, folder: Path
) -> None:
    theirs = folder / "vectors-00000000.f32"  # of a database that somebody moved elsewhere
    theirs.write_bytes(bytes(32))
    put(store, 1, 2)
    with store.writing() as writer:
        writer.delete(store.videos()[:1])
    assert theirs in vector_files(folder)


@pytest.mark.parametrize("function", ["copy_rows", "_flush_folder"])
def test_without_room_for_a_smaller_file_the_library_stays_as_it_is(
    store: SqliteStore, folder: Path, monkeypatch: pytest.MonkeyPatch, function: str
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    put(store, 1, 2, 3)
    before = vector_files(folder)
    with monkeypatch.context() as patch:
        patch.setattr(module, "_write" if function == "copy_rows" else function, full)
        with store.writing() as writer:
            writer.delete(store.videos()[:2])
    assert vector_files(folder) == before
    assert (found(store, 3), all_problems(store)) == ("03.mp4", [])
    with store.writing():
        pass
    assert vector_files(folder) != before
    assert (found(store, 3), all_problems(store)) == ("03.mp4", [])


# No room


@pytest.mark.parametrize("written", [0, 1, 100])
def test_a_disk_that_is_full_is_told_and_takes_nothing(
    store: SqliteStore, folder: Path, monkeypatch: pytest.MonkeyPatch, written: int
) -> None:
    def full(opened: object, data: bytes) -> None:
        os.write(opened.fileno(), data[:written])  # type: ignore[attr-defined]
        raise OSError(errno.ENOSPC, "No space left on device")

    put(store, 1)
    [file] = vector_files(folder)
    size = file.stat().st_size
    with monkeypatch.context() as patch:
        patch.setattr(module, "_write", full)
        with pytest.raises(LibraryError, match=r"the disk is full \(No space .*what was finished is kept"):
            put(store, 2)
    assert file.stat().st_size == size
    assert (names(store.videos()), found(store, 1), all_problems(store)) == (["01.mp4"], "01.mp4", [])
    put(store, 2)
    assert found(store, 2) == "02.mp4"


@pytest.mark.parametrize("full", ["vectors-", "motion-"])
def test_a_disk_that_is_full_for_one_of_both_files_takes_nothing_in_either(
    store: SqliteStore, folder: Path, monkeypatch: pytest.MonkeyPatch, full: str
) -> None:
    write = module._write

    def no_room(opened: object, data: bytes) -> None:
        if Path(opened.name).name.startswith(full):  # type: ignore[attr-defined]
            raise OSError(errno.ENOSPC, "No space left on device")
        write(opened, data)  # type: ignore[arg-type]

    with store.writing() as writer:
        writer.remember(ENCODER, MOTION)
        writer.put([moving_video("01.mp4", seed=1, count=4)])
    sizes = {file: file.stat().st_size for file in folder.glob("*.f32")}
    assert len(sizes) == 2
    with monkeypatch.context() as patch:
        patch.setattr(module, "_write", no_room)
        with store.writing() as writer, pytest.raises(LibraryError, match="the disk is full"):
            writer.put([moving_video("02.mp4", seed=2, count=4)])
    assert {file: file.stat().st_size for file in folder.glob("*.f32")} == sizes
    assert all_problems(store) == []
    with store.writing() as writer:
        writer.put([moving_video("02.mp4", seed=2, count=4)])
    assert found(store, 2) == "02.mp4"
    assert all_problems(store) == []


def test_rows_from_before_there_was_motion_and_dead_ones_are_dropped_in_both_files(
    store: SqliteStore, folder: Path
) -> None:
    put(store, *range(6))
    with store.writing() as writer:
        writer.remember(ENCODER, MOTION)
        writer.put([moving_video(f"{number:02}.mp4", seed=number, count=4, still=[1]) for number in range(6, 12)])
        writer.delete(store.videos()[3:9])
    [motion] = folder.glob("motion-*")
    assert motion.stat().st_size == 3 * 4 * MOTION_DIMENSION * 4
    assert [found(store, number) for number in (0, 1, 2, 9, 10, 11)] == names(store.videos())
    for number in (9, 10, 11):
        asked = MotionQuery(unit_rows(number + 1000, 4, MOTION_DIMENSION)[2:3])
        assert store.find(None, 1, motion=asked)[0].path.name == f"{number:02}.mp4"
    assert [row.num_motion for row in store.videos()] == [0, 0, 0, 3, 3, 3]
    assert all_problems(store) == []


def test_vectors_are_on_the_disk_before_the_commit_that_names_them(
    store: SqliteStore, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed: list[tuple[int, int]] = []

    def flush(descriptor: int) -> None:
        with closing(sqlite3.connect(folder / "library.sqlite")) as db:
            [(named,)] = db.execute("SELECT value FROM meta WHERE key = 'vectors_rows'")
        flushed.append((os.fstat(descriptor).st_size // (4 * DIMENSION), int(named)))

    monkeypatch.setattr(module, "_flush", flush)
    put(store, 1)
    put(store, 2)
    assert flushed == [(4, 0), (8, 4)]


# Lost


def cut_off(file: Path) -> None:
    os.truncate(file, file.stat().st_size - 5)


@pytest.mark.parametrize(
    ("lose", "words"),
    [(Path.unlink, "with the vectors is missing"), (cut_off, "has 379 bytes, and 384 were written")],
)
@pytest.mark.parametrize("mapped", [True, False])
def test_a_file_of_vectors_that_is_lost_is_named_with_what_to_do(
    store: SqliteStore, folder: Path, lose: Callable[[Path], None], words: str, mapped: bool
) -> None:
    put(store, 1, 2, 3)
    if mapped:
        found(store, 1)
    [file] = vector_files(folder)
    lose(file)
    for use in (lambda: store.find(unit_rows(1, 1), 1), lambda: put(store, 4)):
        with pytest.raises(LibraryError) as told:
            use()
        assert (told.value.what, told.value.found) == (str(folder), f"{file.name} {words}")
        assert told.value.remedy.startswith("Put a copy of your own back, if you have one.")
    assert names(store.videos()) == ["01.mp4", "02.mp4", "03.mp4"]
    assert f"{file.name} {words}" in next(iter(store.problems()))


def test_who_obeys_verify_about_lost_vectors_loses_only_those(shelf: Shelf) -> None:
    for name in "abc":
        shelf.write(f"{name}.mp4", f"{name} 3")
    shelf.library.index([shelf.videos])
    [file] = vector_files(shelf.library_path)
    cut_off(file)
    first, second = shelf.library.verify().problems
    assert first.startswith(f"{file.name} has 571 bytes")
    assert second.startswith(f"{shelf.videos / 'c.mp4'}: its vectors are lost (")
    assert second.endswith("Run `deltaclip repair`, which reads it again.")
    assert shelf.library.repair().repaired == 1
    assert (shelf.found("a 1"), shelf.found("c 2")) == (["a.mp4"], ["c.mp4"])
    assert shelf.reader.opened == ["a.mp4", "b.mp4", "c.mp4", "c.mp4"]
    assert shelf.library.verify().ok


def test_a_library_whose_vectors_are_all_lost_can_be_emptied_and_filled_again(shelf: Shelf) -> None:
    shelf.library.index([shelf.write("a.mp4", "a 3")])
    vector_files(shelf.library_path)[0].unlink()
    assert not shelf.library.verify().ok
    shelf.library.remove([shelf.videos])
    shelf.library.index([shelf.videos])
    assert shelf.found("a 2") == ["a.mp4"]
    assert shelf.library.verify().ok


@pytest.mark.parametrize("value", [np.nan, 1e30])
def test_a_search_over_damaged_vectors_says_so(store: SqliteStore, folder: Path, value: float) -> None:
    put(store, 1, 2)
    [file] = vector_files(folder)
    np.memmap(file, "<f4", "r+").reshape(-1, DIMENSION)[5, 3] = value
    told: list[int] = []
    hits = store.find(unit_rows(1, 4), 10, on_damaged=told.append)
    assert (len(hits), told) == (7, [1])
    np.memmap(file, "<f4", "r+").reshape(-1, DIMENSION)[:4] = value
    with pytest.raises(LibraryError, match=r"not of unit length\). Run `deltaclip verify`"):
        found(store, 1)
    assert all_problems(store) == ["its vectors are damaged"] * 2


def test_a_disk_that_cannot_be_read_is_told_in_words(store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*_: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    put(store, 1)
    monkeypatch.setattr(module, "_read", failing)
    for use in (lambda: list(store.moments(store.videos())), lambda: list(store.problems_of(store.videos()[0]))):
        with pytest.raises(LibraryError, match=r"could not be read or written \(Input/output error\)"):
            use()


def test_a_file_is_deleted_only_once_the_disk_knows_that_it_is_unused(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(store, 1, 2)
    said: list[str] = []
    store._database._writer.connection.set_trace_callback(said.append)
    monkeypatch.setattr(Path, "unlink", lambda self, **_: said.append("unlink"))
    with store.writing() as writer:
        writer.delete(store.videos()[:1])
    before = said[: said.index("unlink")]
    named = next(number for number, words in enumerate(before) if words.startswith("INSERT OR IGNORE INTO unused"))
    synced = before.index("PRAGMA synchronous = FULL", named)
    assert "COMMIT" in before[named:synced]
    assert before[synced:].count("COMMIT") == 1
