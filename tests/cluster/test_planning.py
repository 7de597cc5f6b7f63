"""What is listed and what is read, without a cluster."""

from dataclasses import replace
from pathlib import Path

import pytest

from deltaclip.cluster.listing import FileSeen, list_files
from deltaclip.cluster.planning import (
    MOST_BYTES,
    MOST_FILES,
    StorageWatch,
    gone_rows,
    is_same,
    needs_reading,
    portions,
    rows_to_prune,
)
from deltaclip.cluster.reading import FileRead, UnansweredError
from deltaclip.errors import DeltaclipError
from deltaclip.library import Stamp, VideoRow
from deltaclip.object_paths import ObjectPath


def row_of(path: Path, stamp: Stamp, **other: object) -> VideoRow:
    row = VideoRow("id", path, stamp.size_bytes, b"s", stamp, b"d", "indexed", None, False, 2, 2.0, 2)
    return replace(row, **other)  # type: ignore[arg-type]


def test_portions_are_bounded_by_files_and_bytes() -> None:
    small = [FileSeen(Path(f"/{number}"), Stamp(10, 0, 0)) for number in range(MOST_FILES + 1)]
    large = [FileSeen(Path(f"/large {number}"), Stamp(MOST_BYTES, 0, 0)) for number in range(2)]
    made = list(portions([*small, *large], lambda path: None, needs_motion=False))
    assert [len(portion) for portion in made] == [MOST_FILES, 1, 1, 1]
    assert [wanted.file for portion in made for wanted in portion] == [*small, *large]


def test_the_bytes_of_a_whole_video_are_known_to_its_task() -> None:
    file = FileSeen(Path("/a"), Stamp(1, 2, 3))
    for row, known in ((row_of(file.path, file.stamp), b"d"), (row_of(file.path, file.stamp, num_motion=1), None)):
        [[wanted]] = portions([file], {file.path: row}.get, needs_motion=True)
        assert wanted.known == known


def test_what_needs_reading() -> None:
    file = FileSeen(Path("/a"), Stamp(1, 2, 3))
    row = row_of(file.path, file.stamp)
    assert not needs_reading(row, file, needs_motion=True)
    assert needs_reading(None, file, needs_motion=True)
    assert needs_reading(replace(row, stamp=Stamp(1, 2, 4)), file, needs_motion=True)
    assert needs_reading(replace(row, status="damaged"), file, needs_motion=True)
    assert needs_reading(replace(row, num_motion=1), file, needs_motion=True)
    assert not needs_reading(replace(row, num_motion=1), file, needs_motion=False)


def test_an_object_that_was_uploaded_again_with_the_same_bytes_is_the_same() -> None:
    row = row_of(ObjectPath("s3://films/a.mp4"), Stamp(1, 2, 3))
    assert is_same(row, Stamp(1, 9, 3))
    assert not is_same(row, Stamp(1, 2, 4))
    assert not is_same(row_of(Path("/a"), Stamp(1, 2, 3)), Stamp(1, 9, 3))


def test_videos_whose_files_are_gone(tmp_path: Path) -> None:
    there, gone = tmp_path / "there.mp4", tmp_path / "gone.mp4"
    there.touch()
    stamp = Stamp(1, 2, 3)
    rows = {path: row_of(path, stamp) for path in (there, gone, tmp_path / "listed.mp4")}
    rows[tmp_path / "known.mp4"] = row_of(tmp_path / "known.mp4", stamp, missing=True)
    listed = [FileSeen(tmp_path / "listed.mp4", stamp)]
    assert gone_rows(rows, listed, missing_too=False) == ([rows[gone]], 1)
    both = [rows[gone], rows[tmp_path / "known.mp4"]]
    assert gone_rows(rows, listed, missing_too=True) == (both, 1)
    assert rows_to_prune(both, []) == both
    assert rows_to_prune(both, [tmp_path / "other", tmp_path]) == []  # a disk that is not mounted


def test_a_storage_that_is_away_for_a_moment_is_not_gone() -> None:
    seconds = iter([0.0, 50.0, 70.0, 130.0, 131.0])
    watch = StorageWatch(60, lambda: next(seconds))
    here, there = FileRead(Path("/a.mp4")), FileRead(ObjectPath("s3://films/a.mp4"))
    error = UnansweredError("b", "its storage does not answer", "Check.")
    silent = FileRead(ObjectPath("s3://films/b.mp4"), error=error)
    for reads in ([here, silent], [there, silent], [silent, here]):  # at 70 s it answers
        assert watch.unanswered(reads) == {silent.path}
        assert watch.outage is None
    assert watch.unanswered([here]) == set()
    assert watch.unanswered([silent]) == {silent.path}
    assert watch.outage is error


def test_listing_files_of_this_machine(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"a")
    (tmp_path / "b.txt").write_bytes(b"b")
    listing = list_files([f"file://{tmp_path}", str(tmp_path / "nothing")], None)
    assert [file.path.name for file in listing.files] == ["a.mp4"]
    assert listing.files[0].stamp == Stamp.of(tmp_path / "a.mp4")
    assert (listing.roots, dict(listing.passed_over)) == ([tmp_path], {".txt": 1})
    assert [failure.path.name for failure in listing.failures] == ["nothing"]


def test_what_is_excluded_and_what_holds_nothing(tmp_path: Path) -> None:
    for name in ("a.mp4", "proxies/a.mp4", "raw/b.mp4"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"a film")
    (tmp_path / "disk").mkdir()
    given = [str(tmp_path), str(tmp_path / "disk")]
    listing = list_files(given, None, ["proxies", "raw/", "*.gif"])
    assert [file.path for file in listing.files] == [tmp_path / "a.mp4"]
    assert dict(listing.passed_over) == {"excluded files and folders": 2}
    assert listing.unused_exclude == ("*.gif",)
    assert listing.empty == [tmp_path / "disk"]


def test_an_address_of_another_kind_is_refused() -> None:
    with pytest.raises(DeltaclipError, match=r"ftp://films: files at ftp:// cannot be listed\. Give a folder"):
        list_files(["ftp://films"], None)
