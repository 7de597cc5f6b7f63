"""A way of reading videos that takes its process along, at the top level of a module as the guarded child wants it."""

import os
from collections.abc import Iterator
from pathlib import Path

from deltaclip.reader import Clip, ReaderSpec, read_video


def die_on_b(path: Path, spec: ReaderSpec) -> Iterator[Clip]:
    """Reads any video but b.mp4."""
    if path.name == "b.mp4":
        os._exit(7)
    yield read_video(path, spec)
