"""`repair`: what verify finds damaged is dropped and read again, and only that."""

import os
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from deltaclip.errors import LibraryError
from deltaclip.library import Library, LockedError, RepairReport
from tests.library.fakes import DIMENSION, MOTION_DIMENSION, FakeEncoder, FakeMotionEncoder, Shelf
from tests.library.test_kills import killed_at_many_points


@pytest.fixture
def three(shelf: Shelf) -> Shelf:
    """Three videos of two moments each, in order of their rows: a, b, c."""
    for name in "abc":
        shelf.write(f"{name}.mp4", f"{name} 2")
    shelf.library.index([shelf.videos])
    shelf.reader.opened.clear()
    return shelf


def write(shelf: Shelf, kind: str, row: int, value: float) -> None:
    """Puts a number into a row of vectors."""
    [file] = shelf.library_path.glob(f"{kind}-*")
    np.memmap(file, "<f4", "r+").reshape(-1, DIMENSION if kind == "vectors" else MOTION_DIMENSION)[row] = value


def change(shelf: Shelf, kind: str, row: int = 2) -> None:
    write(shelf, kind, row, 0.01)


def cut_off(shelf: Shelf, kind: str) -> None:
    [file] = shelf.library_path.glob(f"{kind}-*")
    os.truncate(file, file.stat().st_size - 5)


def lose(shelf: Shelf, kind: str) -> None:
    [file] = shelf.library_path.glob(f"{kind}-*")
    file.unlink()


def edit(shelf: Shelf, statement: str) -> None:
    with closing(sqlite3.connect(shelf.library_path / "library.sqlite")) as db, db:
        db.execute(statement)


def names(report: RepairReport) -> list[str]:
    return [video.path.stem for video in report.damaged]


def vectors(library: Library) -> list[tuple[str, bytes, bytes]]:
    """Name, vector and motion vector of each moment."""
    moments = library.moments()
    return [(m.path.stem, m.vector.tobytes(), b"" if m.motion is None else m.motion.tobytes()) for m in moments]


def test_a_library_that_is_whole_is_left_as_it_is(three: Shelf) -> None:
    before = three.library.status(), [row.id for row in three.library.videos()]
    assert three.library.repair() == RepairReport(False, (), 0, (), ())
    assert (three.library.status(), [row.id for row in three.library.videos()]) == before
    assert three.reader.opened == []


CHANGED, CUT_OFF, LOST = (
    [partial(harm, kind=kind) for kind in ("vectors", "motion")] for harm in (change, cut_off, lose)
)


@pytest.mark.parametrize(
    ("harms", "damaged"),
    [
        (CHANGED[:1], ["b"]),
        (CHANGED[1:], ["b"]),
        ([CHANGED[0], partial(change, kind="motion", row=4)], ["b", "c"]),
        (CUT_OFF[:1], ["c"]),
        (CUT_OFF[1:], ["c"]),
        ([CUT_OFF[1], CHANGED[0]], ["b", "c"]),
        (LOST[:1], ["a", "b", "c"]),
        (LOST[1:], ["a", "b", "c"]),
        (LOST, ["a", "b", "c"]),
        ([partial(edit, statement="UPDATE moments SET start_seconds = 99 WHERE video_id = 2")], ["b"]),
        ([partial(edit, statement="UPDATE moments SET start_seconds = 'x' WHERE video_id = 2")], ["b"]),
        ([partial(edit, statement="DELETE FROM moments WHERE video_id = 2 AND number = 1")], ["b"]),
    ],
)
def test_what_is_damaged_is_read_again_and_nothing_else(
    three: Shelf, harms: Sequence[Callable[[Shelf], None]], damaged: list[str]
) -> None:
    whole, ids = vectors(three.library), {row.path.stem: row.id for row in three.library.videos()}
    for harm in harms:
        harm(three)
    wrong = three.library.verify()
    assert not wrong.ok
    planned = three.library.repair(dry_run=True)
    assert (names(planned), planned.dry_run, planned.repaired) == (damaged, True, 0)
    assert three.library.verify() == wrong
    report = three.library.repair()
    assert (names(report), report.repaired, report.failures, report.remaining) == (damaged, len(damaged), (), ())
    assert three.reader.opened == [f"{name}.mp4" for name in damaged]
    assert three.library.verify().ok
    assert vectors(three.library) == whole
    assert {row.path.stem: row.id for row in three.library.videos() if row.path.stem not in damaged} == {
        name: number for name, number in ids.items() if name not in damaged
    }
    three.library.index([three.write("d.mp4", "d 1")])
    assert three.found("d 0 moving d 0") == ["d.mp4"]


@pytest.mark.parametrize("kind", ["vectors", "motion"])
def test_a_video_whose_file_is_gone_waits_until_it_is_back(three: Shelf, kind: str) -> None:
    whole = vectors(three.library)
    path, away = three.videos / "b.mp4", three.videos.parent / "unplugged.mp4"
    path.rename(away)
    lose(three, kind)
    report = three.library.repair()
    assert [(video.path.stem, video.gone) for video in report.damaged] == [("a", False), ("b", True), ("c", False)]
    [failure] = report.failures
    assert failure.path == path
    assert "and its file is gone. Bring it back and index it again." in failure.reason
    assert report.repaired == 2
    # Only the motion vectors were lost: those of appearance stay, and are found.
    assert (three.found("b 1") == ["b.mp4"]) == (kind == "motion")
    away.rename(path)
    three.library.index([three.videos])
    assert three.library.verify().ok
    assert vectors(three.library) == whole


def test_rows_of_removed_videos_that_are_lost_are_no_loss(three: Shelf) -> None:
    with three.library._store.writing() as writer:
        writer.delete([row for row in three.library.videos() if row.path.stem == "c"])
        cut_off(three, "vectors")
        cut_off(three, "motion")
    assert three.library.verify().ok  # the writer itself has dropped them at its end
    three.library.repair()
    assert [row.path.stem for row in three.library.videos()] == ["a", "b"]


def test_motion_rows_that_are_lost_behind_the_last_motion_vector_do_not_bar_the_next_index(three: Shelf) -> None:
    edit(three, "UPDATE videos SET num_motion = 0, motion_crc = NULL WHERE id = 3")
    write(three, "motion", 4, np.nan)
    write(three, "motion", 5, np.nan)
    cut_off(three, "motion")
    assert three.library.repair(dry_run=True).damaged == ()
    assert three.library.repair().remaining == ()
    three.library.index([three.videos])
    assert three.library.status().without_motion == 0


def test_a_file_that_cannot_be_read_any_more_is_named(three: Shelf) -> None:
    change(three, "vectors")
    three.write("b.mp4", "rubbish")
    report = three.library.repair()
    assert [(failure.path.stem, failure.reason) for failure in report.failures] == [("b", "not a video. Leave it out.")]
    assert (report.repaired, report.remaining) == (0, ())


def test_a_file_that_changed_is_not_repaired_but_named(three: Shelf) -> None:
    three.write("a.mp4", "other 2")
    report = three.library.repair()
    assert report.damaged == ()
    assert report.remaining == three.library.verify().problems
    assert "a.mp4: changed since it was indexed. Index it again." in report.remaining[0]


@pytest.mark.parametrize(
    ("encoder", "motion"),
    [(FakeEncoder("other"), FakeMotionEncoder()), (FakeEncoder(), FakeMotionEncoder("fingerprint of others"))],
)
def test_encoders_that_are_not_those_of_the_library_drop_nothing(
    three: Shelf, encoder: FakeEncoder, motion: FakeMotionEncoder
) -> None:
    change(three, "vectors")
    wrong = three.library.verify()
    three.library._encoder, three.library._motion_encoder = encoder, motion
    with pytest.raises(LibraryError, match="made by"):
        three.library.repair()
    assert three.library.verify() == wrong


def test_a_damaged_database_is_not_written_to(three: Shelf) -> None:
    change(three, "vectors")
    edit(three, "UPDATE videos SET first_row = first_row + 50 WHERE id = 3")
    before = (three.library_path / "library.sqlite").read_bytes()
    with pytest.raises(LibraryError, match=r"are not each of one video. Index into a new folder"):
        three.library.repair()
    assert (three.library_path / "library.sqlite").read_bytes() == before


def test_repair_is_refused_while_somebody_writes(three: Shelf) -> None:
    change(three, "vectors")

    def repair_too(progress: object) -> None:
        with three.open() as other, pytest.raises(LockedError):
            other.repair()

    assert three.library.index([three.write("d.mp4", "d 1")], on_progress=repair_too).indexed == 1


def test_an_interrupted_repair_is_finished_by_the_next_index(
    three: Shelf, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    whole = vectors(three.library)
    change(three, "vectors")

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(three.encoder, "encode_clips", stop)
        with pytest.raises(KeyboardInterrupt):
            three.library.repair()
    [failure] = three.library.failures()
    assert (failure.path.stem, failure.reason) == ("b", "its moments were damaged and dropped. Index it again.")
    assert three.library.verify().ok
    three.library.index([three.videos])
    assert vectors(three.library) == whole


def test_of_copies_that_are_damaged_one_is_read_again(three: Shelf) -> None:
    for name in ("d.mp4", "e.mp4"):
        three.write(name, "d 1")
    three.library.index([three.videos])
    three.reader.opened.clear()
    change(three, "vectors", 6)
    change(three, "motion", 7)
    assert three.library.repair().repaired == 2
    assert three.reader.opened == ["d.mp4"]
    assert three.library.verify().ok


def test_an_encoder_that_makes_damaged_vectors_repairs_nothing(three: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    change(three, "vectors")
    encode = three.encoder.encode_clips
    monkeypatch.setattr(three.encoder, "encode_clips", lambda clips: encode(clips) / 2)
    report = three.library.repair()
    assert (report.repaired, [failure.path.stem for failure in report.failures]) == (0, ["b"])
    assert "has the length 0.5, not 1" in report.remaining[0]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_repair_that_is_killed_loses_nothing_that_was_whole(three: Shelf) -> None:
    whole = vectors(three.library)
    three.library.close()
    cut_off(three, "vectors")
    change(three, "motion")

    def check() -> None:
        with three.open() as library:
            if not library.repair(dry_run=True).damaged:  # what is there is right; motion vectors may still be missing
                assert {known[:2] for known in vectors(library)} <= {known[:2] for known in whole}
            library.repair()
            library.index([three.videos])
            assert library.verify().problems == ()
            assert vectors(library) == whole

    def work() -> None:
        with three.open() as library:
            library.repair()

    killed_at_many_points(three.library_path, work, check)


@pytest.mark.parametrize("value", [np.nan, 1e30, 7.0])
def test_a_search_leaves_out_what_is_damaged_and_says_so(three: Shelf, value: float) -> None:
    before = three.library.search("b 1", fold=True)
    write(three, "vectors", 2, value)  # b, first moment
    told: list[str] = []
    for fold in (False, True):
        hits = three.library.search("b 1", 9, on_note=told.append, fold=fold)
        assert [(hit.path.stem, hit.start, hit.score) for hit in hits] == [
            (hit.path.stem, hit.start, hit.score) for hit in before if (hit.path.stem, hit.start) != ("b", 0)
        ]
    assert told == ["1 moment has a damaged vector and is not searched: run `deltaclip repair`"] * 2
    with pytest.warns(UserWarning, match="1 moment has a damaged vector"):
        three.library.search("b 1")
    with pytest.raises(LibraryError, match=r"is damaged. Run `deltaclip repair`"):
        three.library.search_moment(next(hit.id for hit in before if (hit.path.stem, hit.start) == ("b", 0)))
    assert three.library.repair().repaired == 1
    assert [(hit.path, hit.start, hit.score) for hit in three.library.search("b 1")] == [
        (hit.path, hit.start, hit.score) for hit in before
    ]


def test_a_damaged_motion_vector_takes_its_moment_alone_out_of_searches_by_motion(three: Shelf) -> None:
    write(three, "motion", 2, 1e30)
    told: list[str] = []
    hits = three.library.search("a 0 moving b 0", by="motion", on_note=told.append)
    assert {(hit.path.stem, hit.start) for hit in hits} == {(n, s) for n in "abc" for s in (0, 15)} - {("b", 0)}
    assert len(told) == 1
    assert len(three.library.search("a 0")) == 6  # by appearance
