"""The frame cache: every video decoded once into shards that epochs, runs and machines share.

folder/
    cache.json          settings, and for every video the position of its record; replaced as a whole, never edited
    shard-00000.tar     32 videos: NNNNN_MMMM.TT.jpg (or .npy), NNNNN_MMMM.TT.png (or .npz, alpha), NNNNN_MMMM.json
                        (record)

A shard is a plain tar file that other tools can read too (webdataset groups its members by the part before the first
dot). Frames are found by their byte position, so that reading a clip costs the bytes of its own frames only. A video
appears in `cache.json` only after its shard is completely on disk.
"""

from deltaclip.frame_cache.clips import CachedVideos, read_video_or_cache
from deltaclip.frame_cache.index import INDEX_NAME, Source
from deltaclip.frame_cache.read import CachedFrames, FrameCache, random_places, uniform_places
from deltaclip.frame_cache.repair import refuse_lost, repair_cache
from deltaclip.frame_cache.settings import CacheSettings, stored_mask
from deltaclip.frame_cache.write import CacheFailure, CacheInUseError, CacheProgress, CacheReport, write_cache

__all__ = [
    "INDEX_NAME",
    "CacheFailure",
    "CacheInUseError",
    "CacheProgress",
    "CacheReport",
    "CacheSettings",
    "CachedFrames",
    "CachedVideos",
    "FrameCache",
    "Source",
    "random_places",
    "read_video_or_cache",
    "refuse_lost",
    "repair_cache",
    "stored_mask",
    "uniform_places",
    "write_cache",
]
