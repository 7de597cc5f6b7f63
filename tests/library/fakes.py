"""Stand-ins for the rooms below: "videos" that are one line of text, and an encoder that looks at a few bytes.

A file reads `seed moments [end]`: that many moments of 15 s whose vectors follow from the seed; `end` may be
`damaged`, `interrupted`, or `slow`, which waits a little before every moment.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from deltaclip.channels import CHANNELS
from deltaclip.errors import VideoError
from deltaclip.library import Library
from deltaclip.motion import TRACK_GRID, TRACK_NUMBERS, MotionSpec, Track
from deltaclip.pipeline import Job, Stages
from deltaclip.reader import Clip, ReaderSpec

DIMENSION, MOTION_DIMENSION = 16, 6
Key = TypeVar("Key")


def vector_of(seed: str | bytes, number: int) -> NDArray[np.float32]:
    """(D,) float32, unit length: what the fake encoder makes of a moment."""
    rng = np.random.default_rng([number, *(seed.encode() if isinstance(seed, str) else seed)])
    vector = rng.normal(size=DIMENSION)
    return (vector / np.linalg.norm(vector)).astype(np.float32)


def motion_of(seed: str | bytes, number: int) -> NDArray[np.float32]:
    """(Dm,) float32, unit length: what the fake motion encoder makes of a moment."""
    vector = vector_of((seed if isinstance(seed, bytes) else seed.encode()) + b"!", number)[:MOTION_DIMENSION]
    return np.asarray(vector / np.linalg.norm(vector), np.float32)


def track_of(words: bytes) -> Track:
    """What the fake motion encoder looks at: these bytes are the first numbers of the only map."""
    maps = np.zeros((1, 3, *TRACK_GRID), np.float32)
    maps.reshape(-1)[: len(words)] = np.frombuffer(words, np.uint8)
    return Track(maps, np.zeros((1, len(TRACK_NUMBERS)), np.float32), np.zeros(1), 1.5)


def clip_of(path: Path, seed: str, number: int, *, track: bool = False) -> Clip:
    """The moment `number` of a file: what makes its vector is in the first bytes of its only frame, and of its track
    if it carries one."""
    frames = np.zeros((1, len(CHANNELS), DIMENSION, DIMENSION), np.uint8)
    words = bytes([number, *seed.encode()])
    frames.reshape(-1)[: len(words)] = np.frombuffer(words, np.uint8)
    start = 15.0 * number
    seconds, coverage = np.array([start + 7.5]), np.array([0.25])
    moves = track_of(words) if track else None
    return Clip(frames, seconds, path, start, start + 15.0, coverage, (None,), track=moves)


class InTurn:
    """Reads one file after the other in this process, as `Pipeline` reads in children."""

    def __init__(self, function: Callable[[Path, ReaderSpec], Iterator[Clip]]) -> None:
        self.function = function
        self.stages = Stages()

    def read(self, jobs: Iterable[Job[Key]]) -> Iterator[tuple[Job[Key], Iterator[Clip]]]:
        for job in jobs:
            yield job, self.function(job.path, job.args[0])


class FakeReader:
    """Reads such files, and counts how often each was opened."""

    def __init__(self) -> None:
        self.opened: list[str] = []

    def __call__(self, path: Path, spec: ReaderSpec) -> Iterator[Clip]:
        self.opened.append(path.name)
        words = path.read_text().split()
        if len(words) < 2:
            raise VideoError(str(path), "not a video", "Leave it out.")
        seed, count, end = words[0], int(words[1]), words[2:3]
        for number in range(count):
            time.sleep(0.1 * (end == ["slow"]))
            yield clip_of(path, seed, number, track=spec.track)
        if end == ["interrupted"]:
            raise KeyboardInterrupt
        if end == ["damaged"]:
            raise VideoError(str(path), f"damaged after {15 * count} s", "Fetch it again.", 15.0 * count)

    def reader(self) -> Callable[[int], AbstractContextManager[InTurn]]:
        """For `Library.open(open_reader=...)`."""
        return lambda _workers: nullcontext(InTurn(self))


class FakeEncoder:
    """Vectors from the first bytes of a clip; a text is `seed number`. Keeps the sizes of its batches."""

    def __init__(self, name: str = "fake", motion: str | None = "difference") -> None:
        self.name = name
        self.fingerprint = f"fingerprint of {name}"
        self.dimension = DIMENSION
        self.kept_precision = None
        self.max_words = 77
        self.reader_spec = ReaderSpec(DIMENSION, 1, None if motion is None else MotionSpec.parse(motion))
        self.batches: list[int] = []

    def encode_clips(self, clips: Iterable[Clip]) -> NDArray[np.float32]:
        words = [clip.frames.reshape(-1)[:32].tobytes() for clip in clips]
        rows = [vector_of(text[1:].rstrip(b"\0"), text[0]) for text in words]
        self.batches.append(len(rows))
        return np.array(rows, np.float32).reshape(-1, DIMENSION)

    def encode_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return np.stack([vector_of(text.split()[0], int(text.split()[1])) for text in texts])

    def background_vectors(self) -> NDArray[np.float32]:
        return self.encode_texts([f"background {number}" for number in range(100)])


@dataclass(frozen=True)
class FakeQuestion:
    """What a text says of motion after the word "moving"."""

    text: str
    words: tuple[str, ...]
    vector: NDArray[np.float32] | None
    weight: float


class FakeMotionEncoder:
    """Vectors from the first numbers of a track; a text is `seed number [moving seed number [weight]]`. Keeps the sizes
    of its batches."""

    dimension = MOTION_DIMENSION
    examples = ("moving a 0", "moving b 1")

    def __init__(self, fingerprint: str = "fingerprint of moves", dimension: int = MOTION_DIMENSION) -> None:
        self.name = "moves"
        self.fingerprint = fingerprint
        self.dimension = dimension
        self.batches: list[int] = []

    def encode_clips(self, clips: Iterable[Clip]) -> NDArray[np.float32]:
        rows = []
        for clip in clips:
            assert clip.track is not None, "the reader was not asked for tracks"
            words = clip.track.maps.reshape(-1)[:32].astype(np.uint8).tobytes()
            rows.append(motion_of(words[1:].rstrip(b"\0"), words[0])[: self.dimension])
        self.batches.append(len(rows))
        vectors = np.array(rows, np.float32).reshape(-1, self.dimension)
        return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)

    def background_vectors(self) -> NDArray[np.float32]:
        vectors = np.stack([motion_of("background", number)[: self.dimension] for number in range(60)])
        return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)

    def question(self, text: str) -> FakeQuestion:
        _, moving, rest = text.partition("moving")
        if not moving:
            return FakeQuestion(text, (), None, 0.0)
        seed, number, *weight = rest.split()
        vector = motion_of(seed, int(number))
        return FakeQuestion(text, (f"moving {seed} {number}",), vector, float(weight[0]) if weight else 0.5)


class Shelf:
    """A folder of such files with a library beside it, for one test."""

    def __init__(self, folder: Path) -> None:
        self.videos = folder / "videos"
        self.videos.mkdir()
        self.library_path = folder / "library"
        self.reader = FakeReader()
        self.encoder = FakeEncoder()
        self.motion_encoder = FakeMotionEncoder()
        self.library = self.open()

    def open(self, encoder: FakeEncoder | None = None, motion_encoder: FakeMotionEncoder | None = None) -> Library:
        """Another handle on the same library."""
        encoders = encoder or self.encoder, motion_encoder or self.motion_encoder
        return Library.open(self.library_path, *encoders, create=True, open_reader=self.reader.reader())

    def write(self, name: str, text: str) -> Path:
        """A file of the shelf."""
        path = self.videos / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def found(self, query: str, limit: int = 1) -> list[str]:
        """Names of the files of the best hits."""
        return [hit.path.name for hit in self.library.search(query, limit=limit)]
