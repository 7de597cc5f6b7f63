"""Writing a cache: what is left out is named, what is there is kept."""

import errno
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from deltaclip.durable import one_writer
from deltaclip.errors import CacheError
from deltaclip.frame_cache import CacheInUseError, CacheProgress, CacheSettings, FrameCache, decoding, write_cache
from deltaclip.frame_cache.shard import ShardWriter, encode_video
from deltaclip.provenance import VECTOR_VERSION
from deltaclip.reader import read_whole
from tests.frame_cache.conftest import SMALL
from tests.helpers import films_of_one_sample, write_square, write_wide

pytestmark = pytest.mark.usefixtures("no_child")


def test_a_run_says_what_it_wrote_and_a_second_one_writes_nothing(squares: dict[str, Path], tmp_path: Path) -> None:
    seen: list[CacheProgress] = []
    first = write_cache(tmp_path, squares, SMALL, workers=2, progress=seen.append)
    shard = (tmp_path / "shard-00000.tar").stat()
    second = write_cache(tmp_path, squares, SMALL)
    assert (first.held, first.written, first.shards, first.failures) == (5, 5, 1, ())
    assert first.size_bytes == shard.st_size
    assert [(step.done, step.total) for step in seen] == [(number, 5) for number in range(1, 6)]
    assert (second.held, second.written, second.shards) == (5, 0, 0)
    assert (tmp_path / "shard-00000.tar").stat().st_mtime_ns == shard.st_mtime_ns


@pytest.mark.usefixtures("two_a_shard")
def test_the_number_of_workers_changes_no_byte(squares: dict[str, Path], tmp_path: Path) -> None:
    for workers in (1, 3):
        write_cache(tmp_path / str(workers), squares, SMALL, workers=workers)
    one, three = ({path.name: path.read_bytes() for path in (tmp_path / name).iterdir()} for name in "13")
    assert sorted(one) == [".lock", "cache.json", "shard-00000.tar", "shard-00001.tar", "shard-00002.tar"]
    assert one == three


def test_later_videos_go_into_new_shards_and_readers_of_before_read_on(
    squares: dict[str, Path], tmp_path: Path
) -> None:
    early = {video: squares[video] for video in ("video 1", "video 3")}
    write_cache(tmp_path, early, SMALL)
    before = FrameCache.open(tmp_path)
    report = write_cache(tmp_path, squares, SMALL)
    assert (report.held, report.written) == (5, 3)
    assert len(before) == 2
    assert np.array_equal(
        before.clip("video 3", np.array([4])).rgb, FrameCache.open(tmp_path).clip("video 3", np.array([4])).rgb
    )


def test_other_settings_are_refused_with_the_difference(squares: dict[str, Path], tmp_path: Path) -> None:
    write_cache(tmp_path, {}, SMALL)
    with pytest.raises(CacheError, match=r"made with size 64, not 32; motion none, not subject\. "):
        write_cache(tmp_path, squares, CacheSettings(num_frames=5, size=32))


def test_all_missing_files_are_named_before_anything_is_decoded(squares: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "empty.mp4").touch()
    squares |= {"gone": tmp_path / "gone.mp4", "empty": tmp_path / "empty.mp4"}
    with pytest.raises(CacheError) as caught:
        write_cache(tmp_path / "cache", squares, SMALL)
    assert caught.value.what == "2 of 7 videos"
    assert "gone.mp4 cannot be read (No such file or directory)" in caught.value.found
    assert "empty.mp4 the file is empty" in caught.value.found
    assert len(FrameCache.open(tmp_path / "cache")) == 0


def test_missing_and_broken_videos_are_left_out_and_named_never_filled_in(
    squares: dict[str, Path], tmp_path: Path
) -> None:
    (tmp_path / "text.mp4").write_text("no video at all")
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(squares["video 0"].read_bytes()[:-900])
    squares |= {"gone": tmp_path / "gone.mp4", "text": tmp_path / "text.mp4", "a cut": cut}
    report = write_cache(tmp_path / "cache", squares, SMALL, allow_missing=True)
    assert [failure.video for failure in report.failures] == ["gone", "a cut", "text"]
    assert "damaged after" in report.failures[1].reason
    assert FrameCache.open(tmp_path / "cache").videos == tuple(f"video {number}" for number in range(5))


def test_a_film_that_no_jpeg_holds_is_named_and_the_others_are_written(
    squares: dict[str, Path], tmp_path: Path
) -> None:
    """OpenCV says so by a flag, which was not looked at: the run ended in an AttributeError."""
    wide = write_wide(tmp_path / "wide.mp4", width=1200, num_frames=2)  # 67,200 pixels at a short side of 224
    videos = {"a": squares["video 0"], "wide": wide, "z": squares["video 1"]}
    report = write_cache(tmp_path / "cache", videos, CacheSettings(1, 224, None))
    assert FrameCache.open(tmp_path / "cache").videos == ("a", "z")
    [failure] = report.failures
    assert (failure.video, failure.reason.partition(". ")[0]) == (
        "wide",
        "picture of 67200 x 224 pixels does not fit into a .jpg file",
    )
    raw = write_cache(tmp_path / "raw", videos, CacheSettings(1, 224, None, quality=None))
    assert (raw.held, raw.failures) == (3, ())


def test_what_nobody_foresaw_costs_its_own_video_only(
    squares: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def encode(rgb: Any, seconds: Any, *rest: Any) -> Any:
        calls.append(seconds)
        if len(calls) == 2:
            raise MemoryError("a frame of 9 GB")
        return real(rgb, seconds, *rest)

    calls: list[Any] = []
    real = encode_video
    monkeypatch.setattr("deltaclip.frame_cache.decoding.encode_video", encode)
    report = write_cache(tmp_path, squares, SMALL, workers=1)
    assert (report.written, len(report.failures)) == (4, 1)
    assert report.failures[0].reason.startswith("MemoryError: a frame of 9 GB")


def test_a_file_that_changed_is_noticed_and_read_anew(tmp_path: Path) -> None:
    films = {name: write_square(tmp_path / f"{name}.mp4", step=1) for name in ("same", "new")}
    write_cache(tmp_path / "cache", films, SMALL)
    before = FrameCache.open(tmp_path / "cache").clip("new", np.array([4])).rgb
    write_square(films["new"], step=2)
    report = write_cache(tmp_path / "cache", films, SMALL)
    after = FrameCache.open(tmp_path / "cache").clip("new", np.array([4])).rgb
    assert (report.changed, report.written) == (("new",), 1)
    assert not np.array_equal(before, after)


def test_a_film_replaced_by_one_of_the_same_size_time_and_sample_is_noticed(tmp_path: Path) -> None:
    film, other = films_of_one_sample(tmp_path, "ab")
    write_cache(tmp_path / "cache", {"film": film}, SMALL)
    before = film.stat()
    film.write_bytes(other.read_bytes())
    os.utime(film, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert write_cache(tmp_path / "cache", {"film": film}, SMALL).changed == ("film",)


def test_a_film_that_was_only_touched_is_not_read_again_and_known_by_its_new_times(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    film = write_square(tmp_path / "film.mp4")
    write_cache(tmp_path / "cache", {"film": film}, SMALL)
    os.utime(film, ns=(1, 1))
    report = write_cache(tmp_path / "cache", {"film": film}, SMALL)
    assert (report.held, report.written, report.changed) == (1, 0, ())
    monkeypatch.setattr("deltaclip.frame_cache.write.content_of", lambda path: pytest.fail("it was hashed again"))
    assert write_cache(tmp_path / "cache", {"film": film}, SMALL).held == 1


def test_a_cache_of_before_digests_knows_its_files_by_size_and_time(tmp_path: Path) -> None:
    film = write_square(tmp_path / "film.mp4")
    write_cache(tmp_path / "cache", {"film": film}, SMALL)
    index = tmp_path / "cache" / "cache.json"
    source = FrameCache.open(tmp_path / "cache").source("film")
    index.write_text(index.read_text().replace(f', {source.ctime_ns}, "{source.digest}", {VECTOR_VERSION}]', "]"))
    assert FrameCache.open(tmp_path / "cache").source("film").digest is None
    assert write_cache(tmp_path / "cache", {"film": film}, SMALL).written == 0
    os.utime(film, ns=(1, 1))
    assert write_cache(tmp_path / "cache", {"film": film}, SMALL).changed == ("film",)


def test_a_film_that_changes_while_it_is_read_is_left_out_and_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    film = write_square(tmp_path / "film.mp4")

    def written_to(path: Path, *rest: Any) -> Any:  # Any: as the reader takes and gives it
        read = read_whole(path, *rest)
        write_square(path, step=3)
        return read

    monkeypatch.setattr(decoding, "read_whole", written_to)
    report = write_cache(tmp_path / "cache", {"film": film}, SMALL)
    assert [failure.reason.split(".")[0] for failure in report.failures] == ["changed while it was read"]
    assert report.held == 0


def test_a_film_that_a_backup_links_while_it_is_read_is_read_once_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    film, backup = write_square(tmp_path / "film.mp4"), tmp_path / "backup.mp4"

    def linked(path: Path, *rest: Any) -> Any:  # Any: as the reader takes and gives it
        read = read_whole(path, *rest)
        if not backup.exists():
            backup.hardlink_to(film)
        return read

    monkeypatch.setattr(decoding, "read_whole", linked)
    report = write_cache(tmp_path / "cache", {"film": film}, SMALL)
    assert (report.held, report.failures) == (1, ())


def test_a_changed_file_that_cannot_be_read_is_not_held_any_more(tmp_path: Path) -> None:
    film = write_square(tmp_path / "film.mp4")
    write_cache(tmp_path / "cache", {"film": film}, SMALL)
    film.write_text("something else")
    report = write_cache(tmp_path / "cache", {"film": film}, SMALL)
    assert (report.held, report.changed, len(report.failures)) == (0, ("film",), 1)
    assert "film" not in FrameCache.open(tmp_path / "cache")


def test_a_file_that_is_gone_after_it_was_cached_is_not_needed(tmp_path: Path) -> None:
    film = write_square(tmp_path / "film.mp4")
    write_cache(tmp_path / "cache", {"film": film}, SMALL)
    film.unlink()
    assert write_cache(tmp_path / "cache", {"film": film}, SMALL).held == 1


def test_a_second_writer_is_refused(squares: dict[str, Path], tmp_path: Path) -> None:
    found = rf"another process is writing to this cache \(process {os.getpid()}\)"
    with one_writer(tmp_path / ".lock", RuntimeError), pytest.raises(CacheInUseError, match=found):
        write_cache(tmp_path, squares, SMALL)


@pytest.mark.usefixtures("two_a_shard")
def test_a_full_disk_is_told_and_costs_nothing_that_was_finished(
    squares: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add = ShardWriter.add

    def full(self: ShardWriter, *rest: object) -> None:
        if self.name == "shard-00001.tar":
            raise OSError(errno.ENOSPC, "No space left on device")
        add(self, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(ShardWriter, "add", full)
    with pytest.raises(CacheError, match=r"No space left on device\)\. What was finished is kept; make room"):
        write_cache(tmp_path, squares, SMALL)
    assert len(FrameCache.open(tmp_path)) == 2
    assert not list(tmp_path.glob(".*.part"))
    monkeypatch.undo()
    assert write_cache(tmp_path, squares, SMALL).held == 5
