"""Ways of reading videos that go wrong, at the top level of a module as the guarded child wants them."""

import os
from pathlib import Path

from deltaclip.frame_cache import FrameCache, read_video_or_cache
from deltaclip.reader import Clip, ReaderSpec, read_video


def only_from_cache(path: Path, spec: ReaderSpec, cache: FrameCache | None) -> Clip:
    """Reads from a frame cache alone."""
    assert cache is not None
    return read_video_or_cache(path, spec, cache)


def die_on_b(path: Path, spec: ReaderSpec, cache: None) -> Clip:
    """Reads any video but b.mp4."""
    if path.name == "b.mp4":
        os._exit(7)
    return read_video(path, spec)


def write_on_b(path: Path, spec: ReaderSpec, cache: None) -> Clip:
    """Reads every video, and writes to b.mp4 once it was read."""
    clip = read_video(path, spec)
    if path.name == "b.mp4":
        path.write_bytes(path.read_bytes() + b"more")
    return clip


def link_b_once(path: Path, spec: ReaderSpec, cache: None) -> Clip:
    """A backup makes a hard link to b while it is read, once."""
    clip = read_video(path, spec)
    backup = path.with_suffix(".backup")
    if path.stem == "b" and not backup.exists():
        backup.hardlink_to(path)
    return clip
