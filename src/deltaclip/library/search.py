"""What a search asks: the segments of a file as queries, and what a sentence says of motion."""

import threading
import warnings
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from deltaclip.checks import check_choice
from deltaclip.errors import LibraryError, VideoError
from deltaclip.library.encoders import require_same_motion
from deltaclip.library.filters import Filter
from deltaclip.library.protocols import MomentReader, MotionVectorEncoder, VectorEncoder
from deltaclip.library.results import Hit, RememberedEncoder, RememberedMotionEncoder
from deltaclip.library.store import MotionQuery, Store
from deltaclip.pipeline import Job
from deltaclip.reader import Clip, ReaderSpec
from deltaclip.video import SEGMENT_SECONDS
from deltaclip.wording import count

__all__ = [
    "By",
    "Find",
    "KeptTexts",
    "NoMotionWordsError",
    "check_by",
    "encode_query_file",
    "motion_asked",
    "motion_of_clip",
]
__all__ += ["require_motion", "tell_lacking"]

CLIPS_AT_ONCE = 8
TEXTS_KEPT = 256
"""Texts whose vectors are kept: who reads further in an answer asks the same text again."""

By = Literal["appearance", "motion", "both"]
"""What a search goes by."""


class NoMotionWordsError(ValueError):
    """A search by motion alone with a text that says nothing of motion; it names some phrases that are understood."""


@dataclass(frozen=True, slots=True, eq=False)
class Find:
    """A search that is ready to run: `find(limit)` gives its hits, best first.

    vectors: (Q, D) float32, unit rows, None by motion alone. made_by: their encoder. motion: what is asked of motion
    vectors. where: which moments may be found. on_note: called with how many moments have damaged vectors; without it,
    that is a Python warning.
    """

    store: Store
    vectors: NDArray[np.float32] | None
    made_by: RememberedEncoder | None
    motion: MotionQuery | None
    where: Filter | None
    on_note: Callable[[str], None] | None = None
    _told: set[int] = field(default_factory=set, init=False, repr=False)

    def __call__(self, limit: int) -> list[Hit]:
        return self.store.find(
            self.vectors, limit, self.made_by, motion=self.motion, where=self.where, on_damaged=self._tell
        )

    def _tell(self, damaged: int) -> None:
        """Once, although a search that folds asks several times."""
        if damaged in self._told:
            return
        self._told.add(damaged)
        have, are = ("has a damaged vector", "is") if damaged == 1 else ("have damaged vectors", "are")
        words = f"{count(damaged, 'moment')} {have} and {are} not searched: run `deltaclip repair`"
        if self.on_note is None:
            warnings.warn(f"{self.store.address}: {words}", stacklevel=4)
        else:
            self.on_note(words)

    @property
    def weight(self) -> float | None:
        """Of motion beside appearance; None if motion does not count."""
        return None if self.motion is None or not self.motion.weight else self.motion.weight


class KeptTexts:
    """The vectors of the last texts, of one encoder. Any thread may use it."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, NDArray[np.float32]] = OrderedDict()
        self._turn = threading.Lock()

    def vectors(self, encoder: VectorEncoder, texts: Sequence[str]) -> NDArray[np.float32]:
        """(Q, D) float32, unit rows: those that are not kept are encoded together."""
        with self._turn:
            found = {text: self._kept[text] for text in texts if text in self._kept}
        if lacking := [text for text in dict.fromkeys(texts) if text not in found]:
            found.update(zip(lacking, encoder.encode_texts(lacking), strict=True))
        with self._turn:
            for text in texts:
                self._kept[text] = found[text]
                self._kept.move_to_end(text)
            while len(self._kept) > TEXTS_KEPT:
                self._kept.popitem(last=False)
        return np.stack([found[text] for text in texts])


def check_by(by: Any) -> None:  # Any: whatever somebody passed
    """Raises TypeError, ValueError for anything but a way to search."""
    check_choice(by, "by", get_args(By))


def encode_query_file(
    path: Path, encoder: VectorEncoder, reader: MomentReader, on_note: Callable[[str], None]
) -> NDArray[np.float32]:
    """One vector for every segment of a query video, cut as `index` cuts: (Q, D) float32, Q >= 1.

    on_note: called with what is worth knowing about the file. Raises VideoError if it cannot be read to its end.
    """
    return _encoded_file(path, encoder.reader_spec, encoder.encode_clips, reader, on_note)


def motion_of_clip(
    path: Path,
    spec: ReaderSpec,
    encoder: MotionVectorEncoder,
    reader: MomentReader,
    on_note: Callable[[str], None],
) -> NDArray[np.float32]:
    """The same for motion: one motion vector for every segment, (Q, Dm) float32, Q >= 1.

    spec: how the library's own videos are read. Raises VideoError also for a still picture.
    """
    still = True

    def encode(clips: Sequence[Clip]) -> NDArray[np.float32]:
        nonlocal still
        still = still and all(_is_still(clip) for clip in clips)
        return encoder.encode_clips(clips)

    vectors = _encoded_file(path, replace(spec, track=True), encode, reader, on_note)
    if still:
        remedy = "Give a video, or search for what looks like it: --image FILE, in Python search_image."
        raise VideoError(str(path), "a still picture, in which nothing moves", remedy)
    return vectors


def _is_still(clip: Clip) -> bool:
    """Whether it shows one frame beside which there is no other."""
    assert clip.track is not None, "asked of the reader"
    return len(clip.seconds) == 1 and not clip.track.maps.any() and not clip.track.numbers.any()


def motion_asked(
    store: Store,
    load: Callable[[], MotionVectorEncoder],
    text: str,
    by: By,
    on_note: Callable[[str], None] | None,
) -> MotionQuery | None:
    """What a sentence asks of motion vectors; None if it asks by appearance alone.

    load: gives the motion encoder. on_note: called with how many moments have no motion vector, if the sentence asks
    for motion; None if nobody wants to know. Raises by motion alone: NoMotionWordsError for a sentence without motion
    words, LibraryError if the library has no motion vectors that can be compared.
    """
    if by == "appearance" or (by == "both" and (store.declines_motion() or not store.has_moments())):
        return None
    if by == "motion":
        _require_choice(store)
    encoder = load()
    asked = encoder.question(text)
    if asked.vector is None or (by == "both" and asked.weight == 0):
        if by == "motion":
            raise NoMotionWordsError(_no_words(text, encoder))
        return None
    made_by = RememberedMotionEncoder.of(encoder)
    stored = store.motion_encoder()
    if by == "both" and (stored is None or stored.fingerprint != made_by.fingerprint):
        if on_note is not None:
            on_note(_lacking_words(store.status().segments, by, "" if stored is None else " of this motion encoder"))
        return None
    if on_note is not None:
        tell_lacking(store, by, on_note)
    return MotionQuery(asked.vector[None], asked.weight, made_by)


def require_motion(store: Store, encoder: MotionVectorEncoder) -> None:
    """Raises LibraryError if a library has moments, and no motion vectors that can be compared with this encoder's."""
    _require_choice(store)
    if store.has_moments():
        require_same_motion(store.address, store.motion_encoder(), RememberedMotionEncoder.of(encoder))


def _require_choice(store: Store) -> None:
    """Raises LibraryError if a library was made without motion vectors."""
    if store.declines_motion():
        remedy = (
            "Run `deltaclip index --motion-words` (in Python motion_words=True) with the same folders: their files are "
            "read again for it."
        )
        raise LibraryError(store.address, "made without motion vectors", remedy)


def tell_lacking(store: Store, by: By, on_note: Callable[[str], None]) -> None:
    """Says how many moments have no motion vector, if there are any."""
    if lacking := store.status().without_motion:
        on_note(_lacking_words(lacking, by))


def _lacking_words(lacking: int, by: By, whose: str = "") -> str:
    what, have, are = ("moment", "has", "is") if lacking == 1 else ("moments", "have", "are")
    end = "not found" if by == "motion" else "ranked by appearance alone"
    again = "index the same folders again with deltaclip index"
    return f"{lacking:,} {what} {have} no motion vector{whose} and {are} {end}: {again}"


def _no_words(text: str, encoder: MotionVectorEncoder) -> str:
    return (
        f"no word of {text!r} is understood as motion. What is understood, for example: {'; '.join(encoder.examples)}"
    )


def _encoded_file(
    path: Path,
    spec: ReaderSpec,
    encode: Callable[[Sequence[Clip]], NDArray[np.float32]],
    reader: MomentReader,
    on_note: Callable[[str], None],
) -> NDArray[np.float32]:
    notes: dict[str, None] = {}

    def clips() -> Iterator[Clip]:
        for _, found in reader.read([Job(None, path, (spec, SEGMENT_SECONDS))]):
            for clip in found:
                notes.update(dict.fromkeys(clip.notes))
                yield clip

    vectors, read = list[NDArray[np.float32]](), clips()
    while batch := list(islice(read, CLIPS_AT_ONCE)):
        vectors.append(encode(batch))
    for text in notes:
        on_note(text)
    return np.concatenate(vectors)
