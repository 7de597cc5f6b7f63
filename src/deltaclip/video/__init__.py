"""Videos: where to look, the frames shown there, and writing new ones. No masks and no models in this room."""

from deltaclip.video.sampling import (
    SAMPLINGS,
    SEGMENT_SECONDS,
    Segment,
    sample_seconds,
    split_segments,
    uniform_seconds,
)
from deltaclip.video.video import Frames, Video, VideoInfo
from deltaclip.video.write import write_mp4

__all__ = [
    "SAMPLINGS",
    "SEGMENT_SECONDS",
    "Frames",
    "Segment",
    "Video",
    "VideoInfo",
    "sample_seconds",
    "split_segments",
    "uniform_seconds",
    "write_mp4",
]
