"""Real files through the guarded child: the one test here that decodes."""

from pathlib import Path

import numpy as np
import pytest

from deltaclip.errors import VideoError
from deltaclip.library import Library
from deltaclip.video import write_mp4
from tests.library.fakes import FakeEncoder, FakeMotionEncoder


def test_files_are_decoded_in_a_child_and_a_bad_one_is_a_row(tmp_path: Path) -> None:
    rgb = np.random.default_rng(0).integers(0, 256, (24, 64, 64, 3), np.uint8)
    write_mp4(tmp_path / "good one.mp4", rgb, 24)
    (tmp_path / "bad.mp4").write_bytes(b"no video")
    (tmp_path / "vanished.mp4").symlink_to(tmp_path / "nothing.mp4")
    with Library.open(tmp_path / "library", FakeEncoder(), FakeMotionEncoder(), create=True) as library:
        report = library.index([tmp_path])
        assert (report.seen, report.indexed, report.failed) == (2, 1, 1)
        assert "not a video that FFmpeg can open" in report.failures[0].reason
        hits = library.search_video(tmp_path / "good one.mp4")
    assert [(hit.path.name, hit.start, hit.end) for hit in hits] == [("good one.mp4", 0, 1)]


def test_the_reason_of_a_failure_has_what_the_decoder_said(tmp_path: Path) -> None:
    rgb = np.random.default_rng(0).integers(0, 256, (24, 64, 64, 3), np.uint8)
    write_mp4(tmp_path / "cut.mp4", rgb, 24)
    (tmp_path / "cut.mp4").write_bytes((tmp_path / "cut.mp4").read_bytes()[:32])
    with Library.open(tmp_path / "library", FakeEncoder(), FakeMotionEncoder(), create=True) as library:
        [failure] = library.index([tmp_path]).failures
    assert "moov" in failure.reason
    assert " @ 0x" not in failure.reason


def test_a_file_that_vanishes_before_it_is_read_is_a_video_error(tmp_path: Path) -> None:
    library = Library.open(tmp_path / "library", FakeEncoder(), FakeMotionEncoder(), create=True)
    with library, pytest.raises(VideoError, match="No such file"):
        library.search_video(tmp_path / "a.mp4")
