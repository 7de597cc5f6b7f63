"""Clips of whole videos for an encoder, from a cache in place of the files: equal to those of the reader to the bit."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from deltaclip.errors import CacheError
from deltaclip.frame_cache.read import FrameCache
from deltaclip.frame_cache.settings import CacheSettings, stored_mask
from deltaclip.library import Content, Stamp, content_of
from deltaclip.motion import extra_planes, feed_alpha, needs_neighbours
from deltaclip.names import matched
from deltaclip.provenance import VECTOR_VERSION
from deltaclip.reader import MOTION_SIDE, Clip, ReaderSpec, fit_extras, fit_to_model, fitted, join_channels, read_video

__all__ = ["CachedVideos", "read_video_or_cache"]

INSTEAD = "or leave the cache out, which decodes the videos"


class CachedVideos:
    """The videos of a cache that may stand in for their files when an encoder with these settings reads them."""

    def __init__(self, folder: str | Path, spec: ReaderSpec, videos: Sequence[str]) -> None:
        """videos: ids that will be asked for; letters may be composed differently in the cache.

        Raises CacheError if there is no cache, or if any clip made from it would differ from one that is decoded.
        """
        self._cache = FrameCache.open(folder)
        if found := differing(self._cache.settings, spec):
            raise CacheError(str(folder), "; ".join(found), _remedy(spec))
        self._held = matched(videos, self._cache.videos)

    def find(self, video: str, path: Path, stamp: Stamp, content: Content | None) -> FrameCache | None:
        """A cache with this video alone, if its frames were made from the file at `path` and by this version.

        content: of the file, if it is known. Raises VideoError if the file has to be read to tell and cannot be.
        """
        if video not in self._held:
            return None
        name = self._held[video]
        entry = self._cache.entry(name)
        source = entry.source
        if entry.version != VECTOR_VERSION or source.digest is None or source.size_bytes != stamp.size_bytes:
            return None
        if not source.is_untouched(stamp):
            content = content_of(path) if content is None else content
            if content.digest is None or content.digest.hex() != source.digest:
                return None
        return self._cache.only(name)


def read_video_or_cache(path: Path, spec: ReaderSpec, cache: FrameCache | None) -> Clip:
    """`reader.read_video`, or the same clip from a cache that `CachedVideos.find` gave.

    Raises VideoError for a file, CacheError for a cache whose bytes are damaged or missing.
    """
    return read_video(path, spec) if cache is None else _clip(cache, path, spec)


def _clip(cache: FrameCache, path: Path, spec: ReaderSpec) -> Clip:
    [video] = cache.videos
    record = cache.record(video)
    assert record.span is not None, "videos of earlier versions are not found"
    stored = spec.motion is not None and needs_neighbours(spec.motion)
    frames = cache.clip(video, np.arange(cache.settings.num_frames), masks=stored)
    coverage = np.ones(len(frames.rgb))
    fallback: tuple[str | None, ...] = (None,) * len(frames.rgb)
    planes = None
    if stored:
        assert spec.motion is not None
        assert frames.alpha is not None
        assert frames.coverage is not None
        assert frames.fallback is not None
        fed = feed_alpha(frames.alpha, spec.motion)
        pixels = fitted(frames.rgb, spec.image_size, spec.fit)
        alpha = fitted(fed, spec.image_size, spec.fit)
        planes = extra_planes(spec.motion.extras, fed, frames.velocity)
        coverage, fallback = frames.coverage, frames.fallback
    else:
        pixels, alpha, motion = fit_to_model(frames.rgb, spec)
        if motion is not None:
            assert spec.motion is not None
            planes = extra_planes(spec.motion.extras, motion.alpha, None)
            coverage, fallback = motion.coverage, motion.fallback
    extras = None if planes is None else fit_extras(planes, spec.image_size, spec.fit)
    joined = join_channels(pixels, alpha, extras)
    return Clip(joined, frames.seconds, path, *record.span, coverage, fallback, record.notes)


def differing(settings: CacheSettings, spec: ReaderSpec) -> tuple[str, ...]:
    """Why clips from a cache with these settings would differ from decoded ones, in words; empty if they would not."""
    found = []
    if spec.sampling != "uniform":
        found.append(f"it holds frames at the middles of equal spans, and sampling {spec.sampling} takes others")
    if settings.num_frames != spec.num_frames:
        found.append(f"it has {settings.num_frames} frames per video, and the encoder takes {spec.num_frames}")
    if settings.size != spec.decode_side:
        found.append(f"the short side of its pictures is {settings.size} pixels, and {spec.decode_side} are decoded")
    if settings.quality is not None:
        found.append("its pictures are JPEG, which changes pixels")
    if spec.track:
        found.append("it has no tracks for a motion encoder")
    if spec.motion is not None and not settings.serves(str(spec.motion)):
        found.append(f"it has {settings.masks}, and {spec.motion} is needed")
    elif needs_neighbours(spec.motion) and spec.decode_side != MOTION_SIDE:
        found.append(f"its masks are scaled to its pictures, and masks are measured at {MOTION_SIDE} pixels")
    return tuple(found)


def _remedy(spec: ReaderSpec) -> str:
    """How to make a cache that serves, if there is one."""
    motion = "none"
    if spec.motion is not None and needs_neighbours(spec.motion):
        motion = str(stored_mask(spec.motion))
    settings = CacheSettings(spec.num_frames, spec.decode_side, None if motion == "none" else motion, None)
    if differing(settings, spec):
        return "No cache can give these clips: leave it out, which decodes the videos."
    made = f"--frames {spec.num_frames} --size {spec.decode_side} --motion {motion} --raw"
    return f"Make one in a new folder with deltaclip cache and {made}, {INSTEAD}."
