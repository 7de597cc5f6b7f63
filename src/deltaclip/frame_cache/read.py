"""Reading a cache: random access to the frames of a clip, from any process, on disk or in object storage."""

import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
from fsspec.implementations.local import LocalFileSystem
from numpy.typing import NDArray

from deltaclip.errors import CacheError
from deltaclip.frame_cache.index import INDEX_NAME, CacheIndex, Entry, Source, VideoRecord
from deltaclip.frame_cache.settings import CacheSettings
from deltaclip.frame_cache.shard import decode_alpha, decode_picture
from deltaclip.motion import MotionSpec, feed_alpha, needs_neighbours
from deltaclip.reader import measure_alpha

__all__ = ["CachedFrames", "DamagedIndexError", "FrameCache", "random_places", "read_index", "uniform_places"]


def random_places(num_cached: int, num_frames: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """One random frame in each of `num_frames` equal spans of the `num_cached` frames: the rule of X-Pool's training.

    Returns (T,) int64, ascending, 0 <= place < num_cached; without repeats as long as num_frames <= num_cached.
    """
    edges = _edges(num_cached, num_frames)
    first = edges[:-1]
    after = np.maximum(edges[1:], first + 1)
    return np.minimum(rng.integers(first, after), num_cached - 1)


def uniform_places(num_cached: int, num_frames: int) -> NDArray[np.int64]:
    """The frames nearest to the middles of `num_frames` equal spans: the rule for testing.

    Returns (T,) int64, ascending. Frame k of a cache is at (k + 0.5) / num_cached of the video.
    """
    _edges(num_cached, num_frames)
    middles = (np.arange(num_frames) + 0.5) * num_cached / num_frames
    # The middle between two cached frames goes to the later one: the frame k covers k <= place < k + 1.
    return np.minimum(middles.astype(np.int64), num_cached - 1)


def _edges(num_cached: int, num_frames: int) -> NDArray[np.int64]:
    """(T + 1,) integer borders of T spans whose lengths differ by one at most."""
    if num_cached < 1 or num_frames < 1:
        raise ValueError(f"at least one frame is needed, not {num_frames} of {num_cached}")
    return np.arange(num_frames + 1, dtype=np.int64) * num_cached // num_frames


class DamagedIndexError(CacheError):
    """cache.json is truncated or overwritten; its videos can be decoded again."""


@dataclass(frozen=True, slots=True)
class CachedFrames:
    """Some frames of a cached video, uncropped, in the order asked for.

    rgb: uint8 (T, H, W, 3). seconds: float64 (T,), on a player's clock.
    alpha: float32 (T, H, W) in 0..1, the cached mask, all ones for a frame that fell back; None without one, or if it
        was not asked for.
    velocity: float32 (T, H, W, 2) of `motion.masked_velocity`, zero for a frame that fell back; None if none is cached.
    coverage, fallback: T entries each, of the cached mask before the fallback; None without a cached mask.
    settings: of the cache; they say which mask is cached.
    """

    rgb: NDArray[np.uint8] = field(repr=False)
    seconds: NDArray[np.float64] = field(repr=False)
    alpha: NDArray[np.float32] | None = field(repr=False)
    coverage: NDArray[np.float64] | None = field(repr=False)
    fallback: tuple[str | None, ...] | None = field(repr=False)
    settings: CacheSettings
    velocity: NDArray[np.float32] | None = field(default=None, repr=False)

    def see(self, motion: str | None) -> NDArray[np.float32]:
        """Alpha float32 (T, H, W) by any mask, written as in `motion.MotionSpec`; None gives all ones.

        The cached mask is made binary or raised to a floor if the word says so. Every other mask is computed from these
        frames, because what `difference` finds depends on which frames are drawn. Raises CacheError for a mask that has
        to be cached and is not.
        """
        if motion is None:
            return np.ones(self.rgb.shape[:3], np.float32)
        spec = MotionSpec.parse(motion)
        if not needs_neighbours(spec):
            return measure_alpha(self.rgb, spec)
        if self.alpha is None or not self.settings.serves(motion):
            found = f"the cache contains {self.settings.masks}"
            raise CacheError(f"motion {motion}", found, "Make a cache with this mask: deltaclip cache --motion MASK.")
        return feed_alpha(self.alpha, spec)


class FrameCache:
    """The frames of many videos, as `write_cache` wrote them.

        cache = FrameCache.open("s3://bucket/msrvtt-cache")     # or a folder
        frames = cache.clip("video7", random_places(cache.settings.num_frames, 6, rng))
        alpha = frames.see("difference")

    It can be pickled and forked: files are opened by the process that reads them. Videos that a writer adds later
    appear when it is opened again; all others stay readable in the meantime.
    """

    def __init__(self, folder: str | Path, index: CacheIndex) -> None:
        """For `open`, which reads the index."""
        self._folder = folder
        self._index = index
        self._records: dict[str, VideoRecord] = {}

    @classmethod
    def open(cls, folder: str | Path) -> "FrameCache":
        """A folder, or an address that fsspec knows (s3://, gs://, https://, memory://). Raises CacheError."""
        return cls(folder, read_index(folder))

    def __getstate__(self) -> dict[str, Any]:  # Any: what pickle takes
        # Records are read again on demand; they need not be sent to workers.
        return {**self.__dict__, "_records": {}}

    @property
    def settings(self) -> CacheSettings:
        """What is cached of each video."""
        return self._index.settings

    @property
    def videos(self) -> tuple[str, ...]:
        """Ids of the cached videos, sorted."""
        return tuple(self._index.videos)

    def __contains__(self, video: str) -> bool:
        return video in self._index.videos

    def __len__(self) -> int:
        return len(self._index.videos)

    def source(self, video: str) -> Source:
        """The file that the video was decoded from, as it was then. Raises CacheError if the video is not cached."""
        return self.entry(video).source

    def only(self, video: str) -> "FrameCache":
        """The same cache with this video alone, which is little to send to a process that reads it."""
        return FrameCache(self._folder, replace(self._index, videos={video: self.entry(video)}))

    def clip(self, video: str, places: NDArray[np.int64], *, masks: bool = True) -> CachedFrames:
        """Frames `places` (T,) of a video, 0 <= place < settings.num_frames, in any order, with repeats allowed.

        masks: whether the stored masks are decoded too; without, alpha and velocity are None.
        Only these frames are read and decoded. Raises CacheError if the video is not cached or its shard is damaged.
        """
        if places.ndim != 1 or not len(places) or places.min() < 0 or places.max() >= self.settings.num_frames:
            raise ValueError(
                f"places must be (T,) frame numbers from 0 to {self.settings.num_frames - 1}, not {places}"
            )
        record = self.record(video)
        chosen = [record.frames[place] for place in places]
        spans = self._read(self.entry(video).shard, [(frame.offset, frame.size_bytes) for frame in chosen])
        rgb = np.empty((len(chosen), record.height, record.width, 3), np.uint8)
        spec = self.settings.motion_spec if masks else None
        alpha = None if spec is None else np.ones(rgb.shape[:3], np.float32)
        velocity = np.zeros((*rgb.shape[:3], 2), np.float32) if spec is not None and "flow" in spec.extras else None
        for row, (frame, span) in enumerate(zip(chosen, spans, strict=True)):
            picture, kept = span[: frame.picture_bytes], span[len(span) - frame.alpha_bytes :]
            if len(span) != frame.size_bytes or zlib.crc32(kept, zlib.crc32(picture)) != frame.crc32:
                raise self._damaged(video)
            rgb[row] = decode_picture(picture, self.settings.quality)
            if alpha is not None and kept:
                alpha[row], moved = decode_alpha(kept)
                if velocity is not None and moved is not None:
                    velocity[row] = moved
        return CachedFrames(
            rgb=rgb,
            seconds=np.array([record.seconds[place] for place in places], np.float64),
            alpha=alpha,
            coverage=None if record.coverage is None else np.array([record.coverage[place] for place in places]),
            fallback=None if record.fallback is None else tuple(record.fallback[place] for place in places),
            settings=self.settings,
            velocity=velocity,
        )

    def entry(self, video: str) -> Entry:
        """Where the video is and what it was made from. Raises CacheError if it is not cached."""
        try:
            return self._index.videos[video]
        except KeyError as err:
            remedy = "Run deltaclip cache again with this video, or leave it out of training."
            raise CacheError(str(self._folder), f"video {video} is not in this cache", remedy) from err

    def record(self, video: str) -> VideoRecord:
        """What is known of the video besides its pictures. Raises CacheError as `clip` does."""
        if video not in self._records:
            entry = self.entry(video)
            [document] = self._read(entry.shard, [(entry.offset, entry.size_bytes)])
            try:
                record = VideoRecord.from_bytes(document)
            except (ValueError, KeyError, TypeError) as err:
                raise self._damaged(video) from err
            if record.video != video:
                raise self._damaged(video)
            self._records[video] = record
        return self._records[video]

    def _read(self, shard: str, spans: Sequence[tuple[int, int]]) -> list[bytes]:
        """The bytes of spans (offset, size) of a shard, in one request if the storage can."""
        filesystem, root = _locate(self._folder)
        starts, ends = [offset for offset, _ in spans], [offset + size for offset, size in spans]
        path = f"{root}/{shard}"
        contents: list[bytes] = []
        # Errors are returned as results: in older versions of fsspec some storages never raise them.
        for content in filesystem.cat_ranges([path] * len(spans), starts, ends):
            if isinstance(content, Exception):
                remedy = f"Check its permissions and the network. If it is missing: {GIVE_VIDEOS}"
                raise CacheError(f"{self._folder}/{shard}", f"cannot be read ({content})", remedy) from content
            contents.append(content)
        return contents

    def _damaged(self, video: str) -> CacheError:
        shard = self.entry(video).shard
        return CacheError(
            f"{self._folder}/{shard}",
            f"its bytes of video {video} have changed since they were written",
            f"Move this shard out of the cache. {GIVE_VIDEOS}",
        )


def read_index(folder: str | Path) -> CacheIndex:
    """The index of the cache in that folder or at that address. Raises CacheError if there is none."""
    filesystem, root = _locate(folder)
    try:
        document = filesystem.cat_file(f"{root}/{INDEX_NAME}")
    except FileNotFoundError as err:
        remedy = "Make one with deltaclip cache, or check the name of the folder."
        raise CacheError(str(folder), f"no frame cache here ({INDEX_NAME} is missing)", remedy) from err
    except OSError as err:
        raise CacheError(str(folder), f"cannot be read ({err})", "Check its permissions and the network.") from err
    try:
        return CacheIndex.from_bytes(document)
    except (json.JSONDecodeError, UnicodeDecodeError) as err:
        raise DamagedIndexError(f"{folder}/{INDEX_NAME}", f"truncated or overwritten ({err})", GIVE_VIDEOS) from err
    except (ValueError, KeyError, TypeError, IndexError) as err:
        raise CacheError(f"{folder}/{INDEX_NAME}", f"not the index of a frame cache ({err})", _AGAIN) from err


GIVE_VIDEOS = (
    "Run deltaclip cache again, or train with --videos, to decode the lost videos again, or copy the cache from its "
    "source again."
)
_AGAIN = "Copy the cache from its source again, or make a new one in a new folder."


def _locate(folder: str | Path) -> tuple[Any, str]:  # Any: fsspec has no types
    """The file system of a cache and the path of its folder there.

    fsspec keeps one file system per process and makes a new one after a fork, so this is called each time.
    """
    if isinstance(folder, Path) or not ("://" in folder or "::" in folder):
        return LocalFileSystem(), str(Path(folder).absolute())
    filesystem, root = fsspec.core.url_to_fs(folder)
    return filesystem, str(root).rstrip("/")
