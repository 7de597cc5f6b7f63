"""Random access to what a cache holds."""

import io
import pickle
import tarfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import fsspec
import numpy as np
import pytest

from deltaclip.errors import CacheError
from deltaclip.frame_cache import CachedFrames, CacheSettings, FrameCache, write_cache
from deltaclip.motion import MotionSpec
from deltaclip.reader import read_motion
from tests.frame_cache.conftest import SMALL

ALL = np.arange(5)


@pytest.fixture(scope="module")
def cache_folder(_squares: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cache")
    write_cache(folder, _squares, CacheSettings(num_frames=5, size=64, motion="subject", quality=None), workers=2)
    return folder


def same(one: CachedFrames, other: CachedFrames) -> bool:
    assert one.alpha is not None
    assert other.alpha is not None
    return np.array_equal(one.rgb, other.rgb) and np.array_equal(one.alpha, other.alpha)


def test_it_tells_what_it_holds(cache_folder: Path) -> None:
    cache = FrameCache.open(cache_folder)
    assert cache.videos == tuple(f"video {number}" for number in range(5))
    assert cache.settings.num_frames == 5
    assert "video 3" in cache
    assert "video 9" not in cache
    assert cache.source("video 3").path.endswith("3.mp4")


def test_frames_taken_one_by_one_are_the_frames_taken_in_a_row(cache_folder: Path) -> None:
    cache = FrameCache.open(cache_folder)
    whole = cache.clip("video 2", ALL)
    assert whole.rgb.shape == (5, 64, 64, 3)
    for place in (4, 0, 3):
        alone = cache.clip("video 2", np.array([place]))
        assert np.array_equal(alone.rgb[0], whole.rgb[place])
        assert alone.seconds[0] == whole.seconds[place]
    twice = cache.clip("video 2", np.array([3, 1, 3]))
    assert np.array_equal(twice.rgb, whole.rgb[[3, 1, 3]])


def test_raw_frames_are_those_that_the_reader_sees(cache_folder: Path, squares: dict[str, Path]) -> None:
    frames, motion = read_motion(squares["video 1"], MotionSpec("subject"), 5, 224)
    held = FrameCache.open(cache_folder).clip("video 1", ALL)
    assert np.array_equal(held.seconds, frames.seconds)
    # Held at 64 pixels, a whole fraction of neither 224: compared by their means in blocks.
    assert np.abs(held.rgb.mean((1, 2)) - frames.rgb.mean((1, 2))).max() < 1
    assert held.fallback == motion.fallback
    assert held.coverage is not None
    assert np.allclose(held.coverage, motion.coverage)


def test_masks_of_the_drawn_frames_depend_on_which_are_drawn(cache_folder: Path) -> None:
    cache = FrameCache.open(cache_folder)
    near, far = cache.clip("video 0", np.array([0, 1])), cache.clip("video 0", np.array([0, 4]))
    assert not np.array_equal(near.see("difference")[0], far.see("difference")[0])
    assert near.see("full").min() == 1.0
    assert near.see(None).min() == 1.0
    centre = near.see("centre")
    assert centre.shape == (2, 64, 64)
    assert centre[:, 20:44, 20:44].min() == 1.0
    assert centre[:, :12].max() == 0.0


def test_the_kept_mask_is_made_binary_and_lifted_when_reading() -> None:
    alpha = np.array([[[0.0, 0.4], [0.6, 1.0]]], np.float32)
    rgb = np.zeros((1, 2, 2, 3), np.uint8)
    frames = CachedFrames(rgb, np.zeros(1), alpha, np.zeros(1), (None,), CacheSettings())
    assert frames.see("subject:binary").tolist() == [[[0, 0], [1, 1]]]
    assert np.allclose(frames.see("subject:floor=0.5"), [[[0.5, 0.7], [0.8, 1.0]]])


@pytest.mark.parametrize("kept", [None, "subject:binary"])
def test_a_mask_that_is_not_kept_is_an_error_not_a_full_mask(kept: str | None) -> None:
    rgb = np.zeros((1, 2, 2, 3), np.uint8)
    alpha = None if kept is None else np.ones((1, 2, 2), np.float32)
    with pytest.raises(CacheError, match="the cache contains"):
        CachedFrames(rgb, np.zeros(1), alpha, None, None, CacheSettings(motion=kept)).see("subject")


def test_readers_in_other_threads_and_after_pickling_see_the_same(cache_folder: Path) -> None:
    cache = FrameCache.open(cache_folder)
    expected = [cache.clip(video, ALL) for video in cache.videos]
    copy = pickle.loads(pickle.dumps(cache))
    with ThreadPoolExecutor(4) as pool:
        for reader in (cache, copy, FrameCache.open(cache_folder)):
            results = list(pool.map(lambda video, reader=reader: reader.clip(video, ALL), list(cache.videos) * 4))
            assert all(same(one, other) for one, other in zip(results, expected * 4, strict=True))


@pytest.mark.parametrize("scheme", ["memory", "file"])
def test_it_is_read_from_any_storage_that_fsspec_knows(cache_folder: Path, scheme: str) -> None:
    address = f"file://{cache_folder}"
    if scheme == "memory":
        address = "memory://bucket/cache"
        for path in cache_folder.iterdir():
            with fsspec.open(f"{address}/{path.name}", "wb") as file:
                file.write(path.read_bytes())
    away, here = FrameCache.open(address), FrameCache.open(str(cache_folder))
    assert away.videos == here.videos
    assert same(away.clip("video 4", ALL), here.clip("video 4", ALL))


def test_shards_are_tars_whose_members_share_a_key_before_the_first_dot(cache_folder: Path) -> None:
    with tarfile.open(cache_folder / "shard-00000.tar") as tar:
        members = {member.name: tar.extractfile(member).read() for member in tar}  # type: ignore[union-attr]
    keys = {name.partition(".")[0] for name in members}
    assert len(keys) == 5
    held = FrameCache.open(cache_folder).clip("video 2", np.array([3])).rgb[0]
    assert np.array_equal(np.load(io.BytesIO(members["00000_0002.03.npy"])), held)


def test_a_video_that_is_not_held_and_a_folder_without_a_cache_are_named(cache_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(CacheError, match="video 77 is not in this cache"):
        FrameCache.open(cache_folder).clip("video 77", ALL)
    with pytest.raises(CacheError, match="no frame cache here"):
        FrameCache.open(tmp_path)
    (tmp_path / "cache.json").write_text('{"format": 99}')
    with pytest.raises(CacheError, match="format 99"):
        FrameCache.open(tmp_path)


def test_places_outside_the_cache_are_refused(cache_folder: Path) -> None:
    with pytest.raises(ValueError, match="from 0 to 4"):
        FrameCache.open(cache_folder).clip("video 0", np.array([5]))


def test_changed_bytes_and_missing_shards_are_errors_that_name_the_shard(
    squares: dict[str, Path], tmp_path: Path
) -> None:
    write_cache(tmp_path, {"one": squares["video 0"]}, SMALL)
    shard = tmp_path / "shard-00000.tar"
    content = bytearray(shard.read_bytes())
    content[700] ^= 1  # in the first picture: the first member's head is 512 bytes
    shard.write_bytes(content)
    cache = FrameCache.open(tmp_path)
    with pytest.raises(CacheError, match=r"shard-00000.tar: its bytes of video one have changed"):
        cache.clip("one", np.array([0]))
    assert cache.clip("one", np.array([1])).rgb.shape == (1, 64, 64, 3)
    shard.unlink()
    with pytest.raises(CacheError, match=r"shard-00000.tar: cannot be read"):
        FrameCache.open(tmp_path).clip("one", ALL)


def test_masks_that_nobody_asked_for_are_not_decoded(cache_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = FrameCache.open(cache_folder)
    whole = cache.clip("video 2", ALL)
    monkeypatch.setattr("deltaclip.frame_cache.read.decode_alpha", None)  # calling it would raise
    bare = cache.clip("video 2", ALL, masks=False)
    assert np.array_equal(bare.rgb, whole.rgb)
    assert bare.alpha is None
    assert np.array_equal(bare.see("difference"), whole.see("difference"))
    with pytest.raises(CacheError, match="motion subject"):
        bare.see("subject")
