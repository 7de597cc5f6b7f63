"""Whatever turns clips and sentences into vectors of one space, seen alike: by appearance, or by motion."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from deltaclip.encoder import Encoder, EngineCosts, MotionEncoder
from deltaclip.evaluation.cost import FLOAT_BYTES, Cost, spread_texts, timed, times_encoded
from deltaclip.library import MotionVectorEncoder
from deltaclip.reader import Clip, ReaderSpec

__all__ = ["TRACK_SPEC", "SentenceEncoder", "by_appearance", "by_motion", "cost_of_sentences"]

TRACK_SPEC = ReaderSpec(image_size=16, motion=None, track=True)
"""How videos are read for a motion encoder alone: their pictures are not used, so they are small."""


@dataclass(frozen=True, slots=True)
class SentenceEncoder:
    """Clips and sentences to unit vectors of one space.

    name, fingerprint: of the encoder. reader_spec: how videos are read for it. encode_clips: clips to (N, D) float32,
    unit rows. encode_sentences: Q sentences to as many vectors (D,), None for one in which nothing is understood.
    costs: parameters and operations a video, None if nobody can tell. device: where it runs.
    """

    name: str
    fingerprint: str
    reader_spec: ReaderSpec
    encode_clips: Callable[[Iterable[Clip]], NDArray[np.float32]] = field(repr=False)
    encode_sentences: Callable[[Sequence[str]], list[NDArray[np.float32] | None]] = field(repr=False)
    costs: Callable[[], EngineCosts | None] = field(default=lambda: None, repr=False)
    device: str = "cpu"


def by_appearance(encoder: Encoder) -> SentenceEncoder:
    """A CLIP: every sentence has a vector."""
    return SentenceEncoder(
        name=encoder.name,
        fingerprint=encoder.fingerprint,
        reader_spec=encoder.reader_spec,
        encode_clips=encoder.encode_clips,
        encode_sentences=lambda texts: list(encoder.encode_texts(texts)),
        costs=encoder.costs,
        device=encoder.device,
    )


def by_motion(encoder: MotionVectorEncoder) -> SentenceEncoder:
    """A motion encoder: a sentence without a word that it understands as motion has no vector."""
    return SentenceEncoder(
        name=encoder.name,
        fingerprint=encoder.fingerprint,
        reader_spec=TRACK_SPEC,
        encode_clips=encoder.encode_clips,
        encode_sentences=lambda texts: [encoder.question(text).vector for text in texts],
        costs=lambda: encoder.costs(TRACK_SPEC.num_frames) if isinstance(encoder, MotionEncoder) else None,
    )


def cost_of_sentences(
    encoder: SentenceEncoder, sentences: Sequence[str], rows: NDArray[np.float32], clips: float = 1.0
) -> Cost:
    """Of sentences that are asked one at a time.

    rows: (N, D), the vectors that each is scored against. clips: of a video, each with a vector.
    """
    taken = timed(
        lambda sentence: encoder.encode_sentences([sentence])[0],
        lambda vector: None if vector is None else rows @ vector,
        spread_texts(sentences),
    )
    return Cost(
        model=times_encoded(encoder.costs(), clips),
        time=taken,
        gallery=len(rows),
        num_frames=encoder.reader_spec.num_frames,
        vectors=clips,
        size_bytes=clips * rows.shape[1] * FLOAT_BYTES,
        device=encoder.device,
        clips=clips,
    )
