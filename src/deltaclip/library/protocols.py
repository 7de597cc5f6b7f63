"""What a library asks of the rooms below it, so that its tests and other readers can stand in."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol, TypeVar, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from deltaclip.pipeline import Job, Stages
from deltaclip.reader import Clip, ReaderSpec

__all__ = ["HasBackground", "HasNotes", "HasWords", "MomentReader", "MotionAsked", "MotionVectorEncoder"]
__all__ += ["VectorEncoder"]

Key = TypeVar("Key")


@runtime_checkable
class MomentReader(Protocol):
    """As `pipeline.Pipeline` over `reader.read_moments`."""

    @property
    def stages(self) -> Stages:
        """Where its work is counted, and the library's."""

    def read(self, jobs: Iterable[Job[Key]]) -> Iterator[tuple[Job[Key], Iterator[Clip]]]:
        """One clip for every segment of each file, in order of time.

        The args of a job are a ReaderSpec and the seconds of a segment. The clips of a file raise VideoError if it
        cannot be read, or only up to a point.
        """


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

    @property
    def kept_precision(self) -> str | None:
        """The precision if it is part of the fingerprint, else None."""

    def encode_clips(self, clips: Iterable[Clip]) -> NDArray[np.float32]:
        """(N, D), unit rows, one for each clip."""

    def encode_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """(Q, D), unit rows, one for each text."""


@runtime_checkable
class HasBackground(Protocol):
    """An encoder of either kind whose hits have a relevance; one without this method is taken all the same."""

    def background_vectors(self) -> NDArray[np.float32]:
        """(M, D), unit rows, of sentences that have nothing to do with any library."""


@runtime_checkable
class HasWords(Protocol):
    """An encoder that tells whether it can make anything of a text; one without this method can."""

    def knows_a_word(self, text: str) -> bool:
        """Whether it knows any word of a text."""


@runtime_checkable
class HasNotes(Protocol):
    """An encoder that says what it cannot read of a text; one without this method reads all."""

    def notes_on(self, text: str) -> list[str]:
        """What somebody who asks a text should know, a sentence each."""


@runtime_checkable
class MotionAsked(Protocol):
    """As `deltaclip.encoder.MotionQuestion`: what a sentence says of motion."""

    @property
    def words(self) -> tuple[str, ...]:
        """The words of the sentence that were understood as motion, as typed, in order."""

    @property
    def vector(self) -> NDArray[np.float32] | None:
        """(Dm,), unit length; None if there are no such words."""

    @property
    def weight(self) -> float:
        """How much motion counts beside appearance, 0 to 1; 0 if there are no such words."""


@runtime_checkable
class MotionVectorEncoder(Protocol):
    """As `deltaclip.encoder.MotionEncoder`, which a library imports only when it is needed."""

    @property
    def name(self) -> str:
        """What loads it again: a bundled name or a folder."""

    @property
    def fingerprint(self) -> str:
        """Changes with anything that defines a motion vector."""

    @property
    def dimension(self) -> int:
        """Dm, length of a motion vector."""

    def encode_clips(self, clips: Iterable[Clip]) -> NDArray[np.float32]:
        """(N, Dm), unit rows, one for each clip, which carries a track."""

    @property
    def examples(self) -> tuple[str, ...]:
        """Some phrases that it understands, for people who ask in words that it does not."""

    def question(self, text: str) -> MotionAsked:
        """What a sentence says of motion."""
