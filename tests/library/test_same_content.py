"""Which files count as the same: never by less than every byte, and never read again without need."""

import inspect
import os
import sqlite3
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from deltaclip.library import content
from deltaclip.library.content import sample_of
from deltaclip.library.sqlite import SqliteStore
from deltaclip.library.store import VideoRow
from deltaclip.reader import Clip, ReaderSpec
from tests.library.fakes import DIMENSION, FakeReader, Shelf

SIZE = 3 * 2**20
BETWEEN = 100_000
"""A place of a file of SIZE bytes that lies in none of the sampled blocks."""


def write_large(shelf: Shelf, name: str, text: str) -> Path:
    """A file whose words stand between the sampled blocks, so that all of one size share a sample."""
    return shelf.write(name, text.rjust(BETWEEN + 8).ljust(SIZE))


def test_films_that_share_a_sample_have_a_vector_each(shelf: Shelf) -> None:
    paths = [write_large(shelf, f"{seed}.avi", f"{seed} 1") for seed in "abc"]
    assert len({sample_of(path).sample for path in paths}) == 1
    assert shelf.library.index([shelf.videos]).indexed == 3
    assert shelf.reader.opened == ["a.avi", "b.avi", "c.avi"]
    assert [shelf.found(f"{seed} 0") for seed in "abc"] == [["a.avi"], ["b.avi"], ["c.avi"]]
    assert shelf.library.verify().ok


@pytest.mark.parametrize("times_put_back", [False, True])
def test_a_film_replaced_by_one_of_the_same_sample_is_noticed(shelf: Shelf, times_put_back: bool) -> None:
    path = write_large(shelf, "a.avi", "a 1")
    shelf.library.index([path])
    before = path.stat()
    write_large(shelf, "a.avi", "b 1")
    if times_put_back:
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert shelf.library.verify().problems == (f"{path}: changed since it was indexed. Index it again.",)
    assert shelf.library.index([path]).indexed == 1
    assert shelf.library.search("b 0")[0].score == pytest.approx(1)
    assert shelf.library.verify().ok


def test_every_byte_is_read_if_that_is_asked(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_large(shelf, "a.avi", "a 1")
    shelf.library.index([path])
    stamp = path.stat()
    write_large(shelf, "a.avi", "b 1")  # as a failing disk does: no time tells
    monkeypatch.setattr(Path, "stat", lambda self, **_: stamp if self == path else os.stat(self))
    assert shelf.library.verify().ok
    assert not shelf.library.verify(every_byte=True).ok


@pytest.mark.parametrize("name", ["a.avi", "moved.avi"])
def test_a_large_film_that_was_touched_or_moved_is_not_decoded_again(shelf: Shelf, name: str) -> None:
    path = write_large(shelf, "a.avi", "a 1")
    shelf.library.index([path])
    os.utime(path, ns=(1, 1))
    path.rename(shelf.videos / name)
    assert shelf.library.index([shelf.videos]).failed == 0
    assert shelf.reader.opened == ["a.avi"]
    assert shelf.found("a 0", limit=9) == [name]
    assert shelf.library.verify().ok


def test_a_moved_film_gives_nothing_to_one_of_the_same_sample(shelf: Shelf) -> None:
    path = write_large(shelf, "a.avi", "a 1")
    shelf.library.index([path])
    path.unlink()
    write_large(shelf, "b.avi", "b 1")
    shelf.library.index([shelf.videos])
    assert shelf.reader.opened == ["a.avi", "b.avi"]
    assert shelf.library.status().missing == 1


class WritingReader(FakeReader):
    """Somebody writes to a file after its first moment was read."""

    def __call__(self, path: Path, spec: ReaderSpec) -> Iterator[Clip]:
        for number, clip in enumerate(super().__call__(path, spec)):
            yield clip
            if number == 0 and len(self.opened) == 1:
                path.write_text(path.read_text().replace("a 2", "b 2"))


@pytest.mark.parametrize("size", [0, SIZE])
def test_a_film_that_changes_while_it_is_read_is_no_vector(shelf: Shelf, size: int) -> None:
    shelf.reader = WritingReader()
    shelf.library = shelf.open()
    path = shelf.write("a.mp4", "a 2".rjust(size // 2).ljust(size))
    report = shelf.library.index([path])
    assert (report.indexed, report.failed, report.segments) == (0, 1, 0)
    assert report.failures[0].reason == "changed while it was read. Run the command again once it is complete."
    assert shelf.library.search("a 0") == []
    assert shelf.library.index([path]).indexed == 1
    assert shelf.library.search("b 1")[0].score == pytest.approx(1)


class TouchingReader(FakeReader):
    """Somebody does something to a file each time that its first moment was read, `times` times."""

    def __init__(self, touch: Callable[[Path], None], times: int) -> None:
        super().__init__()
        self.touch, self.times = touch, times

    def __call__(self, path: Path, spec: ReaderSpec) -> Iterator[Clip]:
        for number, clip in enumerate(super().__call__(path, spec)):
            yield clip
            if number == 0 and len(self.opened) <= self.times:
                self.touch(path)


def link_as_backups_do(path: Path) -> None:
    path.with_suffix(".backup").hardlink_to(path)


def write_and_put_the_time_back(path: Path) -> None:
    before = path.stat()
    path.write_text(path.read_text().replace("a 9", "b 9"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.mark.parametrize("size", [0, SIZE])
@pytest.mark.parametrize(
    ("touch", "query"),
    [(link_as_backups_do, "a 8"), (lambda path: path.chmod(0o600), "a 8"), (write_and_put_the_time_back, "b 8")],
)
def test_a_film_that_is_touched_while_it_is_read_is_read_once_more(
    shelf: Shelf, touch: Callable[[Path], None], query: str, size: int
) -> None:
    shelf.reader = TouchingReader(touch, times=1)
    shelf.library = shelf.open()
    path = shelf.write("a.mp4", "a 9".rjust(BETWEEN * bool(size)).ljust(size))
    report = shelf.library.index([path])
    assert (report.indexed, report.failed, report.segments) == (1, 0, 9)
    assert shelf.library.search(query)[0].score == pytest.approx(1)
    assert shelf.library.verify(every_byte=True).ok
    assert shelf.library.index([path]).unchanged == 1


def test_a_film_that_is_touched_again_and_again_fails(shelf: Shelf) -> None:
    shelf.reader = TouchingReader(lambda path: os.utime(path, ns=(1, path.stat().st_mtime_ns)), times=2)
    shelf.library = shelf.open()
    assert shelf.library.index([shelf.write("a.mp4", "a 2")]).failed == 1


def test_a_known_film_that_is_touched_while_it_is_compared_is_unchanged(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_large(shelf, "a.avi", "a 1")
    shelf.library.index([path])
    os.utime(path, ns=(1, 1))
    digest, touched = content._digest, list[Path]()

    def touching(stamp: content.Stamp, blocks: Iterable[bytes]) -> bytes:
        if isinstance(blocks, Iterator) and not touched and not inspect.isgenerator(blocks):
            touched.append(path)
            path.chmod(0o600)
        return digest(stamp, blocks)

    monkeypatch.setattr(content, "_digest", touching)
    report = shelf.library.index([path])
    assert (report.unchanged, report.failed, touched) == (1, 0, [path])


def test_each_of_many_copies_asks_for_one_row_and_looks_at_its_own_file(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    rows = SqliteStore._rows

    def counted(self: SqliteStore, *args: object, **kwargs: object) -> list[VideoRow]:
        found = rows(self, *args, **kwargs)  # type: ignore[arg-type]
        asked.append(len(found))
        return found

    shelf.library.index([shelf.write("a.mp4", "a 1")])
    for number in range(200):
        shelf.write(f"copy{number}.mp4", "a 1")
    monkeypatch.setattr(SqliteStore, "_rows", counted)
    assert shelf.library.index([shelf.videos]).indexed == 200
    # One for each copy, one for the first's own row, one for its twins, and all of them once at the end.
    assert sum(asked) == 200 + 1 + 1 + 201


@pytest.mark.parametrize("link", [os.link, os.symlink])
def test_a_link_is_the_film_once_and_takes_over_if_the_film_goes(shelf: Shelf, link: object) -> None:
    path = shelf.write("b.mp4", "b 1")
    os.link(path, shelf.videos / "z.mp4")
    assert callable(link)
    link(path, shelf.videos / "a.mp4")
    report = shelf.library.index([shelf.videos])
    assert (report.indexed, report.passed_over) == (1, {"links to files already included": 2})
    first = "a.mp4" if link is os.link else "b.mp4"
    assert shelf.found("b 0", limit=9) == [first]
    (shelf.videos / first).unlink()
    shelf.library.index([shelf.videos])
    assert len(shelf.reader.opened) == 1
    assert len(shelf.library.search("b 0")) == 1
    assert shelf.library.verify().ok


def test_a_link_given_later_is_the_film_that_is_known(shelf: Shelf) -> None:
    path = shelf.write("z/film.mp4", "a 1")
    shelf.library.index([path])
    (shelf.videos / "a").mkdir()
    (shelf.videos / "a" / "link.mp4").symlink_to(path)
    report = shelf.library.index([shelf.videos / "a"])
    assert (report.seen, report.passed_over) == (0, {"links to files already included": 1})
    assert shelf.found("a 0", limit=9) == ["film.mp4"]


def test_a_film_that_gave_way_to_a_link_is_found_no_more(shelf: Shelf) -> None:
    path, replaced = shelf.write("a/film.mp4", "a 1"), shelf.write("b/film.mp4", "b 1")
    shelf.library.index([shelf.videos])
    replaced.unlink()
    replaced.hardlink_to(path)
    assert shelf.library.index([replaced]).passed_over == {"links to files already included": 1}
    assert [hit.path for hit in shelf.library.search("b 0")] == [path]
    assert shelf.library.verify().ok


def test_a_copy_made_a_link_is_the_film_once(shelf: Shelf) -> None:
    path, copy = shelf.write("a.mp4", "a 1"), shelf.write("b.mp4", "a 1")
    shelf.library.index([shelf.videos])
    copy.unlink()
    copy.hardlink_to(path)
    shelf.library.index([shelf.videos])
    assert shelf.found("a 0", limit=9) == ["a.mp4"]
    assert shelf.library.verify().ok


def spoil(shelf: Shelf, name: str) -> None:
    """Makes the vectors of a video half as long, as they would be of a broken encoder."""
    with closing(sqlite3.connect(shelf.library_path / "library.sqlite")) as db, db:
        query = "SELECT first_row, id FROM videos WHERE path = ?"
        row, number = db.execute(query, (bytes(shelf.videos / name),)).fetchone()
        [(file,)] = db.execute("SELECT value FROM meta WHERE key = 'vectors_file'")
        vectors = np.memmap(shelf.library_path / file, "<f4", "r+").reshape(-1, DIMENSION)
        vectors[row] /= 2  # in the file at once, for others on this machine
        db.execute("UPDATE videos SET crc = ? WHERE id = ?", (zlib.crc32(vectors[row].tobytes()), number))


def test_broken_moments_do_not_come_back_from_a_copy_once_they_are_removed(shelf: Shelf) -> None:
    paths = [shelf.write(name, "a 1") for name in ("a.mp4", "b.mp4")]
    shelf.library.index(paths)
    spoil(shelf, "a.mp4")
    spoil(shelf, "b.mp4")
    assert len(shelf.library.verify().problems) == 2
    for path, problem in zip(paths, shelf.library.verify().problems, strict=True):
        assert problem.startswith(f"{path}: ")
        assert problem.endswith("Run `deltaclip repair`, which reads it again.")
        shelf.library.remove([path])
        shelf.library.index([path])
    assert shelf.library.verify().ok
    assert shelf.reader.opened == ["a.mp4", "a.mp4"]


def test_a_moved_film_whose_moments_are_broken_is_decoded(shelf: Shelf) -> None:
    path = shelf.write("a.mp4", "a 1")
    shelf.library.index([path])
    spoil(shelf, "a.mp4")
    path.rename(shelf.videos / "b.mp4")
    shelf.library.index([shelf.videos])
    assert shelf.library.search("a 0")[0].score == pytest.approx(1)
    assert shelf.reader.opened == ["a.mp4", "b.mp4"]
