"""What a library asks of the rooms below it, so that its tests and other readers can stand in."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from deltaclip.reader import Clip, ReaderSpec

__all__ = ["ReadMoments", "VectorEncoder"]

ReadMoments = Callable[[Path, ReaderSpec], Iterator[Clip]]
"""One clip for every segment of a file, in order of time; VideoError if it cannot be read, or only up to a point."""


@runtime_checkable
class VectorEncoder(Protocol):
    """As `deltaclip.encoder.Encoder`, which a library imports only when it is needed: `status` must not wait for
    torch."""

    @property
    def name(self) -> str:
        """What loads it again: a bundled name, a folder or a hub name."""

    @property
    def fingerprint(self) -> str:
        """Changes with anything that defines a vector."""

    @property
    def dimension(self) -> int:
        """D, length of a vector."""

    @property
    def reader_spec(self) -> ReaderSpec:
        """How videos become clips for it."""

    @property
    def max_words(self) -> int:
        """Longest row of tokens that it makes of a text; part of the fingerprint."""

    def encode_clips(self, clips: Iterable[Clip]) -> NDArray[np.float32]:
        """(N, D), unit rows, one for each clip."""

    def encode_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """(Q, D), unit rows, one for each text."""
