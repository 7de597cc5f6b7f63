"""The door through which every file is opened: which formats are read, and which stream is the film."""

import os
import re
import stat
from pathlib import Path

import av
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from deltaclip.errors import VideoError
from deltaclip.object_paths import ELSEWHERE, TO_LOOK_AT, is_elsewhere, video_path
from deltaclip.processes import is_watched
from deltaclip.wording import count

__all__ = [
    "CONTAINER_FORMATS",
    "MAX_PIXELS",
    "STILL_PICTURES",
    "check_pixels",
    "film_candidates",
    "open_container",
    "stat_video",
]

MAX_PIXELS = 2**28
"""Of a picture (16,384 x 16,384), which fills 800 MB; the largest phones make 200 million."""
MAX_STREAMS = 256
"""Of a file. FFmpeg, whose limit is 1000, makes a decoder for each, with 0.8 MB: a whole transponder has a hundred."""

_CONTAINERS = (
    "3gp amv apng asf av1 avi dv flv gif gxf h261 h263 h264 hevc ivf jpegxl_anim m4v matroska mjpeg mov mp4 mpeg "
    "mpegts mpegvideo mxf nut obu ogg rm swf vc1 vvc webm wtv yuv4mpegpipe"
)
_PICTURES = "bmp gif jpeg jpegxl pam pgm png ppm tiff webp"
STILL_PICTURES = tuple(f"{kind}_pipe" for kind in _PICTURES.split())
"""FFmpeg demuxers of files that are one picture."""

CONTAINER_FORMATS = (*_CONTAINERS.split(), *STILL_PICTURES)
"""FFmpeg demuxers that may read a file, by the name it detects from the bytes, never by the suffix.

An allow list, because many of the others follow addresses written in the file (hls, dash, concat, sdp, image2,
vobsub, ...): indexing a folder of strangers' files must neither open other files nor speak to the network.
"""

_PICTURE_STARTS = {
    rb"\xff\xd8\xff": "jpeg_pipe",
    rb"\x89PNG\r\n\x1a\n": "png_pipe",
    rb"RIFF.{4}WEBP": "webp_pipe",
    rb"BM": "bmp_pipe",
    rb"II\*\x00|MM\x00\*": "tiff_pipe",
    rb"P5": "pgm_pipe",
    rb"P6": "ppm_pipe",
    rb"P7": "pam_pipe",
    rb"\xff\x0a": "jpegxl_pipe",
}
"""How still pictures begin, as regular expressions, and the demuxer that reads them."""

WEBP_ANIMATION = 2
"""The bit in the extended header of a WebP file that says it has several frames."""

_POINTER_MARKS = (b"#EXTM3U", b"ffconcat version", b"<MPD", b"<SmoothStreamingMedia", b"<smil", b"<asx", b"[playlist]")
"""How playlists and manifests begin. Only for the message: the allow list has already refused them."""


def stat_video(path: Path) -> os.stat_result:
    """Size and kind of a file that may be opened; VideoError for what is missing, empty or no plain file."""
    if is_elsewhere(path):
        raise VideoError(str(video_path(path)), ELSEWHERE, TO_LOOK_AT)
    try:
        status = path.stat()
    except OSError as err:
        raise VideoError(str(path), f"cannot be read ({err.strerror})", "Check the name and its permissions.") from err
    if not stat.S_ISREG(status.st_mode):
        # A named pipe would wait for a writer for ever.
        raise VideoError(str(path), "not a plain file", "Give a video file, not a folder, pipe or device.")
    if status.st_size == 0:
        raise VideoError(str(path), "the file is empty", "Fetch it again, or leave it out.")
    return status


def open_container(path: Path) -> InputContainer:
    """Opens a file for demuxing. VideoError when it is no video, or a playlist that points elsewhere."""
    stat_video(path)
    head = _head(path)
    if head[:4] == b"RIFF" and head[8:16] == b"WEBPVP8X" and head[20] & WEBP_ANIMATION:
        raise VideoError(str(path), "an animated WebP, which is not read here", "Convert it to GIF or mp4.")
    try:
        return _open(path, None)
    except (av.FFmpegError, UnicodeError) as err:
        # By the names of pictures and their folders (photo%20of%20a%20dog.png) FFmpeg takes them for a numbered series,
        # whose other files it would open.
        format_name = next((name for start, name in _PICTURE_STARTS.items() if re.match(start, head, re.DOTALL)), None)
        if format_name is None:
            raise _refusal(path, err) from err
    try:
        return _open(path, format_name)
    except av.FFmpegError as err:
        raise _refusal(path, err) from err


def _open(path: Path, format_name: str | None) -> InputContainer:
    """The call of PyAV. format_name: the demuxer to take; None leaves it to FFmpeg, within CONTAINER_FORMATS."""
    # "file:" keeps FFmpeg from taking a name such as "concat:a|b" or "-x.mp4" for anything but a name. Real files
    # carry titles that are no UTF-8, which must not keep anybody from their pictures.
    options = {
        "format_whitelist": ",".join(CONTAINER_FORMATS),
        "protocol_whitelist": "file",
        "max_streams": str(MAX_STREAMS),
    }
    if is_watched():
        # To stderr, whose last lines tell what is wrong with the file. Not through PyAV, whose way to Python's logging
        # may deadlock with threads of decoders.
        av.logging.restore_default_callback()
        av.logging.set_libav_level(av.logging.ERROR)
    return av.open(f"file:{path}", format=format_name, metadata_errors="replace", options=options)


def film_candidates(container: InputContainer, path: Path) -> list[VideoStream]:
    """Video streams that can be decoded and are no cover pictures, in the order of the file; VideoError if none."""
    videos = list(container.streams.video)
    films = [stream for stream in videos if not stream.disposition & Disposition.attached_pic]
    if not films:
        found = _count([stream.type for stream in container.streams], len(videos))
        raise VideoError(str(path), f"no video stream ({found})", "Give a file with moving pictures, or leave it out.")
    readable = [stream for stream in films if stream.codec_context is not None]
    if not readable:
        raise VideoError(str(path), "its codec is not known here", "Convert it with a program that plays it.")
    for stream in readable:
        check_pixels(path, stream.width, stream.height)
    return readable


def check_pixels(path: Path, width: int, height: int) -> None:
    """VideoError for pictures that would fill the memory."""
    if width * height > MAX_PIXELS:
        raise VideoError(str(path), f"pictures of {width}x{height} pixels", "Scale it down first.")


def _count(kinds: list[str], num_covers: int) -> str:
    """Words for what a file without a film holds: "found 1 audio stream, 1 cover picture"."""
    words = [count(kinds.count(kind), f"{kind} stream") for kind in sorted(set(kinds) - {"video"})]
    if num_covers:
        words.append(count(num_covers, "cover picture"))
    return f"found {', '.join(words) or 'no streams at all'}"


def _refusal(path: Path, err: Exception) -> VideoError:
    """What to say about a file that FFmpeg, or our allow list, did not open."""
    head = _head(path).lower()
    if any(mark.lower() in head for mark in _POINTER_MARKS):
        return VideoError(
            str(path),
            "a playlist or manifest that points elsewhere, not a video",
            "Give the video files that it names.",
        )
    if isinstance(err, av.error.ArgumentError):
        return VideoError(
            str(path), "a format that is not read here", "Convert it, for example with: ffmpeg -i FILE out.mp4"
        )
    if isinstance(err, av.error.MemoryError):
        found = f"more than {MAX_STREAMS} streams, or more memory needed than a file may take"
        return VideoError(str(path), found, "Convert it, for example with: ffmpeg -i FILE -map 0:v:0 out.mp4")
    reason = getattr(err, "strerror", None) or str(err)
    return VideoError(
        str(path),
        f"not a video that FFmpeg can open ({reason})",
        "If a player shows it, convert it with: ffmpeg -i FILE out.mp4; otherwise fetch it again.",
    )


def _head(path: Path) -> bytes:
    """The first bytes of a file; VideoError when they cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(4096)
    except OSError as err:
        raise VideoError(str(path), f"cannot be read ({err.strerror})", "Check its permissions.") from err
