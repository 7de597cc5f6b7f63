"""The frame cache: every video decoded once into shards that epochs, runs and machines share.

folder/
    cache.json          settings, and for every video where its record lies; replaced as a whole, never edited
    shard-00000.tar     32 videos: NNNNN_MMMM.TT.jpg (or .npy), NNNNN_MMMM.TT.png (alpha), NNNNN_MMMM.json (record)

A plain tar that other tools read too (webdataset groups its members by what stands before the first dot); here
frames are found by their place in it, so that a clip costs the bytes of its own frames only. Nothing is in
`cache.json` before the shard that holds it lies on disk whole.
"""

from deltaclip.training.cache.read import CachedFrames, FrameCache, random_places, uniform_places
from deltaclip.training.cache.repair import refuse_lost, repair_cache
from deltaclip.training.cache.settings import CacheSettings
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
    "uniform_places",
    "write_cache",
]
