"""What `index` does with files: new, known, moved, copied, changed, gone, bad."""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from deltaclip.library import IndexProgress, Note
from deltaclip.reader import Clip, ReaderSpec
from tests.library.fakes import FakeReader, Shelf


def test_every_moment_of_every_video_is_found_by_its_own_vector(shelf: Shelf) -> None:
    shelf.write("a.mp4", "a 2")
    path = shelf.write("b.mkv", "b 3")
    report = shelf.library.index([shelf.videos])
    assert (report.seen, report.indexed, report.unchanged, report.failed, report.segments) == (2, 2, 0, 0, 5)
    hit = shelf.library.search("b 2", limit=1)[0]
    assert (hit.path, hit.start, hit.end, hit.coverage) == (path, 30.0, 45.0, 0.25)
    assert hit.score == pytest.approx(1)
    assert shelf.library.verify().ok


def test_a_second_run_decodes_nothing(shelf: Shelf) -> None:
    shelf.write("a.mp4", "a 2")
    shelf.library.index([shelf.videos])
    report = shelf.library.index([shelf.videos])
    assert (report.indexed, report.unchanged, report.segments) == (0, 1, 0)
    assert shelf.reader.opened == ["a.mp4"]


def test_a_moved_file_keeps_its_moments_under_its_new_name(shelf: Shelf) -> None:
    path = shelf.write("a.mp4", "a 2")
    shelf.library.index([shelf.videos])
    path.rename(shelf.videos / "z.mp4")
    assert shelf.library.index([shelf.videos]).indexed == 1
    assert shelf.reader.opened == ["a.mp4"]
    assert shelf.found("a 1", limit=9) == ["z.mp4", "z.mp4"]


def test_a_copy_gets_the_moments_without_decoding(shelf: Shelf) -> None:
    shelf.write("b.mp4", "b 2")
    shelf.library.index([shelf.videos])
    shelf.write("a.mp4", "b 2")
    shelf.library.index([shelf.videos])
    assert shelf.reader.opened == ["b.mp4"]
    assert shelf.found("b 0", limit=2) == ["a.mp4", "b.mp4"]
    assert shelf.library.verify().ok


def test_two_copies_in_one_run_are_decoded_once(shelf: Shelf) -> None:
    shelf.write("a.mp4", "a 1")
    shelf.write("b.mp4", "a 1")
    assert shelf.library.index([shelf.videos]).indexed == 2
    assert shelf.reader.opened == ["a.mp4"]


def test_a_file_renamed_over_another_takes_its_place(shelf: Shelf) -> None:
    shelf.write("a.mp4", "a 1")
    moved = shelf.write("b.mp4", "b 2")
    shelf.library.index([shelf.videos])
    moved.rename(shelf.videos / "a.mp4")
    shelf.library.index([shelf.videos])
    assert shelf.library.status().segments == 2
    assert shelf.found("b 1") == ["a.mp4"]


def test_changed_content_of_the_same_size_and_time_replaces_the_moments(shelf: Shelf) -> None:
    path = shelf.write("a.mp4", "a 3")
    before = path.stat()
    shelf.library.index([shelf.videos])
    path.write_text("c 1")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    report = shelf.library.index([shelf.videos])
    assert (report.indexed, report.segments, shelf.library.status().segments) == (1, 1, 1)
    assert shelf.library.search("c 0")[0].score == pytest.approx(1)


def test_a_file_that_is_gone_is_not_found_until_it_comes_back(shelf: Shelf) -> None:
    path = shelf.write("a.mp4", "a 1")
    shelf.write("b.mp4", "b 1")
    shelf.library.index([shelf.videos])
    path.rename(shelf.videos.parent / "elsewhere.mp4")
    shelf.library.index([shelf.videos])
    assert shelf.found("a 0", limit=9) == ["b.mp4"]
    assert (shelf.library.status().videos, shelf.library.status().missing) == (1, 1)
    assert shelf.library.verify().ok
    (shelf.videos.parent / "elsewhere.mp4").rename(path)
    assert shelf.library.index([shelf.videos]).unchanged == 2
    assert shelf.found("a 0") == ["a.mp4"]
    assert shelf.reader.opened == ["a.mp4", "b.mp4"]


def test_a_file_that_vanished_since_the_last_run_does_not_disturb_a_search(shelf: Shelf) -> None:
    path = shelf.write("a.mp4", "a 1")
    shelf.library.index([path])
    path.unlink()
    assert shelf.found("a 0") == ["a.mp4"]
    assert not shelf.library.verify().ok


def test_a_bad_file_is_a_row_with_its_reason_and_the_others_go_on(shelf: Shelf) -> None:
    bad = shelf.write("a.mp4", "rubbish")
    shelf.write("b.mp4", "b 1")
    report = shelf.library.index([shelf.videos])
    assert (report.seen, report.indexed, report.failed) == (2, 1, 1)
    assert report.failures == shelf.library.failures()
    assert [(failure.path, failure.reason) for failure in report.failures] == [(bad, "not a video. Leave it out.")]
    assert shelf.library.verify().ok


def test_a_failed_file_is_tried_again_and_its_row_goes_once_it_can_be_read(shelf: Shelf) -> None:
    path = shelf.write("a.mp4", "rubbish")
    assert [shelf.library.index([path]).failed for _ in range(2)] == [1, 1]
    assert shelf.reader.opened == ["a.mp4", "a.mp4"]
    path.write_text("a 1")
    assert shelf.library.index([path]).indexed == 1
    assert shelf.library.failures() == ()


def test_a_damaged_video_keeps_the_moments_before_the_damage_and_is_named(shelf: Shelf) -> None:
    shelf.write("a.mp4", "a 2 damaged")
    report = shelf.library.index([shelf.videos])
    assert (report.indexed, report.failed, report.segments) == (0, 1, 2)
    reason = "damaged after 30 s: 2 moments kept, the rest could not be decoded. Fetch it again."
    assert report.failures[0].reason == reason
    assert shelf.found("a 1") == ["a.mp4"]
    status = shelf.library.status()
    assert (status.videos, status.segments, status.failed) == (1, 2, 1)
    assert shelf.library.verify().ok


def test_a_damaged_video_that_fails_wholly_next_time_loses_nothing(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = shelf.write("a.mp4", "a 2 damaged")
    shelf.library.index([path])
    monkeypatch.setattr(Path, "read_text", lambda self: "nothing")
    assert shelf.library.index([path]).failed == 1
    assert shelf.library.status().segments == 2


def test_a_video_changed_into_rubbish_loses_its_moments(shelf: Shelf) -> None:
    path = shelf.write("a.mp4", "a 2")
    shelf.library.index([path])
    path.write_text("rubbish")
    shelf.library.index([path])
    assert shelf.library.search("a 0") == []


def test_a_file_that_cannot_be_read_today_keeps_what_is_known_of_it(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = shelf.write("a.mp4", "a 1")
    new = shelf.write("b.mp4", "b 1")
    shelf.library.index([path])

    def refuse(*args: object, **kwargs: object) -> None:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", refuse)
        report = shelf.library.index([path, new])
    assert report.failed == 2
    assert "Permission denied" in report.failures[0].reason
    assert [failure.path for failure in shelf.library.failures()] == [new]
    assert shelf.found("a 0") == ["a.mp4"]


def test_a_name_that_does_not_exist_is_reported_but_no_row(shelf: Shelf) -> None:
    report = shelf.library.index([shelf.videos / "no.mp4"])
    assert (report.seen, report.failed) == (1, 1)
    assert report.failures[0].reason == "does not exist. Check the name."
    assert shelf.library.failures() == ()


def test_short_videos_share_batches_and_long_ones_are_never_held_whole(shelf: Shelf) -> None:
    for name in "abcdef":
        shelf.write(f"{name}.mp4", f"{name} 1")
    shelf.write("g.mp4", "g 20")
    shelf.library.index([shelf.videos])
    assert shelf.encoder.batches == [8, 8, 8, 2]
    assert shelf.library.status().segments == 26


def test_progress_counts_to_the_end(shelf: Shelf) -> None:
    shelf.write("a.mp4", "a 2")
    bad = shelf.write("b.mp4", "rubbish")
    told: list[IndexProgress] = []
    shelf.library.index([shelf.videos], on_progress=told.append)
    assert [state.current for state in told] == [shelf.videos / "a.mp4", bad, None]
    assert told[-1] == IndexProgress(total=2, done=2, segments=2, failed=1, current=None)


def test_without_masks_no_coverage_is_told(shelf: Shelf) -> None:
    shelf.encoder.reader_spec = type(shelf.encoder.reader_spec)(16, 1, None)
    shelf.library.index([shelf.write("a.mp4", "a 1")])
    assert shelf.library.search("a 0")[0].coverage is None


def test_excluded_videos_that_are_known_stay_and_are_counted_until_they_are_removed(shelf: Shelf) -> None:
    path = shelf.write("a.mp4", "a 1")
    shelf.write("b.mp4", "b 1")
    shelf.library.index([shelf.videos])
    report = shelf.library.index([shelf.videos], exclude=["a.*"])
    assert (report.seen, report.unchanged, report.left_alone) == (1, 1, 1)
    assert report.passed_over == {"excluded files and folders": 1}
    assert shelf.library.status().missing == 0
    assert shelf.found("a 0") == ["a.mp4"]
    shelf.library.remove([path])
    assert shelf.library.index([shelf.videos], exclude=["a.*"]).left_alone == 0
    assert shelf.found("a 0") == ["b.mp4"]


class NotingReader(FakeReader):
    """Finds something worth saying about every file, in each of its clips."""

    def __call__(self, path: Path, spec: ReaderSpec) -> Iterator[Clip]:
        for clip in super().__call__(path, spec):
            yield replace(clip, notes=("its time stamps are broken", "it is short"))


def test_notes_about_a_file_are_told_once_and_kept(shelf: Shelf) -> None:
    shelf.reader = NotingReader()
    path = shelf.write("a.mp4", "a 20")
    damaged = shelf.write("b.mp4", "b 1 damaged")
    with shelf.open() as library:
        report = library.index([shelf.videos])
        both = ("its time stamps are broken", "it is short")
        assert report.notes == tuple(Note(each, text) for each in (path, damaged) for text in both)
        assert library.notes() == report.notes
        assert library.index([path]).notes == ()
        path.rename(shelf.videos / "c.mp4")
        library.index([shelf.videos])
        assert [note.path.name for note in library.notes()] == ["b.mp4", "b.mp4", "c.mp4", "c.mp4"]


class LateReader(FakeReader):
    """The first picture comes after 7 s, and between moments the picture is held."""

    def __call__(self, path: Path, spec: ReaderSpec) -> Iterator[Clip]:
        for clip in super().__call__(path, spec):
            yield replace(clip, start=7 + 2 * clip.start, end=7 + 2 * clip.start + 15)


def test_moments_may_begin_late_and_have_gaps(shelf: Shelf) -> None:
    shelf.reader = LateReader()
    path = shelf.write("a.mp4", "a 3")
    with shelf.open() as library:
        library.index([path])
        assert [(hit.start, hit.end) for hit in library.search("a 1", limit=1)] == [(37.0, 52.0)]
        assert library.verify().ok
