"""Captions and a frame cache as training data: all that is missing is named, nothing is filled in."""

import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest

from deltaclip.captions import Caption, CaptionSet, Split, load_captions
from deltaclip.errors import CacheError, CaptionError, TrainingError
from deltaclip.frame_cache import CacheSettings, FrameCache, write_cache
from deltaclip.training import (
    TrainingData,
    captioned_clips,
    fill_cache,
    open_cache,
    override,
    train,
)
from deltaclip.training.captions_data import UnusableVideosError
from tests.helpers import write_square
from tests.training.tiny import tiny_recipe

RECIPE = tiny_recipe()


def caption_set(train: tuple[str, ...] = ("a", "b"), val: tuple[str, ...] = ("c",)) -> CaptionSet:
    splits = {
        name: Split(tuple(videos), tuple(Caption(f"{video} {word}", video) for video in videos for word in ("x", "y")))
        for name, videos in (("train", train), ("val", val))
    }
    return CaptionSet("folder", splits, ())


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("videos")
    for number, name in enumerate("abc"):
        write_square(folder / f"{name}.mp4", step=number)
    (folder / "broken.mp4").write_bytes(b"no video" * 100)
    return folder


@pytest.fixture(scope="module")
def cache(videos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cache") / "frames"
    write_cache(folder, {name: videos / f"{name}.mp4" for name in "abc"}, CacheSettings(8, 64, None), workers=1)
    return folder


def test_captions_keep_their_videos_and_splits(cache: Path) -> None:
    data = captioned_clips(caption_set(), open_cache(cache, RECIPE), RECIPE)
    assert data.validation is not None
    assert (data.train.video_ids, data.train.owner.tolist()) == (("a", "b"), [0, 0, 1, 1])
    assert (data.train.caption(3, None), data.validation.caption(0, None)) == ("b y", "c x")
    assert (data.facts["captions"], data.facts["validation_videos"], data.facts["videos_left_out"]) == (4, 1, 0)
    assert data.side == 64


def test_pictures_are_the_cached_ones_with_the_mask_made_of_them(cache: Path) -> None:
    data = captioned_clips(caption_set(), open_cache(cache, RECIPE), RECIPE)
    pictures = data.train.pictures(1, 2, None)
    kept = FrameCache.open(cache).clip("b", np.array([2, 6]))
    assert np.array_equal(pictures.rgb, kept.rgb)
    assert np.array_equal(pictures.alpha, kept.see("difference"))
    assert pictures.alpha.max() == 1.0


def test_random_frames_vary_and_follow_from_the_generator(cache: Path) -> None:
    train = captioned_clips(caption_set(), open_cache(cache, RECIPE), RECIPE).train
    seen = [train.pictures(1, 2, np.random.default_rng(seed)).rgb for seed in (0, 0, 1, 2, 3)]
    assert np.array_equal(seen[0], seen[1])
    assert any(not np.array_equal(seen[0], other) for other in seen[2:])


def test_missing_and_broken_videos_are_all_named_before_the_first_step(videos: Path, tmp_path: Path) -> None:
    captions = caption_set(("a", "broken", "gone"), ("c", "lost"))
    with pytest.raises(TrainingError, match=r"3 videos") as error:
        fill_cache(captions, videos, tmp_path / "frames", RECIPE)
    assert all(name in str(error.value) for name in ("broken", "gone", "lost", "--allow-missing"))


def test_they_are_left_out_and_counted_where_that_is_allowed(videos: Path, tmp_path: Path) -> None:
    captions = caption_set(("a", "broken", "gone"), ("c",))
    fill_cache(captions, videos, tmp_path / "frames", RECIPE, allow_missing=True)
    opened = open_cache(tmp_path / "frames", RECIPE)
    data = captioned_clips(captions, opened, RECIPE, allow_missing=True)
    assert (data.train.video_ids, data.facts["videos_left_out"]) == (("a",), 2)
    with pytest.raises(TrainingError, match=r"(?s)2 videos.*broken: not in the cache.*gone: not in the cache"):
        captioned_clips(captions, opened, RECIPE)


def test_an_empty_train_split_is_an_error(cache: Path) -> None:
    with pytest.raises(CaptionError, match="no captions in its train split"):
        captioned_clips(caption_set(train=()), open_cache(cache, RECIPE), RECIPE)


def test_a_train_split_without_any_video_is_an_error(cache: Path) -> None:
    with pytest.raises(TrainingError, match=r"cannot be trained with: gone: .* No others are left to train on"):
        captioned_clips(caption_set(("gone",)), open_cache(cache, RECIPE), RECIPE, allow_missing=True)


def test_captions_about_moments_are_refused(cache: Path) -> None:
    moment = Caption("a x", "a", ((0.0, 1.0),))
    captions = CaptionSet("folder", {"train": Split(("a",), (moment,))}, ())
    with pytest.raises(CaptionError, match="describes a moment"):
        captioned_clips(captions, open_cache(cache, RECIPE), RECIPE)


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("data.motion=subject", "no masks, and subject is needed"),
        ("data.test_frames=12", "8 frames per video, and 12 are needed"),
    ],
)
def test_a_cache_of_other_settings_is_refused_with_the_difference(
    cache: Path, videos: Path, setting: str, words: str
) -> None:
    recipe = override(RECIPE, [setting])
    with pytest.raises(CacheError, match=words):
        open_cache(cache, recipe)
    with pytest.raises(CacheError, match=words):
        fill_cache(caption_set(), videos, cache, recipe)


def test_a_cache_is_filled_with_what_it_lacks_by_its_own_settings(videos: Path, tmp_path: Path) -> None:
    write_cache(tmp_path / "frames", {"a": videos / "a.mp4"}, CacheSettings(8, 64, None), workers=1)
    fill_cache(caption_set(), videos, tmp_path / "frames", RECIPE)
    cache = FrameCache.open(tmp_path / "frames")
    assert (cache.videos, cache.settings.num_frames) == (("a", "b", "c"), 8)


@pytest.mark.parametrize("workers", [0, 1])
def test_a_cache_that_is_damaged_on_the_way_says_where(cache: Path, tmp_path: Path, workers: int) -> None:
    copied = shutil.copytree(cache, tmp_path / "frames")
    data = captioned_clips(caption_set(), open_cache(copied, RECIPE), RECIPE)
    [shard] = copied.glob("*.tar")
    shard.write_bytes(b"\0" * shard.stat().st_size)
    with pytest.raises(CacheError, match=r"shard-00000\.tar.*have changed since they were written"):
        train(RECIPE, data, tmp_path / "out", device="cpu", workers=workers)


def test_many_missing_videos_are_counted_and_all_listed(cache: Path) -> None:
    captions = caption_set(tuple(f"gone{number:03d}" for number in range(500)))
    with pytest.raises(
        UnusableVideosError, match="500 videos: cannot be trained with: gone000: not in the cache; "
    ) as e:
        captioned_clips(captions, open_cache(cache, RECIPE), RECIPE)
    assert "gone009: not in the cache and 490 more. Fix them" in str(e.value)
    assert len(pickle.loads(pickle.dumps(e.value)).listed) == 500
    assert "\n" not in str(e.value)


def test_videos_left_out_are_named(cache: Path) -> None:
    data = captioned_clips(caption_set(("a", "b", "gone")), open_cache(cache, RECIPE), RECIPE, allow_missing=True)
    assert data.notes == ("1 video is missing or broken; its captions are left out: gone",)


def test_validation_on_videos_that_are_trained_on_is_told(cache: Path) -> None:
    data = captioned_clips(caption_set(("a", "b"), ("b", "c")), open_cache(cache, RECIPE), RECIPE)
    [note] = data.notes
    assert note == "1 video of the validation is in the training split too, so validation metrics are not meaningful: b"


def test_a_table_without_splits_is_named_and_told_that_its_rows_count_as_test(cache: Path, tmp_path: Path) -> None:
    table = tmp_path / "mine.csv"
    table.write_text("path,caption\na,a dog\n")
    with pytest.raises(CaptionError, match=r"mine\.csv: no captions in its train split, only test 1 video.*as test"):
        captioned_clips(load_captions("folder", table), open_cache(cache, RECIPE), RECIPE)


def test_going_on_with_another_cache_is_refused_with_the_difference(cache: Path, videos: Path, tmp_path: Path) -> None:
    files = {name: videos / f"{name}.mp4" for name in "abc"}
    write_cache(tmp_path / "frames", files, CacheSettings(6, 48, None), workers=1)
    first, other = (
        captioned_clips(caption_set(), open_cache(each, RECIPE), RECIPE) for each in (cache, tmp_path / "frames")
    )
    recipe = override(RECIPE, ["optim.steps=1"])
    train(recipe, first, tmp_path / "out", device="cpu", workers=0)
    with pytest.raises(
        TrainingError, match=r"clips\.cache\.num_frames 8, not 6; clips\.cache\.size 64, not 48\. Resume it"
    ):
        train(recipe, other, tmp_path / "out", device="cpu", workers=0, resume=True)


def test_going_on_with_a_changed_video_or_others_left_out_names_them(videos: Path, tmp_path: Path) -> None:
    own = shutil.copytree(videos, tmp_path / "videos")
    captions, recipe = caption_set(("a", "b", "gone")), override(RECIPE, ["optim.steps=1"])

    def data(captions: CaptionSet) -> TrainingData:
        fill_cache(captions, own, tmp_path / "frames", recipe, allow_missing=True)
        return captioned_clips(captions, open_cache(tmp_path / "frames", recipe), recipe, allow_missing=True)

    train(recipe, data(captions), tmp_path / "out", device="cpu", workers=0)
    write_square(own / "a.mp4", step=5)
    write_square(own / "gone.mp4", step=7)
    (own / "b.mp4").unlink()  # held by the cache, and so still the same
    with pytest.raises(TrainingError, match=r"; a \d+ bytes, .*, not \d+ bytes, .*; gone left out, not \d+ bytes"):
        train(recipe, data(captions), tmp_path / "out", device="cpu", workers=0, resume=True)


def test_videos_are_held_by_the_letters_of_their_names(tmp_path: Path) -> None:
    typed, kept = "caf\u00e9", "cafe\u0301"
    own = tmp_path / "own"
    own.mkdir()
    write_square(own / f"{kept}.mp4")
    fill_cache(caption_set((kept,), ()), own, tmp_path / "frames", RECIPE)
    captions = caption_set((typed,), ())
    settings = FrameCache.open(tmp_path / "frames").settings
    report = write_cache(tmp_path / "frames", {typed: own / f"{kept}.mp4"}, settings)
    assert (report.held, report.written) == (1, 0)
    cache = open_cache(tmp_path / "frames", RECIPE)
    data = captioned_clips(captions, cache, RECIPE)
    assert data.train.video_ids == (kept,)
    assert data.train.pictures(0, 4, None).rgb.shape[0] == 4
    assert list(data.sources) == [typed]
