"""The vectors that an encoder makes of a material: the one way from videos and sentences to retrieval figures."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deltaclip.encoder import Encoder
from deltaclip.errors import VideoError
from deltaclip.evaluation.material import Material, without_broken
from deltaclip.evaluation.vector_cache import TextVectors, VectorCache, VideoVector
from deltaclip.library import Content, Stamp, content_of, require_unchanged, twice_if_touched
from deltaclip.reader import Call, Clip, guarded_calls, read_video

__all__ = ["MaterialVectors", "encode_material", "encode_texts"]

VIDEOS_AT_ONCE = 32
"""Videos whose vectors are computed before they are kept: what an interrupted run loses at most."""


@dataclass(frozen=True, slots=True, eq=False)
class MaterialVectors:
    """What an encoder made of a material.

    material: what was measured, without the videos that could not be read.
    texts: (Q, D) float32, unit rows. videos: (V, D) float32, unit rows. owner: (Q,) int64, that of the material.
    fallback: how many frames got the whole picture instead of their mask, by reason.
    coverage: (V,) float64, share of the picture that the mask holds, mean over a video's frames; 1 without masks.
    cut_texts: how many texts were longer than the encoder takes.
    broken: why each video that could not be read could not, by name. notes: what is worth knowing of files that were
    read, by name.
    """

    material: Material
    texts: NDArray[np.float32] = field(repr=False)
    videos: NDArray[np.float32] = field(repr=False)
    fallback: dict[str, int]
    coverage: NDArray[np.float64] = field(repr=False)
    cut_texts: int = 0
    broken: Mapping[str, str] = field(default_factory=dict)
    notes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def owner(self) -> NDArray[np.int64]:
        return self.material.owner


def encode_material(
    encoder: Encoder,
    material: Material,
    *,
    cache: VectorCache | None = None,
    allow_missing: bool = False,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> MaterialVectors:
    """One vector for each video, sampled over the whole of it, and one for each text.

    cache: where vectors are taken from and kept. progress is called with (videos done, videos in all).
    Raises VideoError that names the files which cannot be read, once all others are done. With allow_missing these
    count as missing, and their texts with them. Raises CaptionError where nothing is left then.
    """
    with guarded_calls() as call:
        work = _Work(encoder, material, cache, call, progress)
        for start in range(0, len(material.paths), VIDEOS_AT_ONCE):
            work.look_at(range(start, min(start + VIDEOS_AT_ONCE, len(material.paths))))
    measured = without_broken(material, work.broken, allow_missing)
    in_order = [work.seen[number] for number in sorted(work.seen)]
    fallback: Counter[str] = Counter()
    for one in in_order:
        fallback.update(one.fallback)
    texts = encode_texts(encoder, measured.texts, cache)
    return MaterialVectors(
        material=measured,
        texts=texts.vectors,
        videos=np.stack([one.vector for one in in_order]),
        fallback=dict(sorted(fallback.items())),
        coverage=np.array([one.coverage for one in in_order]),
        cut_texts=texts.cut,
        broken=work.broken,
        notes={
            material.videos[number]: work.seen[number].notes for number in sorted(work.seen) if work.seen[number].notes
        },
    )


def encode_texts(encoder: Encoder, texts: Sequence[str], cache: VectorCache | None = None) -> TextVectors:
    """One vector for each text, and how many were cut. Raises CheckpointError without a tokenizer."""
    known = None if cache is None else cache.texts(encoder, texts)
    if known is not None:
        return known
    cut = sum(encoder.cut_words(text) > 0 for text in texts)
    found = TextVectors(encoder.encode_texts(texts), cut)
    if cache is not None:
        cache.keep_texts(encoder, texts, found)
    return found


class _Work:
    """Goes through the videos of a material. seen: by number. broken: why, by name."""

    def __init__(
        self,
        encoder: Encoder,
        material: Material,
        cache: VectorCache | None,
        call: Call,
        progress: Callable[[int, int], None],
    ) -> None:
        self._encoder = encoder
        self._material = material
        self._cache = cache
        self._call = call
        self._progress = progress
        self.seen: dict[int, VideoVector] = {}
        self.broken: dict[str, str] = {}

    def look_at(self, numbers: Sequence[int]) -> None:
        """Takes the known ones of these videos from the cache, and reads and encodes the others."""
        contents: dict[int, Content | None] = {}
        facts: dict[int, tuple[float, Counter[str], tuple[str, ...]]] = {}

        def clip_of(number: int) -> Clip | None:
            path = self._path(number)
            stamp = Stamp.of(path)
            contents[number] = content = None if self._cache is None else content_of(path)
            if self._is_known(number, content):
                return None
            clip = self._call(read_video, path, self._encoder.reader_spec)
            require_unchanged(path, stamp)  # a vector of two contents is the vector of none
            return clip

        def clips() -> Iterator[Clip]:
            for number in numbers:
                try:
                    clip = twice_if_touched(partial(clip_of, number))
                    if clip is not None:
                        reasons = Counter(reason for reason in clip.fallback if reason is not None)
                        facts[number] = (float(clip.coverage.mean()), reasons, clip.notes)
                        yield clip
                except VideoError as error:
                    self.broken[self._material.videos[number]] = error.reason
                self._progress(number + 1, len(self._material.paths))

        vectors = self._encoder.encode_clips(clips())
        for number, vector in zip(facts, vectors, strict=True):
            self.seen[number] = VideoVector(vector, *facts[number])
            content = contents[number]
            if self._cache is not None and content is not None:
                self._cache.keep_video(self._encoder, content, self.seen[number])

    def _path(self, number: int) -> Path:
        return self._material.paths[number]

    def _is_known(self, number: int, content: Content | None) -> bool:
        """Takes the vector of a video from the cache, where it is."""
        if self._cache is None or content is None:
            return False
        known = self._cache.video(self._encoder, content)
        if known is not None:
            self.seen[number] = known
        return known is not None
