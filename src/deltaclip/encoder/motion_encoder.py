"""The motion encoder: how a moment moves and what a sentence says of it, in one space, beside any CLIP."""

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deltaclip.checks import check_path
from deltaclip.encoder.background import kept_vectors, motion_sentences
from deltaclip.encoder.engine import EngineCosts
from deltaclip.encoder.locating import BUNDLED_MOTION, inside_package
from deltaclip.encoder.motion_weights import RECORD, WEIGHTS, MotionSizes, MotionWeights
from deltaclip.errors import CheckpointError
from deltaclip.model import MappedRows, digest_of_weights
from deltaclip.motion import Track
from deltaclip.motion_words import (
    MAX_WORDS,
    count_of_looks,
    is_function,
    modifiers_in,
    phrases_in,
    read_sentence,
    speaks,
    vocabulary,
)
from deltaclip.provenance import digest
from deltaclip.reader import Clip
from deltaclip.wording import listed

__all__ = ["MotionEncoder", "MotionQuestion", "motion_encoder_problem"]

TRACK_VERSION = 2
"""Changes whenever motion or reading change what track a file gets."""
TRACKS_AT_ONCE = 64
EXAMPLES = ("moves to the left", "jumps up and down", "in a circle", "falls", "comes closer", "the camera zooms in")
FULL_BITS = 4.0
"""A sentence that tells so many bits, as it is true of one of 16 moments, lets motion count in full if it says no more
of how the moment looks."""
LEAST_SPOKEN = -4.0
"""Logit above which a word counts as one on motion: rather one too many than that "a man fell" says nothing."""
LEAST_BITS = 0.5
"""One that tells less, such as that something moves, counts as one without words on motion."""


@dataclass(frozen=True, slots=True, eq=False)
class MotionQuestion:
    """What a sentence says of motion.

    text: the sentence. words: those of its words that speak of motion, as they were typed, in order; none if they tell
    next to nothing, as that something moves. vector: (D,) float32, unit length, or None without such words. weight: how
    much motion counts beside appearance, 0 to 1; exactly 0 without such words. It grows with what they tell, and
    shrinks if most words of the sentence speak of how things look.
    """

    text: str
    words: tuple[str, ...]
    vector: NDArray[np.float32] | None = field(repr=False)
    weight: float


class MotionEncoder:
    """Turns how moments move into vectors, and sentences into vectors of the same space.

        motion = MotionEncoder.load()
        question = motion.question("a car drives off to the left")
        question.words                                       # ("drives", "off", "left")
        scores = motion.encode_clips(clips) @ question.vector

    It knows no colours, objects or scenes, only how things move. Clips need a track: `reader.ReaderSpec(track=True)`.
    """

    def __init__(
        self, name: str, weights: MotionWeights, record: dict[str, Any] | None = None, folder: Path | None = None
    ) -> None:
        """record: how it was made, for people. folder: with its files, None if there are none."""
        self.name = name
        self.record = record or {}
        self._folder = folder
        self._weights = weights

    @classmethod
    def load(cls, name: str | os.PathLike[str] = BUNDLED_MOTION) -> "MotionEncoder":
        """The bundled `motion`, or a folder that `deltaclip train motion` wrote.

        Raises CheckpointError if it cannot be loaded, with what to do.
        """
        wanted = os.fspath(check_path(name, "MotionEncoder.load"))
        folder = inside_package(wanted, "checkpoints/motion") if wanted == BUNDLED_MOTION else Path(wanted).expanduser()
        try:
            record = json.loads((folder / RECORD).read_text("utf-8"))
            sizes, words = MotionSizes(**record["sizes"]), tuple(record["words"])
            if words != vocabulary():
                remedy = "Train it again with deltaclip train motion, or use the deltaclip that it was made with."
                raise CheckpointError(wanted, "a motion encoder that knows different words", remedy)
            rows = MappedRows(folder / WEIGHTS)
            weights = MotionWeights(sizes, {weight: rows.rows(weight) for weight in rows.shapes})
            if sizes.width % sizes.heads:
                raise ValueError(f"{sizes.heads} heads, which do not divide the width {sizes.width}")
            if misfits := weights.misfits(len(words), MAX_WORDS):
                raise ValueError(f"weights that are missing, unknown or of a different shape: {listed(misfits)}")
        except (OSError, ValueError, KeyError, TypeError) as error:
            remedy = f"Give {BUNDLED_MOTION!r}, or a folder that deltaclip train motion wrote."
            raise CheckpointError(wanted, f"no motion encoder ({error})", remedy) from error
        folder = folder.resolve()
        return cls(wanted if wanted == BUNDLED_MOTION else str(folder), weights, record, folder)

    def __repr__(self) -> str:
        return f"MotionEncoder({self.name!r}, dimension={self.dimension})"

    @property
    def dimension(self) -> int:
        """D, length of a vector."""
        return self._weights.sizes.dimension

    @property
    def examples(self) -> tuple[str, ...]:
        """Some phrases that it understands, for people who ask with words that it does not."""
        return EXAMPLES

    @cached_property
    def fingerprint(self) -> str:
        """16 hexadecimal digits that change with anything that defines a motion vector."""
        return digest({"weights": digest_of_weights(self._weights.arrays), "version": TRACK_VERSION}, sort_keys=True)

    @property
    def facts(self) -> Mapping[str, Any]:
        """What it is, for people: a json object.

        parameters: how many numbers were learnt. size_bytes: of its files on disk, folder: which has them; both None
        without files. vocabulary_size: how many words it tells apart. training: how it was made. Raises OSError if the
        files are gone.
        """
        files = None if self._folder is None else [self._folder / name for name in (WEIGHTS, RECORD)]
        return {
            "name": self.name,
            "folder": None if self._folder is None else str(self._folder),
            "fingerprint": self.fingerprint,
            "dimension": self.dimension,
            "parameters": sum(weight.size for weight in self._weights.arrays.values()),
            "size_bytes": None if files is None else sum(file.stat().st_size for file in files),
            "vocabulary_size": len(vocabulary()),
            "training": self.record.get("made"),
        }

    def encode_clips(self, clips: Iterable[Clip]) -> NDArray[np.float32]:
        """One vector for each clip: float32 (N, D), unit rows. Raises ValueError for a clip without a track."""
        return self.encode_tracks(_track_of(clip) for clip in clips)

    def encode_tracks(self, tracks: Iterable[Track]) -> NDArray[np.float32]:
        """One vector for each track: float32 (N, D), unit rows."""
        given = list(tracks)
        batches = (given[start : start + TRACKS_AT_ONCE] for start in range(0, len(given), TRACKS_AT_ONCE))
        vectors = [self._network.encode(batch) for batch in batches]
        return np.concatenate([np.empty((0, self.dimension), np.float32), *vectors])

    def costs(self, num_frames: int) -> EngineCosts:
        """Parameters, and floating-point operations of the network of tracks for a video of so many frames.

        Measuring the track itself, which is done in numpy and OpenCV, is not among them.
        """
        from deltaclip.encoder.motion_network import track_flops

        numbers = sum(weight.size for weight in self._weights.arrays.values())
        return EngineCosts(numbers, None, track_flops(self._weights.sizes, num_frames), "float32 in numpy")

    def background_vectors(self) -> NDArray[np.float32]:
        """Vectors of sentences on all kinds of motion, to tell how well one fits: (M, D), unit rows.

        They are kept in the user's cache folder.
        """

        def asked(sentences: Iterable[str]) -> NDArray[np.float32]:
            vectors = [self.question(sentence).vector for sentence in sentences]
            return np.stack([vector for vector in vectors if vector is not None])

        return kept_vectors(self.fingerprint, self.dimension, motion_sentences, asked)

    def question(self, text: str) -> MotionQuestion:
        """What a sentence says of motion. Raises TypeError for anything but one text."""
        if not isinstance(text, str):
            raise TypeError(f"question takes one text, not {type(text).__name__}")
        read = read_sentence(text)
        said = phrases_in(read.ids)
        if not said:
            return MotionQuestion(text, (), None, 0.0)
        found = self._weights.read(np.array(read.ids, np.int64))

        def told(phrase: Sequence[int]) -> bool:
            return all(found.spoken[place] > LEAST_SPOKEN for place in phrase if speaks(read.ids[place]))

        places = {place for phrase in said if told(phrase) for place in phrase}
        if not places or found.bits < LEAST_BITS:
            return MotionQuestion(text, (), None, 0.0)
        places.update(place for phrase in modifiers_in(read.ids) if told(phrase) for place in phrase)
        words = tuple(read.words[place] for place in sorted(places) if not is_function(read.ids[place]))
        tell = sum(speaks(read.ids[place]) for place in places)
        others = set(range(len(read.ids))) - places
        looks = sum(count_of_looks(read.ids[place], read.words[place]) for place in others)
        weight = min(found.bits / FULL_BITS, 1.0) * min(tell / max(looks, 1), 1.0)
        return MotionQuestion(text, words, found.vector, weight)

    @cached_property
    def _network(self) -> Any:  # Any: a MotionNetwork, whose file imports torch
        from deltaclip.encoder.motion_network import network_of

        return network_of(self._weights)


def motion_encoder_problem(name: str, fingerprint: str) -> str | None:
    """What is wrong with the motion encoder that made the motion vectors of a library, in a sentence; None if nothing.

    fingerprint: what it had then. Reads all of its weights.
    """
    try:
        now = MotionEncoder.load(name).fingerprint
    except CheckpointError as error:
        return str(error)
    if now == fingerprint:
        return None
    return (
        f"{name}: this motion encoder has the fingerprint {now}, and the library's motion vectors were made by "
        f"{fingerprint}: weights, or how motion is measured, are different now. Bring back the weights, or run "
        "`deltaclip index` again with the same folders: their files are read again for it."
    )


def _track_of(clip: Clip) -> Track:
    if clip.track is None:
        raise ValueError(f"{clip.path}: the clip has no track; read it with ReaderSpec(..., track=True)")
    return clip.track
