"""A motion encoder that can be worked out by hand: mean velocity and camera of a track, and the words for them."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deltaclip.motion import TRACK_NUMBERS, Track
from deltaclip.reader import Clip

__all__ = ["ToyMotion", "ToyQuestion"]

WORDS = {
    "left": ("right", -1),
    "right": ("right", 1),
    "up": ("down", -1),
    "down": ("down", 1),
    "pans": ("pan", 1),
    "tilts": ("tilt", 1),
    "zooms": ("zoom", 1),
    "still": (None, 1),
}
AXES = ("right", "down", "pan", "tilt", "zoom", None)
"""Numbers of a track, and what is left if all of them are small."""
SMALL = 0.02


@dataclass(frozen=True, slots=True)
class ToyQuestion:
    text: str
    words: tuple[str, ...]
    vector: NDArray[np.float32] | None
    weight: float


class ToyMotion:
    """As `deltaclip.encoder.MotionEncoder`."""

    name = "toy"
    fingerprint = "0123456789abcdef"
    dimension = len(AXES)
    examples = tuple(WORDS)

    @classmethod
    def load(cls, name: str = "motion") -> "ToyMotion":
        return cls()

    def encode_tracks(self, tracks: Iterable[Track]) -> NDArray[np.float32]:
        return np.array([_vector(track) for track in tracks], np.float32).reshape(-1, self.dimension)

    def encode_clips(self, clips: Iterable[Clip]) -> NDArray[np.float32]:
        return self.encode_tracks(clip.track for clip in clips if clip.track is not None)

    def question(self, text: str) -> ToyQuestion:
        said = text.lower().split()
        # "from right to left" goes to the left
        words = tuple(
            word for word, before in zip(said, ["", *said], strict=False) if word in WORDS and before != "from"
        )
        vector = np.zeros(self.dimension, np.float32)
        for word in words:
            axis, sign = WORDS[word]
            vector[AXES.index(axis)] += sign
        if not vector.any():  # no word, or left and right at once
            return ToyQuestion(text, (), None, 0.0)
        return ToyQuestion(text, words, vector / np.linalg.norm(vector), 1.0)


def _vector(track: Track) -> NDArray[np.float64]:
    numbers = track.numbers.astype(np.float64)
    weight = numbers[:, TRACK_NUMBERS.index("area")] + 1e-6

    def mean(name: str) -> float:
        values = numbers[:, TRACK_NUMBERS.index(name)]
        return float(np.average(values, weights=weight) if name in ("right", "down") else values.mean())

    vector = np.array([*(mean(name) for name in AXES if name is not None), SMALL])
    return np.asarray(vector / np.linalg.norm(vector), np.float64)
