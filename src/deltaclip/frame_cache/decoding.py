"""Videos decoded and encoded anew in child processes, which may crash without taking us along."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from deltaclip.errors import PictureError, VideoError
from deltaclip.frame_cache.index import Source
from deltaclip.frame_cache.settings import CacheSettings
from deltaclip.frame_cache.shard import EncodedVideo, encode_video
from deltaclip.library import Stamp, content_of, require_unchanged, twice_if_touched
from deltaclip.pipeline import Job, Pipeline, single
from deltaclip.processes import own_work
from deltaclip.reader import read_whole

__all__ = ["decoded_videos"]

Decoded = tuple[EncodedVideo, Source]
"""A video as it goes into a shard, and the very file that it was read from."""


def decoded_videos(
    pending: Sequence[str], videos: Mapping[str, Path], settings: CacheSettings, workers: int
) -> Iterator[tuple[str, Decoded | VideoError]]:
    """The pending videos, encoded, or why not, in their order, a few ahead of the consumer.

    A file that changes while it is read is a VideoError.
    """
    jobs = (Job(video, videos[video], (settings,)) for video in pending)
    with Pipeline(single(_decoded_twice), max(min(workers, len(pending)), 1)) as pipeline:
        for job, results in pipeline.read(jobs):
            decoded: Decoded | VideoError
            try:
                [decoded] = results
            except VideoError as error:
                decoded = error
            except PictureError as error:
                remedy = "Leave it out, or keep raw pixels (--raw)."
                decoded = VideoError(str(job.path), f"{error.what} {error.found}", remedy)
            yield job.key, decoded


def _decoded_twice(path: Path, settings: CacheSettings) -> Decoded:
    """In the child, at the top level of the module, so that it is found there."""
    return twice_if_touched(partial(_decoded, path, settings))


def _decoded(path: Path, settings: CacheSettings) -> Decoded:
    stamp = Stamp.of(path)
    frames, motion, whole = read_whole(path, settings.motion_spec, settings.num_frames, settings.size)
    with own_work():
        content = content_of(path)
        require_unchanged(path, stamp)
        encoded = encode_video(frames.rgb, frames.seconds, motion, settings)
        encoded = replace(encoded, span=(whole.start, whole.end), notes=frames.notes)
        return encoded, Source.of(path, content)
