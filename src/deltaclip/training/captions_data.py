"""Captions and cached frames of a data set as training data."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deltaclip.captions import Caption, CaptionSet, VideoFiles, find_videos
from deltaclip.errors import CacheError, CaptionError, DeltaclipError, TrainingError
from deltaclip.frame_cache import (
    INDEX_NAME,
    CacheProgress,
    CacheSettings,
    FrameCache,
    Source,
    random_places,
    refuse_lost,
    repair_cache,
    stored_mask,
    uniform_places,
    write_cache,
)
from deltaclip.motion import MotionSpec, needs_neighbours
from deltaclip.names import matched
from deltaclip.provenance import digest
from deltaclip.training.recipe import Recipe
from deltaclip.training.source import Pictures, TrainingData
from deltaclip.wording import count, listed

__all__ = ["CachedClips", "UnusableVideosError", "captioned_clips", "fill_cache", "new_cache_settings", "open_cache"]
__all__ += ["prepare_clips"]

SPLITS = ("train", "val")
LEFT_OUT = "left out"


class UnusableVideosError(TrainingError):
    """Videos that a run needs and cannot use. listed: all of them with their reasons; `found` names the first ones."""

    def __init__(self, what: str, found: str, remedy: str, listed: dict[str, str]) -> None:
        super().__init__(what, found, remedy)
        self.listed = listed

    def __reduce__(self) -> tuple[type["UnusableVideosError"], tuple[str, str, str, dict[str, str]]]:
        return type(self), (self.what, self.found, self.remedy, self.listed)


class CachedClips:
    """The pairs of a split, with frames from a cache."""

    unit = 1
    in_memory = False

    def __init__(self, captions: Sequence[Caption], videos: Sequence[str], cache: FrameCache, motion: str) -> None:
        numbers = {video: number for number, video in enumerate(videos)}
        self.video_ids = tuple(videos)
        self.owner = np.array([numbers[caption.video] for caption in captions], np.int64)
        self._texts = [caption.text for caption in captions]
        self._cache, self._motion = cache, motion
        self._masks = needs_neighbours(MotionSpec.parse(motion))  # others are made of the frames, or of nothing

    @property
    def alike(self) -> NDArray[np.int64]:
        """Captions of one video."""
        return self.owner

    def caption(self, number: int, rng: np.random.Generator | None, epoch: int = 0) -> str:
        """The caption as written."""
        return self._texts[number]

    def pictures(self, video: int, num_frames: int, rng: np.random.Generator | None) -> Pictures:
        """Cached frames, one in each of equal spans, with the cached mask or one computed from these frames."""
        kept = self._cache.settings.num_frames
        places = uniform_places(kept, num_frames) if rng is None else random_places(kept, num_frames, rng)
        frames = self._cache.clip(self.video_ids[video], places, masks=self._masks)
        return Pictures(frames.rgb, frames.see(self._motion), velocity=frames.velocity)


@dataclass(frozen=True, slots=True)
class Wanted:
    """The videos that a run needs: those of the train and val captions, in order, each once."""

    videos: tuple[str, ...]

    @classmethod
    def of(cls, captions: CaptionSet) -> "Wanted":
        """The videos of both splits, those of train first."""
        return cls(tuple(dict.fromkeys(caption.video for split in SPLITS for caption in _captions(captions, split))))


def fill_cache(
    captions: CaptionSet,
    videos: Path,
    folder: Path,
    recipe: Recipe,
    *,
    allow_missing: bool = False,
    progress: Callable[[CacheProgress], None] | None = None,
) -> None:
    """Decodes the videos that the cache at `folder` does not contain yet; all missing and broken ones are named.

    Raises TrainingError for these unless `allow_missing`, CacheError if the cache has different settings or cannot be
    written, CaptionError if `videos` is not a folder or an id fits two files.
    """
    found: VideoFiles = find_videos(videos, Wanted.of(captions).videos)
    there = (folder / INDEX_NAME).is_file()
    settings = open_cache(folder, recipe).settings if there else new_cache_settings(recipe)
    report = write_cache(folder, found.found, settings, allow_missing=True, progress=progress)
    unseen = f"; {found.unreadable[0]}" if found.unreadable else ""
    bad = {video: f"no such file below {videos}{unseen}" for video in found.missing}
    bad |= {failure.video: failure.reason for failure in report.failures}
    if bad and not allow_missing:
        raise _unusable(bad, "Fix them, or leave their captions out: allow_missing (--allow-missing).")


def prepare_clips(
    captions: CaptionSet,
    videos: Path | None,
    folder: Path,
    recipe: Recipe,
    *,
    allow_missing: bool = False,
    progress: Callable[[CacheProgress], None] | None = None,
    note: Callable[[str], None] = lambda text: None,
) -> TrainingData:
    """The data of a run: frames of `videos` that the cache at `folder` lacks are decoded now.

    videos: None, and under torchrun, takes the cache as it is. note: called with what was repaired in the cache.
    Raises as `fill_cache`, `open_cache` and `captioned_clips`.
    """
    if videos is not None and os.environ.get("WORLD_SIZE", "1") == "1":
        for text in repair_cache(folder):
            note(text)
        fill_cache(captions, videos, folder, recipe, allow_missing=allow_missing, progress=progress)
    data = captioned_clips(captions, open_cache(folder, recipe), recipe, allow_missing=allow_missing)
    held_out = () if data.validation is None else data.validation.video_ids
    refuse_lost(folder, (*data.train.video_ids, *held_out))
    return data


def open_cache(folder: str | Path, recipe: Recipe) -> FrameCache:
    """A cache that serves a recipe; a model too large for its pictures is refused later.

    Raises CacheError if there is none, or if it lacks what the recipe needs.
    """
    cache = FrameCache.open(folder)
    lacking = cache.settings.lacks(max(recipe.data.frames, recipe.data.test_frames), recipe.data.motion)
    if lacking:
        remedy = "Make a new one in a new folder with deltaclip cache and matching --frames and --motion."
        raise CacheError(str(folder), "; ".join(lacking), remedy)
    return cache


def captioned_clips(
    captions: CaptionSet, cache: FrameCache, recipe: Recipe, *, allow_missing: bool = False
) -> TrainingData:
    """The train and val splits of a data set as training data.

    Raises TrainingError naming all videos that the cache does not contain (with `allow_missing` their captions are left
    out, with a note), CaptionError if no train caption is left or captions describe moments.
    """
    wanted = Wanted.of(captions).videos
    held = matched(wanted, cache.videos)
    missing = {video: "not in the cache" for video in wanted if video not in held}
    if missing and not allow_missing:
        raise _unusable(missing, "Fix them, or leave their captions out: allow_missing (--allow-missing).")
    splits = {}
    for split in SPLITS:
        kept = [
            replace(caption, video=held[caption.video])
            for caption in _captions(captions, split)
            if caption.video in held
        ]
        videos = tuple(dict.fromkeys(caption.video for caption in kept))
        splits[split] = CachedClips(kept, videos, cache, recipe.data.motion) if kept else None
    train, validation = splits["train"], splits["val"]
    if train is None:
        raise _nothing_to_train_on(captions, missing)
    sources = {video: _identity(cache.source(held[video])) if video in held else LEFT_OUT for video in wanted}
    pairs = [(caption.video, caption.text) for split in SPLITS for caption in _captions(captions, split)]
    facts = {
        "dataset": captions.dataset,
        "captions": len(train.owner),
        "videos": len(train.video_ids),
        "validation_captions": 0 if validation is None else len(validation.owner),
        "validation_videos": 0 if validation is None else len(validation.video_ids),
        "videos_left_out": len(missing),
        "digest": digest(pairs),
        "cache": cache.settings.to_json(),
        "sources": digest(sources),
    }
    return TrainingData(
        train,
        validation,
        [text for _, text in pairs],
        facts,
        side=cache.settings.size,
        sources=sources,
        notes=_notes(train, validation, list(missing)),
    )


def _captions(captions: CaptionSet, split: str) -> tuple[Caption, ...]:
    """The captions of a split, none if there are none. Refuses captions that describe moments."""
    found = captions.splits.get(split)
    rows = () if found is None or found.captions is None else found.captions
    about_moments = next((caption for caption in rows if caption.windows), None)
    if about_moments is not None:
        what = f"{about_moments.video}: {about_moments.text!r}"
        remedy = "Cut the moments into files of their own, or remove the columns start and end."
        raise CaptionError(what, "describes a moment of its video, but training uses whole videos", remedy)
    return rows


def new_cache_settings(recipe: Recipe) -> CacheSettings:
    """Settings of a new cache for a recipe; its frames and size suit other recipes too."""
    motion = MotionSpec.parse(recipe.data.motion)
    frames = max(CacheSettings().num_frames, recipe.data.frames, recipe.data.test_frames)
    return CacheSettings(num_frames=frames, motion=str(stored_mask(motion)) if needs_neighbours(motion) else None)


def _identity(source: Source) -> str:
    """Identifies the file that a video was decoded from, as the cache does."""
    if source.digest is not None:
        return f"{source.size_bytes} bytes, digest {source.digest}"
    seconds, fraction = divmod(source.mtime_ns, 10**9)
    changed = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")
    return f"{source.size_bytes} bytes of {changed}.{fraction:09d}"


def _notes(train: CachedClips, validation: CachedClips | None, missing: Sequence[str]) -> tuple[str, ...]:
    notes = []
    if missing:
        are, their = ("is", "its") if len(missing) == 1 else ("are", "their")
        notes.append(
            f"{count(len(missing), 'video')} {are} missing or broken; {their} captions are left out: {listed(missing)}"
        )
    known = set(train.video_ids)
    both = [video for video in (() if validation is None else validation.video_ids) if video in known]
    if both:
        notes.append(
            f"{count(len(both), 'video')} of the validation {'is' if len(both) == 1 else 'are'} in the training split "
            f"too, so validation metrics are not meaningful: {listed(both)}"
        )
    return tuple(notes)


def _nothing_to_train_on(captions: CaptionSet, missing: dict[str, str]) -> DeltaclipError:
    rows = _captions(captions, "train")
    bad = {caption.video: missing[caption.video] for caption in rows}
    if bad:
        return _unusable(bad, "No others are left to train on: fix them, or give a different folder of videos.")
    there = ", ".join(f"{name} {count(len(split.videos), 'video')}" for name, split in captions.splits.items())
    remedy = "Give captions with split=train, or the folder that holds the training split."
    if captions.dataset == "folder":
        remedy = "Give a column split with train, val or test in each row; rows without one count as test."
    return CaptionError(captions.source or captions.dataset, f"no captions in its train split, only {there}", remedy)


def _unusable(reasons: dict[str, str], remedy: str) -> TrainingError:
    words = listed([f"{video}: {reason.rstrip('.')}" for video, reason in reasons.items()], "; ")
    return UnusableVideosError(count(len(reasons), "video"), f"cannot be trained with: {words}", remedy, reasons)
