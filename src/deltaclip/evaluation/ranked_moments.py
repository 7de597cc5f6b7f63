"""Moments of several videos ranked for sentences by appearance, by motion or by both, as a library of them would."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from deltaclip.encoder import Encoder, EngineCosts, MotionEncoder
from deltaclip.evaluation.cost import FLOAT_BYTES, Cost, spread_texts, timed, times_encoded
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
        return self.find(self.ask(sentence))

    def ask(self, sentence: str) -> "AskedMoments":
        """A sentence encoded by all encoders that there are."""
        looks = moves = None
        words: tuple[str, ...] = ()
        if self.encoders.appearance is not None and self.appearance is not None:
            looks = AppearanceRows([self.appearance], self.encoders.appearance.encode_texts([sentence]))
        if self.encoders.motion is not None and self.motion is not None:
            question = self.encoders.motion.question(sentence)
            words = question.words
            if question.vector is not None:
                moves = MotionRows([self.motion], question.vector[None], question.weight)
        return AskedMoments(looks, moves, words)

    def find(self, asked: "AskedMoments") -> RankedMoments:
        """All moments for it, best first."""
        if asked.looks is None and asked.moves is None:
            return RankedMoments(np.empty(0, np.intp), np.empty(0), asked.words)
        ranked = nearest_by(asked.looks, asked.moves, len(self))
        return RankedMoments(ranked.rows, ranked.scores, asked.words)

    def __len__(self) -> int:
        vectors = self.motion if self.appearance is None else self.appearance
        assert vectors is not None, "encoded by one of the two"
        return len(vectors)

    def cost(self, sentences: Sequence[str], num_videos: int) -> Cost:
        """Of all encoders together, and of sentences that are asked one at a time."""
        encoders, clips = self.encoders, len(self) / num_videos
        models = []
        if encoders.appearance is not None:
            models.append(encoders.appearance.costs())
        if (motion := encoders.motion) is not None:
            models.append(motion.costs(encoders.reader_spec.num_frames) if isinstance(motion, MotionEncoder) else None)
        vectors = [each for each in (self.appearance, self.motion) if each is not None]
        return Cost(
            model=times_encoded(_sum(models), clips),
            time=timed(self.ask, self.find, spread_texts(sentences)),
            gallery=len(self),
            num_frames=encoders.reader_spec.num_frames,
            vectors=clips * len(vectors),
            size_bytes=clips * sum(each.shape[1] for each in vectors) * FLOAT_BYTES,
            device="cpu" if encoders.appearance is None else encoders.appearance.device,
            clips=clips,
        )


@dataclass(frozen=True, slots=True, eq=False)
class AskedMoments:
    """A sentence, encoded. looks, moves: None if not asked by it, or nothing of it is understood."""

    looks: AppearanceRows | None
    moves: MotionRows | None
    words: tuple[str, ...]


def _sum(models: Sequence[EngineCosts | None]) -> EngineCosts | None:
    """Of encoders that all run; None if one cannot tell."""
    known = [model for model in models if model is not None]
    if len(known) < len(models):
        return None
    images = [model.image_parameters for model in known if model.image_parameters is not None]
    return EngineCosts(
        parameters=sum(model.parameters for model in known),
        image_parameters=sum(images) if images else None,
        video_flops=sum(model.video_flops for model in known),
        text_precision=" and ".join(dict.fromkeys(model.text_precision for model in known)),
    )
