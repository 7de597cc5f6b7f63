"""Videos: where to look, the frames shown there, and writing new ones. No masks and no models in this room."""

from typing import TYPE_CHECKING

from deltaclip.fronts import fetched

if TYPE_CHECKING:
    from deltaclip.video.cutting import Cut, cut_moment
    from deltaclip.video.playing import PlayFacts, play_facts
    from deltaclip.video.sampling import (
        KEYFRAMES,
        SAMPLINGS,
        SEGMENT_SECONDS,
        Segment,
        sample_seconds,
        split_segments,
        uniform_seconds,
    )
    from deltaclip.video.suffixes import (
        AMBIGUOUS_SUFFIXES,
        FILM_SUFFIXES,
        PROXY_SUFFIXES,
        VIDEO_SUFFIXES,
        looks_like_video,
    )
    from deltaclip.video.video import Frames, Video, VideoInfo
    from deltaclip.video.write import write_mp4
else:
    __getattr__, __dir__ = fetched(
        __name__,
        "deltaclip.video.sampling",
        "deltaclip.video.suffixes",
        "deltaclip.video.video",
        "deltaclip.video.write",
        "deltaclip.video.playing",
        "deltaclip.video.cutting",
    )

__all__ = [
    "AMBIGUOUS_SUFFIXES",
    "FILM_SUFFIXES",
    "KEYFRAMES",
    "PROXY_SUFFIXES",
    "SAMPLINGS",
    "SEGMENT_SECONDS",
    "VIDEO_SUFFIXES",
    "Cut",
    "Frames",
    "PlayFacts",
    "Segment",
    "Video",
    "VideoInfo",
    "cut_moment",
    "looks_like_video",
    "play_facts",
    "sample_seconds",
    "split_segments",
    "uniform_seconds",
    "write_mp4",
]
