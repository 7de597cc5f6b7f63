"""Clips of files, decoded in a child process that is watched."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deltaclip.library.protocols import ReadMoments
from deltaclip.reader import Clip, ReaderSpec, guarded, read_moments
from deltaclip.video import SEGMENT_SECONDS

__all__ = ["guarded_reader"]


@contextmanager
def guarded_reader() -> Iterator[ReadMoments]:
    """A function (path, spec) -> clips that survives whatever a file does to its decoder.

    The child stays for all files until the end of the block: starting one takes longer than reading a short video.
    """
    with guarded(read_moments) as stream:

        def read(path: Path, spec: ReaderSpec) -> Iterator[Clip]:
            return stream(str(path), path, spec, SEGMENT_SECONDS)

        yield read
