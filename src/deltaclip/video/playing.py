"""What a web page asks of a video before it shows it: its facts, and whether a browser plays the file itself."""

from dataclasses import dataclass
from pathlib import Path

from av.video.stream import VideoStream

from deltaclip.video.container import STILL_PICTURES, open_container
from deltaclip.video.video import Video

__all__ = ["H264_FORMATS", "PlayFacts", "play_facts"]

PLAYED_CONTAINERS = ("mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm")
"""FFmpeg demuxers of the containers that Chromium opens."""
PLAYED_CODECS = ("h264", "vp8", "vp9", "av1")
H264_FORMATS = ("yuv420p", "yuvj420p")
"""Pixel formats of H.264 that every browser plays. Chromium decodes 10 bits and 4:4:4 as well, others do not."""


@dataclass(frozen=True, slots=True)
class PlayFacts:
    """What a file holds, and why a browser cannot play it.

    container: name of the FFmpeg demuxer. codec, pixel_format: of the film, in FFmpeg's words. width, height: upright
    pixels. rotation: degrees by which decoded pictures are turned clockwise. duration_seconds: when the last frame
    disappears on a player's clock. frames_per_second: on average, None if there is one frame. audio: codec of the
    sound, "unknown" if FFmpeg does not know it, None without sound. not_played: None if Chromium shows the pictures
    in their time, with or without the sound; else the reason, a phrase. Damage midway, at which browsers stop, is found
    only by decoding.
    """

    container: str
    codec: str
    pixel_format: str | None
    width: int
    height: int
    rotation: int
    duration_seconds: float
    frames_per_second: float | None
    audio: str | None
    not_played: str | None


def play_facts(path: str | Path) -> PlayFacts:
    """Reads the table of packets and the first picture. VideoError if there is nothing to show."""
    path = Path(path)
    with Video.open(path) as video:
        info, stamps_hold, stream_index, end = video.info, video.stamps_hold, video.stream_index, video.whole.end
    codec, pixel_format, audio = info.codec, None, None
    if stream_index is not None:
        with open_container(path) as container:
            film = container.streams[stream_index]
            assert isinstance(film, VideoStream)
            codec, pixel_format = film.codec_context.codec.canonical_name, film.codec_context.pix_fmt
            sound = container.streams.best("audio")
            if sound is not None:
                context = sound.codec_context
                audio = "unknown" if context is None else context.codec.canonical_name
    is_film = info.num_frames > 1 and info.duration_seconds > 0
    return PlayFacts(
        container=info.format,
        codec=codec,
        pixel_format=pixel_format,
        width=info.width,
        height=info.height,
        rotation=info.rotation,
        duration_seconds=end,
        frames_per_second=info.num_frames / info.duration_seconds if is_film else None,
        audio=audio,
        not_played=_not_played(info.format, codec, pixel_format, stamps_hold=stamps_hold),
    )


def _not_played(container: str, codec: str, pixel_format: str | None, *, stamps_hold: bool) -> str | None:
    """Why Chromium, with the codecs of Chrome, does not show the pictures in their time; None if it does."""
    if container in (*STILL_PICTURES, "heif", "tiff"):
        return "a still picture, not a video"
    if container not in PLAYED_CONTAINERS:
        return f"browsers do not open this container ({container})"
    if codec not in PLAYED_CODECS:
        return f"browsers do not play this codec ({codec})"
    if codec == "h264" and pixel_format not in H264_FORMATS:
        return f"browsers play H.264 only in 8 bits and 4:2:0 (found {pixel_format})"
    if not stamps_hold:
        return "its time stamps are broken: a browser would show frames at the wrong times"
    return None
