"""A clip from a cache is the clip that decoding gives, to the bit, or the cache is refused."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from deltaclip.errors import CacheError
from deltaclip.frame_cache import CachedVideos, CacheSettings, FrameCache, read_video_or_cache, write_cache
from deltaclip.frame_cache.index import CacheIndex
from deltaclip.frame_cache.write import write_index
from deltaclip.library import Stamp
from deltaclip.motion import MotionSpec
from deltaclip.provenance import VECTOR_VERSION
from deltaclip.reader import Clip, ReaderSpec, read_video

FOUR = CacheSettings(num_frames=4, size=224, motion="subject", quality=None)
MOVING = replace(FOUR, motion="subject+flow")


def spec_of(motion: str | None, image_size: int = 32, fit: str = "crop") -> ReaderSpec:
    return ReaderSpec(image_size, 4, None if motion is None else MotionSpec.parse(motion), fit=fit)


@pytest.fixture(scope="module")
def folder(_squares: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("exact")
    write_cache(made, dict(list(_squares.items())[:2]), FOUR, workers=1)
    return made


@pytest.fixture(scope="module")
def with_flow(_squares: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("flow")
    write_cache(made, {"video 1": _squares["video 1"]}, MOVING, workers=1)
    return made


def cached(folder: Path, path: Path, spec: ReaderSpec, video: str = "video 1") -> FrameCache | None:
    return CachedVideos(folder, spec, [video]).find(video, path, Stamp.of(path), None)


def same(one: Clip, other: Clip) -> bool:
    arrays = ("frames", "seconds", "coverage")
    facts = ("path", "start", "end", "fallback", "notes", "track")
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in arrays) and all(
        getattr(one, name) == getattr(other, name) for name in facts
    )


@pytest.mark.parametrize("size", [32, 224])
@pytest.mark.parametrize("fit", ["crop", "squash"])
@pytest.mark.parametrize(
    "motion",
    [
        "subject",
        "subject:binary",
        "subject:floor=0.2",
        "subject:binary,floor=0.3",
        "difference",
        "random",
        "full",
        None,
    ],
)
def test_a_clip_from_the_cache_is_the_decoded_one(
    folder: Path, squares: dict[str, Path], motion: str | None, fit: str, size: int
) -> None:
    spec = spec_of(motion, size, fit)
    path = squares["video 1"]
    found = cached(folder, path, spec)
    assert found is not None
    assert same(read_video_or_cache(path, spec, found), read_video(path, spec))


@pytest.mark.parametrize("size", [32, 224])
@pytest.mark.parametrize("motion", ["subject", "subject+flow", "subject+flow+time:binary", "subject+time:floor=0.1"])
def test_what_is_fed_beside_the_mask_is_kept_exactly_too(
    with_flow: Path, squares: dict[str, Path], motion: str, size: int
) -> None:
    spec, path = spec_of(motion, size), squares["video 1"]
    found = cached(with_flow, path, spec)
    assert found is not None
    clip = read_video_or_cache(path, spec, found)
    assert clip.frames.shape[1] == 4 + 2 * ("flow" in motion) + ("time" in motion)
    assert same(clip, read_video(path, spec))


def test_time_is_made_of_masks_that_are_made_of_the_frames(folder: Path, squares: dict[str, Path]) -> None:
    spec, path = spec_of("difference+time"), squares["video 1"]
    found = cached(folder, path, spec)
    assert found is not None
    assert same(read_video_or_cache(path, spec, found), read_video(path, spec))


def test_a_larger_encoder_is_served_at_its_own_size_without_masks_of_neighbours(
    tmp_path: Path, squares: dict[str, Path]
) -> None:
    write_cache(tmp_path, {"video 1": squares["video 1"]}, replace(FOUR, size=256, motion=None), workers=1)
    spec, path = spec_of("difference", 256), squares["video 1"]
    found = cached(tmp_path, path, spec)
    assert found is not None
    assert same(read_video_or_cache(path, spec, found), read_video(path, spec))


@pytest.mark.parametrize(
    ("settings", "spec", "words"),
    [
        (replace(FOUR, num_frames=5), spec_of("subject"), "5 frames per video, and the encoder takes 4"),
        (replace(FOUR, size=64), spec_of("subject"), "is 64 pixels, and 224 are decoded"),
        (replace(FOUR, quality=90), spec_of("subject"), "JPEG"),
        (replace(FOUR, motion=None), spec_of("subject"), "it has no masks, and subject is needed"),
        (FOUR, spec_of("subject+flow"), "it has masks subject, and subject.flow is needed"),
        (replace(FOUR, motion="subject:binary"), spec_of("subject"), "masks subject:binary, and subject is needed"),
        (FOUR, replace(spec_of("subject"), sampling="keyframes"), "sampling keyframes takes others"),
    ],
)
def test_a_cache_whose_clips_would_differ_is_refused_with_the_cache_that_would_serve(
    tmp_path: Path, settings: CacheSettings, spec: ReaderSpec, words: str
) -> None:
    write_index(tmp_path, CacheIndex(settings))
    with pytest.raises(CacheError, match=words) as refused:
        CachedVideos(tmp_path, spec, [])
    if spec.sampling == "uniform":
        assert f"--frames 4 --size 224 --motion {spec.motion!s} --raw" in str(refused.value)
    else:
        assert "No cache can give these clips" in str(refused.value)


def test_masks_that_are_scaled_with_larger_pictures_are_refused(tmp_path: Path) -> None:
    write_index(tmp_path, CacheIndex(replace(FOUR, size=336)))
    with pytest.raises(CacheError, match=r"masks are measured at 224 pixels\. No cache can give these clips"):
        CachedVideos(tmp_path, spec_of("subject", 336), [])


def test_a_file_of_other_bytes_is_not_the_cached_one_and_a_copy_is(
    folder: Path, squares: dict[str, Path], tmp_path: Path
) -> None:
    copy = tmp_path / "copy.mp4"
    copy.write_bytes(squares["video 1"].read_bytes())
    assert cached(folder, copy, spec_of("full")) is not None
    assert cached(folder, squares["video 0"], spec_of("full")) is None
    assert cached(folder, copy, spec_of("full"), "video 3") is None
    changed = bytearray(copy.read_bytes())
    changed[-1] ^= 1
    copy.write_bytes(changed)
    assert cached(folder, copy, spec_of("full")) is None


@pytest.mark.parametrize("version", [None, 1])
def test_what_an_earlier_version_decoded_is_decoded_again(
    folder: Path, squares: dict[str, Path], tmp_path: Path, version: int | None
) -> None:
    index = FrameCache.open(folder)._index
    older = {video: replace(entry, version=version) for video, entry in index.videos.items()}
    write_index(tmp_path, replace(index, videos=older))
    assert cached(tmp_path, squares["video 1"], spec_of("full")) is None


def test_a_cache_of_the_first_format_is_read_for_training_and_not_for_evaluation(
    folder: Path, squares: dict[str, Path], tmp_path: Path
) -> None:
    for file in folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    index = (tmp_path / "cache.json").read_text().replace('"format": 2', '"format": 1')
    (tmp_path / "cache.json").write_text(index.replace(f'", {VECTOR_VERSION}]', '"]'))
    assert len(FrameCache.open(tmp_path).clip("video 1", np.arange(4)).rgb) == 4
    assert cached(tmp_path, squares["video 1"], spec_of("full")) is None


def test_a_damaged_shard_is_named(folder: Path, squares: dict[str, Path], tmp_path: Path) -> None:
    for file in folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    shard = tmp_path / "shard-00000.tar"
    shard.write_bytes(shard.read_bytes()[:5000])
    found = cached(tmp_path, squares["video 1"], spec_of("full"))
    with pytest.raises(CacheError, match=r"shard-00000\.tar"):
        read_video_or_cache(squares["video 1"], spec_of("full"), found)
