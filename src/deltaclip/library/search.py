"""Asking with a video or a picture: the file is cut as `index` cuts, and each of its segments is a query."""

from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deltaclip.library.protocols import MomentReader, VectorEncoder
from deltaclip.pipeline import Job
from deltaclip.reader import Clip
from deltaclip.video import SEGMENT_SECONDS

__all__ = ["encode_query_file"]

CLIPS_AT_ONCE = 8


def encode_query_file(
    path: Path, encoder: VectorEncoder, reader: MomentReader, on_note: Callable[[str], None]
) -> NDArray[np.float32]:
    """One vector for every segment of a query video, cut as `index` cuts: (Q, D) float32, Q >= 1.

    on_note: called with what is worth knowing about the file. Raises VideoError if it cannot be read to its end.
    """
    notes: dict[str, None] = {}

    def clips() -> Iterator[Clip]:
        for _, found in reader.read([Job(None, path, (encoder.reader_spec, SEGMENT_SECONDS))]):
            for clip in found:
                notes.update(dict.fromkeys(clip.notes))
                yield clip

    vectors = np.concatenate(list(_encoded(clips(), encoder)))
    for text in notes:
        on_note(text)
    return vectors


def _encoded(clips: Iterator[Clip], encoder: VectorEncoder) -> Iterator[NDArray[np.float32]]:
    while batch := list(islice(clips, CLIPS_AT_ONCE)):
        yield encoder.encode_clips(batch)
