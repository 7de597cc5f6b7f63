"""The frame cache: every video decoded once into shards that epochs, runs and machines share.

folder/
    cache.json          settings, and for every video the position of its record; replaced as a whole, never edited
    shard-00000.tar     32 videos: NNNNN_MMMM.TT.jpg (or .npy), NNNNN_MMMM.TT.png (alpha), NNNNN_MMMM.json (record)

A shard is a plain tar file that other tools can read too (webdataset groups its members by the part before the first
dot). Frames are found by their byte position, so that reading a clip costs the bytes of its own frames only. A video
appears in `cache.json` only after its shard is completely on disk.
"""

from deltaclip.training.cache.read import CachedFrames, FrameCache, random_places, uniform_places
from deltaclip.training.cache.repair import refuse_lost, repair_cache
from deltaclip.training.cache.settings import CacheSettings, stored_mask
from deltaclip.training.cache.write import CacheFailure, CacheInUseError, CacheProgress, CacheReport, write_cache

__all__ = [
    "CacheFailure",
    "CacheInUseError",
    "CacheProgress",
    "CacheReport",
    "CacheSettings",
    "CachedFrames",
    "FrameCache",
    "random_places",
    "refuse_lost",
    "repair_cache",
    "stored_mask",
    "uniform_places",
    "write_cache",
]
