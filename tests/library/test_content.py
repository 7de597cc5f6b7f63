"""The content key."""

import os
from pathlib import Path

import pytest

from deltaclip.errors import VideoError
from deltaclip.library.content import content_of, sample_of

MEGABYTE = 2**20


@pytest.mark.parametrize("size", [0, 1, 65_535, 65_537, MEGABYTE])
def test_every_byte_of_a_small_file_counts(tmp_path: Path, size: int) -> None:
    path = tmp_path / "a"
    path.write_bytes(bytes(size))
    before = content_of(path)
    assert before.stamp.size_bytes == size
    for position in {0, size // 3, size - 1} if size else ():
        path.write_bytes(bytes(position) + b"x" + bytes(size - position - 1))
        assert content_of(path).digest != before.digest


@pytest.mark.parametrize("position", [0, 100, 5 * MEGABYTE, 10 * MEGABYTE + 6])
def test_head_middle_and_tail_of_a_large_file_count(tmp_path: Path, position: int) -> None:
    path = tmp_path / "a"
    with path.open("wb") as file:
        file.truncate(10 * MEGABYTE + 7)
    before = content_of(path)
    with path.open("r+b") as file:
        file.seek(position)
        file.write(bytes(range(1, 256)) * 3000 if 0 < position < 6 * MEGABYTE else b"x")
    assert content_of(path).digest != before.digest


def test_the_size_counts_where_all_blocks_are_equal(tmp_path: Path) -> None:
    keys = set()
    for size in (2 * MEGABYTE, 3 * MEGABYTE):
        with (tmp_path / "a").open("wb") as file:
            file.truncate(size)
        keys.add(sample_of(tmp_path / "a").sample)
    assert len(keys) == 2


def test_name_and_times_do_not_count(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"video")
    (tmp_path / "b").write_bytes(b"video")
    os.utime(tmp_path / "b", (1, 1))
    first, second = content_of(tmp_path / "a"), content_of(tmp_path / "b")
    assert (first.sample, first.digest) == (second.sample, second.digest)


def test_a_pipe_is_refused_without_waiting_for_a_writer(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.mp4")
    with pytest.raises(VideoError, match="not a plain file"):
        content_of(tmp_path / "pipe.mp4")


def test_a_missing_file_is_told_in_words(tmp_path: Path) -> None:
    with pytest.raises(VideoError, match="No such file"):
        content_of(tmp_path / "a.mp4")
