"""Moments of several videos ranked for sentences by appearance, by motion or by both, as a library of them would."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from deltaclip.encoder import Encoder
from deltaclip.evaluation.sentence_encoders import TRACK_SPEC
from deltaclip.library import AppearanceRows, By, MotionRows, MotionVectorEncoder, nearest_by
from deltaclip.reader import Clip, ReaderSpec

__all__ = ["EncodedMoments", "MomentEncoders", "RankedMoments"]

CLIPS_AT_ONCE = 8


@dataclass(frozen=True, slots=True, eq=False)
class RankedMoments:
    """What a sentence finds. rows: (K,) numbers of moments, best first. scores: (K,). words: understood as motion.

    K is 0 if only motion was asked and nothing in the sentence is understood.
    """

    rows: NDArray[np.intp]
    scores: NDArray[np.float64]
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MomentEncoders:
    """An encoder of appearance, a motion encoder, or both."""

    appearance: Encoder | None
    motion: MotionVectorEncoder | None

    def __post_init__(self) -> None:
        if self.appearance is None and self.motion is None:
            raise ValueError("give an encoder of appearance, a motion encoder, or both")

    @property
    def by(self) -> By:
        """What moments are ranked by."""
        if self.motion is None:
            return "appearance"
        return "motion" if self.appearance is None else "both"

    @property
    def reader_spec(self) -> ReaderSpec:
        """How videos are read for all that there are."""
        if self.appearance is None:
            return TRACK_SPEC
        return replace(self.appearance.reader_spec, track=self.motion is not None)

    @property
    def made_by(self) -> dict[str, dict[str, str]]:
        """Name and fingerprint of each, by "appearance" and "motion"."""
        pairs = {"appearance": self.appearance, "motion": self.motion}
        return {
            way: {"encoder": each.name, "fingerprint": each.fingerprint}
            for way, each in pairs.items()
            if each is not None
        }

    def encode(self, clips: Iterable[Clip]) -> "EncodedMoments":
        """The vectors of at least one clip. Few clips are in memory at a time."""
        looks: list[NDArray[np.float32]] = []
        moves: list[NDArray[np.float32]] = []
        iterator: Iterator[Clip] = iter(clips)
        while batch := list(islice(iterator, CLIPS_AT_ONCE)):
            if self.appearance is not None:
                looks.append(self.appearance.encode_clips(batch))
            if self.motion is not None:
                moves.append(self.motion.encode_clips(batch))
        return EncodedMoments(self, np.concatenate(looks) if looks else None, np.concatenate(moves) if moves else None)


@dataclass(frozen=True, slots=True, eq=False)
class EncodedMoments:
    """Moments that can be asked. appearance: (N, D), motion: (N, Dm), float32 unit rows; None if not encoded."""

    encoders: MomentEncoders
    appearance: NDArray[np.float32] | None = field(repr=False)
    motion: NDArray[np.float32] | None = field(repr=False)

    def rank(self, sentence: str) -> RankedMoments:
        """All moments, best first, by the rule of `library.nearest_by`."""
        looks = moves = None
        words: tuple[str, ...] = ()
        if self.encoders.appearance is not None and self.appearance is not None:
            looks = AppearanceRows([self.appearance], self.encoders.appearance.encode_texts([sentence]))
        if self.encoders.motion is not None and self.motion is not None:
            question = self.encoders.motion.question(sentence)
            words = question.words
            if question.vector is not None:
                moves = MotionRows([self.motion], question.vector[None], question.weight)
        if looks is None and moves is None:
            return RankedMoments(np.empty(0, np.intp), np.empty(0), words)
        vectors = self.motion if self.appearance is None else self.appearance
        assert vectors is not None, "encoded by one of the two"
        ranked = nearest_by(looks, moves, len(vectors))
        return RankedMoments(ranked.rows, ranked.scores, words)
