"""What an encoder is measured on, and its vectors: the one way from videos and sentences to retrieval figures."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deltaclip.captions import Split, VideoFiles
from deltaclip.encoder import Encoder
from deltaclip.errors import CaptionError, VideoError
from deltaclip.evaluation.vector_cache import TextVectors, VectorCache, VideoVector
from deltaclip.library.content import Content, content_of
from deltaclip.reader import Clip, guarded, stream_video
from deltaclip.shapes import ShapesSpec, make_world, write_world

__all__ = [
    "Material",
    "Vectors",
    "encode_material",
    "encode_texts",
    "material_of_split",
    "shapes_material",
    "without_broken",
]

NAMED = 10
"""Names that an error lists before it only counts."""
VIDEOS_AT_ONCE = 32
"""Videos whose vectors are computed before they are kept: what an interrupted run loses at most."""


TIME_LIMIT_SECONDS = 180.0
"""What a video may take to be read, in a child process: one that hangs or crashes its decoder is a broken one."""


@dataclass(frozen=True, slots=True, eq=False)
class Material:
    """Videos and sentences that an encoder is measured on.

    dataset, split: their names. videos: V names, the candidates. paths: V files. texts: Q queries.
    owner: (Q,) int64, the place of each text's video among the videos.
    missing: names of videos of the split that are not here; neither they nor their texts are among those above.
    missing_texts: how many texts went with them. seed: of drawn clips, else None.
    """

    dataset: str
    split: str
    videos: tuple[str, ...] = field(repr=False)
    paths: tuple[Path, ...] = field(repr=False)
    texts: tuple[str, ...] = field(repr=False)
    owner: NDArray[np.int64] = field(repr=False)
    missing: tuple[str, ...] = ()
    missing_texts: int = 0
    seed: int | None = None

    def __post_init__(self) -> None:
        if len(self.videos) != len(self.paths) or self.owner.shape != (len(self.texts),):
            raise ValueError("every video needs its path, every text its owner")
        if not self.videos or not self.texts:
            raise ValueError("nothing can be ranked without a video and a text")
        if self.owner.min() < 0 or self.owner.max() >= len(self.videos):
            raise ValueError("an owner is no place among the videos")

    def without(self, names: Sequence[str]) -> "Material":
        """The same without these videos and their texts; both are counted as missing. At least one text must stay."""
        if not names:
            return self
        gone = set(names)
        stays = np.array([video not in gone for video in self.videos])
        texts_stay = stays[self.owner]
        place = np.cumsum(stays) - 1
        return replace(
            self,
            videos=tuple(video for video, keep in zip(self.videos, stays, strict=True) if keep),
            paths=tuple(path for path, keep in zip(self.paths, stays, strict=True) if keep),
            texts=tuple(text for text, keep in zip(self.texts, texts_stay, strict=True) if keep),
            owner=place[self.owner[texts_stay]],
            missing=(*self.missing, *(video for video in self.videos if video in gone)),
            missing_texts=self.missing_texts + int(np.count_nonzero(~texts_stay)),
        )


@dataclass(frozen=True, slots=True, eq=False)
class Vectors:
    """What an encoder made of a material.

    material: what was measured, without the videos that could not be read.
    texts: (Q, D) float32, unit rows. videos: (V, D) float32, unit rows. owner: (Q,) int64, that of the material.
    fallback: how many frames got the whole picture instead of their mask, by reason.
    coverage: (V,) float64, share of the picture that the mask holds, mean over a video's frames; 1 without masks.
    cut_texts: how many texts were longer than the encoder takes.
    broken: why each video that could not be read could not, by name.
    """

    material: Material
    texts: NDArray[np.float32] = field(repr=False)
    videos: NDArray[np.float32] = field(repr=False)
    fallback: dict[str, int]
    coverage: NDArray[np.float64] = field(repr=False)
    cut_texts: int = 0
    broken: Mapping[str, str] = field(default_factory=dict)

    @property
    def owner(self) -> NDArray[np.int64]:
        return self.material.owner


def material_of_split(
    dataset: str, split_name: str, split: Split, files: VideoFiles, *, allow_missing: bool = False
) -> Material:
    """The videos of a split that are here, and their captions.

    Raises CaptionError where the split has no captions, where files are missing and this is not allowed, and where
    none of the captions has its video.
    """
    what = f"{dataset}, split {split_name}"
    if split.captions is None:
        raise CaptionError(what, "its captions are not here", "See `deltaclip data` for the files that it looks for.")
    missing = tuple(video for video in split.videos if video not in files.found)
    if missing and not allow_missing:
        found = f"{len(missing)} of {len(split.videos)} videos are missing: {_some(missing)}"
        remedy = "Put them there, or allow them to be missing (--allow-missing); every table then says how many."
        raise CaptionError(what, found, remedy)
    videos = tuple(video for video in split.videos if video in files.found)
    captions = [caption for caption in split.captions if caption.video in files.found]
    if not captions:
        found = f"none of its {len(split.captions)} captions has its video here"
        raise CaptionError(what, found, "Give the folder that holds the videos (--videos).")
    place = {video: number for number, video in enumerate(videos)}
    return Material(
        dataset=dataset,
        split=split_name,
        videos=videos,
        paths=tuple(files.found[video] for video in videos),
        texts=tuple(caption.text for caption in captions),
        owner=np.array([place[caption.video] for caption in captions]),
        missing=missing,
        missing_texts=len(split.captions) - len(captions),
    )


def shapes_material(folder: Path, spec: ShapesSpec, seed: int, num_clips: int) -> Material:
    """Clips of Moving Shapes, drawn and written as mp4 into `folder`, each with its full caption."""
    clips = make_world(seed, num_clips, spec)
    paths = write_world(folder, clips)
    return Material(
        dataset="shapes",
        split="test",
        videos=tuple(path.stem for path in paths),
        paths=tuple(paths),
        texts=tuple(clip.caption for clip in clips),
        owner=np.arange(len(clips)),
        seed=seed,
    )


def encode_material(
    encoder: Encoder,
    material: Material,
    *,
    cache: VectorCache | None = None,
    allow_missing: bool = False,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Vectors:
    """One vector for each video, sampled over the whole of it, and one for each text.

    cache: where vectors are taken from and kept. progress is called with (videos done, videos in all).
    Raises VideoError that names the files which cannot be read, once all others are done. With allow_missing these
    count as missing, and their texts with them. Raises CaptionError where nothing is left then.
    """
    with guarded(stream_video, TIME_LIMIT_SECONDS) as read:
        work = _Work(encoder, material, cache, read, progress)
        for start in range(0, len(material.paths), VIDEOS_AT_ONCE):
            work.look_at(range(start, min(start + VIDEOS_AT_ONCE, len(material.paths))))
    measured = without_broken(material, work.broken, allow_missing)
    in_order = [work.seen[number] for number in sorted(work.seen)]
    fallback: Counter[str] = Counter()
    for one in in_order:
        fallback.update(one.fallback)
    texts = encode_texts(encoder, measured.texts, cache)
    return Vectors(
        material=measured,
        texts=texts.vectors,
        videos=np.stack([one.vector for one in in_order]),
        fallback=dict(sorted(fallback.items())),
        coverage=np.array([one.coverage for one in in_order]),
        cut_texts=texts.cut,
        broken=work.broken,
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
        read: Callable[..., Iterator[Clip]],
        progress: Callable[[int, int], None],
    ) -> None:
        self._encoder = encoder
        self._material = material
        self._cache = cache
        self._read = read
        self._progress = progress
        self.seen: dict[int, VideoVector] = {}
        self.broken: dict[str, str] = {}

    def look_at(self, numbers: Sequence[int]) -> None:
        """Takes the known ones of these videos from the cache, and reads and encodes the others."""
        contents: dict[int, Content | None] = {}
        facts: dict[int, tuple[float, Counter[str]]] = {}

        def clips() -> Iterator[Clip]:
            for number in numbers:
                try:
                    contents[number] = content = None if self._cache is None else content_of(self._path(number))
                    if not self._is_known(number, content):
                        path = self._path(number)
                        [clip] = self._read(str(path), path, self._encoder.reader_spec)
                        reasons = Counter(reason for reason in clip.fallback if reason is not None)
                        facts[number] = (float(clip.coverage.mean()), reasons)
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


def without_broken(material: Material, broken: Mapping[str, str], allow_missing: bool) -> Material:
    """The material without the videos that could not be read (name -> why). Raises as `encode_material` says."""
    if not broken:
        return material
    found = f"{len(broken)} of {len(material.videos)} videos cannot be read: {_first(broken)}"
    if not allow_missing:
        remedy = "Fetch them again, or allow them to be missing (--allow-missing); every table then says how many."
        raise VideoError(material.dataset, found, remedy)
    if {material.videos[place] for place in material.owner.tolist()} <= broken.keys():
        raise CaptionError(material.dataset, found, "No text has a video left: fetch the videos again.")
    return material.without(tuple(broken))


def _first(broken: Mapping[str, str]) -> str:
    """The first names with their reasons, and how many more there are."""
    return _some([f"{name} ({reason.rstrip('.')})" for name, reason in broken.items()], "; ")


def _some(names: Sequence[str], between: str = ", ") -> str:
    """The first names, and how many more there are."""
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return between.join(names[:NAMED]) + more
