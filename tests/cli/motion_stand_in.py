"""A motion encoder that knows four words, for tests of what the command line does with any."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deltaclip.motion import TRACK_NUMBERS
from deltaclip.reader import Clip

__all__ = ["FourWords"]

VECTORS = {"left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1)}


@dataclass(frozen=True)
class FourWordsAsked:
    """As `encoder.MotionQuestion`."""

    text: str
    words: tuple[str, ...]
    vector: NDArray[np.float32] | None
    weight: float


class FourWords:
    """As `encoder.MotionEncoder`: the mean direction of what moves."""

    fingerprint = "0123456789abcdef"
    dimension = 3
    examples = ("to the left", "up")

    def __init__(self, name: str = "motion") -> None:
        self.name = name

    @classmethod
    def load(cls, name: str = "motion") -> "FourWords":
        return cls(name)

    def encode_clips(self, clips: Iterable[Clip]) -> NDArray[np.float32]:
        rows = []
        for clip in clips:
            assert clip.track is not None
            columns = [TRACK_NUMBERS.index(name) for name in ("right", "down")]
            rows.append([*clip.track.numbers[:, columns].mean(axis=0), 1e-3])
        vectors = np.array(rows, np.float32).reshape(-1, 3)
        return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)

    def question(self, text: str) -> FourWordsAsked:
        words = tuple(word for word in text.split() if word in VECTORS)
        if not words:
            return FourWordsAsked(text, (), None, 0.0)
        return FourWordsAsked(text, words, np.array([*VECTORS[words[0]], 0], np.float32), 1.0)
