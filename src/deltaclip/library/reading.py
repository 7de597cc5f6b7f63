"""Clips of files, decoded in a child process with a time limit."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from deltaclip.errors import VideoError
from deltaclip.library.protocols import ReadMoments
from deltaclip.reader import Clip, ReaderSpec, read_moments
from deltaclip.video import SEGMENT_SECONDS, Guard

__all__ = ["guarded_reader"]

SMALL_BYTES = 32 * 2**20
SMALL_LIMIT_SECONDS, LARGE_LIMIT_SECONDS = 8.0, 180.0
"""How long one moment of a file may take, the reading of its table of packets before the first one included.

Small files hang only when they are broken; ten of a folder must not cost minutes. Large ones may be slow with good
reason: the packets of an hour in 4K are gigabytes, and a second of it decodes in a second or two on a laptop.
"""


@contextmanager
def guarded_reader() -> Iterator[ReadMoments]:
    """A function (path, spec) -> clips that survives whatever a file does to its decoder.

    The children stay for all files until the end of the block: starting one takes longer than reading a short video.
    """
    with ExitStack() as stack:
        guards: dict[float, Guard[Clip]] = {}

        def read(path: Path, spec: ReaderSpec) -> Iterator[Clip]:
            limit = SMALL_LIMIT_SECONDS if _size_bytes(path) <= SMALL_BYTES else LARGE_LIMIT_SECONDS
            if limit not in guards:
                guards[limit] = stack.enter_context(Guard(read_moments, limit))
            return guards[limit].stream(str(path), path, spec, SEGMENT_SECONDS)

        yield read


def _size_bytes(path: Path) -> int:
    try:
        return os.path.getsize(path)
    except OSError as err:
        raise VideoError(str(path), f"cannot be read ({err.strerror})", "Check the name and its permissions.") from err
