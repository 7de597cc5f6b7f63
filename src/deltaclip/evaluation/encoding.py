"""The vectors that an encoder makes of a material: the one way from videos and sentences to retrieval figures."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deltaclip.encoder import Encoder
from deltaclip.errors import VideoError
from deltaclip.evaluation.material import Material, without_broken
from deltaclip.evaluation.vector_cache import TextVectors, VectorCache, VideoVector
from deltaclip.frame_cache import CachedVideos, FrameCache, read_video_or_cache
from deltaclip.library import Content, Stamp, TouchedError, content_of, require_unchanged
from deltaclip.pipeline import Job, Pipeline, single, usual_workers
from deltaclip.reader import Clip

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
    read, by name. from_frames, decoded: how many vectors were made from frames of a frame cache, and how many from
    decoded files; the others were known.
    """

    material: Material
    texts: NDArray[np.float32] = field(repr=False)
    videos: NDArray[np.float32] = field(repr=False)
    fallback: dict[str, int]
    coverage: NDArray[np.float64] = field(repr=False)
    cut_texts: int = 0
    broken: Mapping[str, str] = field(default_factory=dict)
    notes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    from_frames: int = 0
    decoded: int = 0

    @property
    def owner(self) -> NDArray[np.int64]:
        return self.material.owner


def encode_material(
    encoder: Encoder,
    material: Material,
    *,
    cache: VectorCache | None = None,
    frame_cache: str | Path | None = None,
    allow_missing: bool = False,
    progress: Callable[[int, int], None] = lambda done, total: None,
    workers: int | None = None,
) -> MaterialVectors:
    """One vector for each video, sampled over the whole of it, and one for each text.

    cache: where vectors are taken from and kept. frame_cache: folder or address of a frame cache; videos whose frames
    it holds are not decoded, and the vectors are the same to the bit. progress is called with (videos done, videos in
    all). workers: videos read at once, None for one per core, at most 8; the vectors do not depend on it.
    Raises CacheError if the frame cache would give the encoder different frames, or is damaged. Raises VideoError that
    names the files which cannot be read, once all others are done. With allow_missing these count as missing, and their
    texts with them. Raises CaptionError where nothing is left then.
    """
    frames = None if frame_cache is None else CachedVideos(frame_cache, encoder.reader_spec, material.videos)
    with Pipeline(single(read_video_or_cache), usual_workers() if workers is None else workers) as pipeline:
        work = _Work(encoder, material, cache, frames, pipeline, progress)
        work.run()
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
        from_frames=work.from_frames,
        decoded=work.decoded,
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


@dataclass(frozen=True, slots=True)
class _Asked:
    """A video that has to be read. stamp, content: of its file before that; content if vectors are kept.

    is_cached: whether its frames are.
    """

    number: int
    stamp: Stamp
    content: Content | None
    is_cached: bool


class _Work:
    """Goes through the videos of a material. seen: by number. broken: why, by name."""

    def __init__(
        self,
        encoder: Encoder,
        material: Material,
        cache: VectorCache | None,
        frames: CachedVideos | None,
        pipeline: Pipeline[Clip],
        progress: Callable[[int, int], None],
    ) -> None:
        self._encoder = encoder
        self._material = material
        self._cache = cache
        self._frames = frames
        self._pipeline = pipeline
        self._progress = progress
        self._touched: list[int] = []
        self._num_done = 0
        self.seen: dict[int, VideoVector] = {}
        self.broken: dict[str, str] = {}
        self.from_frames = self.decoded = 0

    def run(self) -> None:
        """All videos; those that were touched while they were read once more: they may have been written to."""
        self._look_at(range(len(self._material.paths)), may_be_touched=True)
        self._look_at(sorted(self._touched), may_be_touched=False)

    def _look_at(self, numbers: Sequence[int], *, may_be_touched: bool) -> None:
        """Takes the known ones of these videos from the cache, and reads and encodes the others."""
        clips = self._clips(numbers, may_be_touched)
        for first in clips:
            batch: list[tuple[_Asked, Clip]] = []
            vectors = self._encoder.encode_clips(_noted(batch, chain([first], islice(clips, VIDEOS_AT_ONCE - 1))))
            for (asked, clip), vector in zip(batch, vectors, strict=True):
                self._keep(asked, clip, vector)

    def _clips(self, numbers: Sequence[int], may_be_touched: bool) -> Iterator[tuple[_Asked, Clip]]:
        for job, clips in self._pipeline.read(self._jobs(numbers)):
            number = job.key.number
            try:
                [clip] = clips
                require_unchanged(job.path, job.key.stamp)  # a vector of two contents is the vector of none
            except TouchedError as error:
                if may_be_touched:
                    self._touched.append(number)
                    continue
                self._break(number, error)
            except VideoError as error:
                self._break(number, error)
            else:
                self._tell()
                yield job.key, clip

    def _jobs(self, numbers: Sequence[int]) -> Iterator[Job[_Asked]]:
        """The videos whose vectors are not known yet."""
        for number in numbers:
            path = self._material.paths[number]
            try:
                stamp = Stamp.of(path)
                content = None if self._cache is None else content_of(path)
                known = None if content is None or self._cache is None else self._cache.video(self._encoder, content)
                frames = self._cached_frames(number, stamp, content) if known is None else None
            except VideoError as error:
                self._break(number, error)
                continue
            if known is None:
                asked = _Asked(number, stamp, content, frames is not None)
                yield Job(asked, path, (self._encoder.reader_spec, frames))
            else:
                self.seen[number] = known
                self._tell()

    def _cached_frames(self, number: int, stamp: Stamp, content: Content | None) -> FrameCache | None:
        if self._frames is None:
            return None
        return self._frames.find(self._material.videos[number], self._material.paths[number], stamp, content)

    def _keep(self, asked: _Asked, clip: Clip, vector: NDArray[np.float32]) -> None:
        reasons = Counter(reason for reason in clip.fallback if reason is not None)
        video = self.seen[asked.number] = VideoVector(vector, float(clip.coverage.mean()), reasons, clip.notes)
        self.from_frames += asked.is_cached
        self.decoded += not asked.is_cached
        if self._cache is not None and asked.content is not None:
            self._cache.keep_video(self._encoder, asked.content, video)

    def _break(self, number: int, error: VideoError) -> None:
        self.broken[self._material.videos[number]] = error.reason
        self._tell()

    def _tell(self) -> None:
        self._num_done += 1
        self._progress(self._num_done, len(self._material.paths))


def _noted(batch: list[tuple[_Asked, Clip]], clips: Iterable[tuple[_Asked, Clip]]) -> Iterator[Clip]:
    """The clips alone, each put into `batch` as it passes, without its pixels."""
    for asked, clip in clips:
        batch.append((asked, replace(clip, frames=clip.frames[:0])))
        yield clip
