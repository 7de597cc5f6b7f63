"""Shards of a folder, and several libraries as one."""

from pathlib import Path

import numpy as np
import pytest

from deltaclip.errors import LibraryError
from deltaclip.library import Library, Shard, merge_libraries
from tests.library.fakes import FakeEncoder, Shelf


def part(shelf: Shelf, name: str, shard: Shard | None = None, *names: str) -> Path:
    """A library of some files of the shelf, by its encoders."""
    address = shelf.library_path.parent / name
    encoders = shelf.encoder, shelf.motion_encoder
    with Library.open(address, *encoders, create=True, open_reader=shelf.reader.reader()) as library:
        library.index([shelf.videos / each for each in names] or [shelf.videos], shard=shard)
    return address


def opened(shelf: Shelf, address: Path) -> Library:
    return Library.open(address, shelf.encoder, shelf.motion_encoder)


def fill(shelf: Shelf) -> None:
    for number in range(20):
        shelf.write(f"{number % 3}/{number:02}.mp4", f"s{number} {1 + number % 4}")
    shelf.write("damaged.mp4", "d 3 damaged")
    shelf.write("failed.mp4", "nothing")


def test_shards_hold_every_file_once_wherever_the_folder_is() -> None:
    for root in (Path("/here"), Path("/elsewhere/below")):
        files = [root / f"{number // 7}" / f"{number}.mp4" for number in range(300)]
        held = [[file for file in files if Shard(number, 4).holds(file, [root])] for number in range(1, 5)]
        assert sorted(file for some in held for file in some) == sorted(files)
        assert all(50 < len(some) < 100 for some in held)
    relative = [[file.relative_to(root) for file in some] for some in held]
    other = [Path("/x") / file for file in relative[2]]
    assert all(Shard(3, 4).holds(file, [Path("/x")]) for file in other)


@pytest.mark.parametrize(("number", "count"), [(0, 3), (4, 3), (1, 0)])
def test_a_shard_that_there_is_not_is_refused(number: int, count: int) -> None:
    with pytest.raises(ValueError, match="give one from 1"):
        Shard(number, count)


def test_merged_shards_are_what_one_run_gives(shelf: Shelf) -> None:
    fill(shelf)
    parts = [part(shelf, f"part{number}", Shard(number, 3)) for number in (1, 2, 3)]
    report = merge_libraries(parts, shelf.library_path.parent / "merged")
    shelf.library.index([shelf.videos])
    with opened(shelf, shelf.library_path.parent / "merged") as merged:
        assert merged.verify().ok
        assert merged.status() == shelf.library.status()
        assert merged.failures() == shelf.library.failures()
        assert [hit.score for hit in merged.search("s3 1", 99)] == [
            hit.score for hit in shelf.library.search("s3 1", 99)
        ]
        for one, other in zip(merged.moments(), shelf.library.moments(), strict=True):
            assert (one.path, one.start, one.end, one.coverage) == (other.path, other.start, other.end, other.coverage)
            assert np.array_equal(one.vector, other.vector)
            assert one.motion is not None
            assert other.motion is not None
            assert np.array_equal(one.motion, other.motion)
        assert merged.index([shelf.videos]).unchanged == 20  # nothing is read again but what failed
    assert (report.videos, report.failed, report.missing, report.twice) == (22, 2, 0, 0)


def test_a_second_merge_keeps_what_is_there_and_an_interrupted_one_is_finished(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(shelf)
    one, out = part(shelf, "one"), shelf.library_path.parent / "out"
    monkeypatch.setattr("deltaclip.library.merging.VIDEOS_AT_ONCE", 5)

    def stop(done: int, total: int) -> None:
        if done >= 10:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        merge_libraries([one], out, stop)
    rest = merge_libraries([one], out)
    assert (rest.videos, rest.kept) == (12, 10)
    again = merge_libraries([one], out)
    assert (again.videos, again.kept, again.twice) == (0, 22, 0)


def test_of_one_path_in_two_libraries_the_better_one_is_taken(shelf: Shelf) -> None:
    shelf.write("a.mp4", "a 3 damaged")
    shelf.write("b.mp4", "b 2")
    first = part(shelf, "first")
    shelf.write("a.mp4", "a 3")
    shelf.write("b.mp4", "b 2 damaged")
    second = part(shelf, "second")
    out = shelf.library_path.parent / "out"
    report = merge_libraries([first, second], out)
    assert (report.videos, report.failed, report.twice) == (2, 0, 2)
    with opened(shelf, out) as merged:
        assert [(row.path.name, row.status) for row in merged.videos()] == [("a.mp4", "indexed"), ("b.mp4", "indexed")]


def test_missing_files_and_notes_stay_known(shelf: Shelf) -> None:
    gone = shelf.write("a.mp4", "a 1")
    shelf.write("b.mp4", "b 1")
    one = part(shelf, "one")
    gone.unlink()
    part(shelf, "one")
    out = shelf.library_path.parent / "out"
    assert merge_libraries([one], out).missing == 1
    with opened(shelf, out) as merged:
        assert [(row.path.name, row.missing) for row in merged.videos()] == [("a.mp4", True), ("b.mp4", False)]
        assert [hit.path.name for hit in merged.search("a 0", 9)] == ["b.mp4"]


def test_vectors_of_different_encoders_are_not_put_together(shelf: Shelf) -> None:
    shelf.write("a.mp4", "a 1")
    one = part(shelf, "one")
    shelf.encoder = FakeEncoder("another")
    other = part(shelf, "other")
    out = shelf.library_path.parent / "out"
    with pytest.raises(LibraryError, match=r"made by another .*, and .*one by fake"):
        merge_libraries([one, other], out)
    assert not Library.exists(out)


def test_a_library_that_is_damaged_is_not_merged(shelf: Shelf) -> None:
    shelf.write("a.mp4", "a 2")
    one = part(shelf, "one")
    [file] = one.glob("vectors-*.f32")
    np.memmap(file, "<f4", "r+")[3] += 0.1
    with pytest.raises(LibraryError, match=r"a\.mp4: its vectors are damaged. Run deltaclip repair"):
        merge_libraries([one], shelf.library_path.parent / "out")


def test_a_library_is_not_merged_into_itself(shelf: Shelf) -> None:
    shelf.write("a.mp4", "a 2")
    one = part(shelf, "one")
    with pytest.raises(LibraryError, match="is one of the libraries to merge"):
        merge_libraries([one], one)
    with pytest.raises(ValueError, match="at least one"):
        merge_libraries([], one)
