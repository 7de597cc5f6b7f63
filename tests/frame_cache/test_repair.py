"""A cache that lost something: found before it is needed, and decoded again where the videos are at hand."""

from collections.abc import Callable
from pathlib import Path

import pytest

from deltaclip.errors import CacheError
from deltaclip.frame_cache import FrameCache, refuse_lost, repair_cache, write_cache
from tests.frame_cache.conftest import SMALL

pytestmark = pytest.mark.usefixtures("no_child", "two_a_shard")


@pytest.fixture
def cache(squares: dict[str, Path], tmp_path: Path) -> Path:
    """Five videos in three shards."""
    write_cache(tmp_path / "cache", squares, SMALL, workers=1)
    return tmp_path / "cache"


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def test_a_whole_cache_and_a_folder_without_one_are_left_as_they_are(cache: Path, tmp_path: Path) -> None:
    before = (cache / "cache.json").stat()
    assert repair_cache(cache) == ()
    refuse_lost(cache, FrameCache.open(cache).videos)
    assert (cache / "cache.json").stat() == before
    assert repair_cache(tmp_path / "none") == ()
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("damage", [Path.unlink, cut])
def test_videos_of_a_lost_shard_are_told_and_decoded_again(
    cache: Path, squares: dict[str, Path], damage: Callable[[Path], None]
) -> None:
    damage(cache / "shard-00001.tar")
    [told] = repair_cache(cache)
    assert "shard-00001.tar is missing or truncated: its videos (2)" in told
    assert FrameCache.open(cache).videos == ("video 0", "video 1", "video 4")
    report = write_cache(cache, squares, SMALL, workers=1)
    assert (report.held, report.written) == (5, 2)
    assert repair_cache(cache) == ()


def test_a_lost_shard_is_refused_by_name_where_its_videos_are_needed(cache: Path) -> None:
    (cache / "shard-00001.tar").unlink()
    refuse_lost(cache, ["video 0", "video 4"])
    with pytest.raises(CacheError, match=r"missing or truncated: shard-00001\.tar\. Run deltaclip cache again"):
        refuse_lost(cache, ["video 0", "video 2"])


def test_of_an_index_that_was_cut_off_its_whole_lines_are_kept(cache: Path, squares: dict[str, Path]) -> None:
    cut(cache / "cache.json")
    [told] = repair_cache(cache)
    assert "cache.json was truncated: 2 videos are kept" in told
    kept = FrameCache.open(cache)
    assert (kept.videos, kept.settings) == (("video 0", "video 1"), SMALL)
    report = write_cache(cache, squares, SMALL, workers=1)
    assert (report.held, report.written) == (5, 3)


@pytest.mark.parametrize("document", [b"", b'{"format": 1, "settings": {"num', b"\0" * 900])
def test_an_index_without_a_readable_line_is_set_aside(cache: Path, squares: dict[str, Path], document: bytes) -> None:
    (cache / "cache.json").write_bytes(document)
    [told] = repair_cache(cache)
    assert "all videos are decoded again" in told
    assert (cache / "cache.json.damaged").read_bytes() == document
    assert write_cache(cache, squares, SMALL, workers=1).written == 5


def test_an_index_of_another_version_is_not_taken_for_a_damaged_one(cache: Path) -> None:
    text = (cache / "cache.json").read_text().replace('"format": 2', '"format": 3')
    (cache / "cache.json").write_text(text)
    with pytest.raises(CacheError, match="format 3, but"):
        repair_cache(cache)
    assert (cache / "cache.json").read_text() == text
