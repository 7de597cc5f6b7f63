"""What an encoder is measured on, and its vectors: the one way from videos and sentences to retrieval figures."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deltaclip.encoder import Encoder
from deltaclip.errors import CaptionError, VideoError
from deltaclip.reader import Clip, read_video
from deltaclip.shapes import ShapesSpec, make_world, write_world

__all__ = ["Material", "Vectors", "encode_material", "shapes_material"]

NAMED = 10
"""Names that an error lists before it only counts."""
VIDEOS_AT_ONCE = 32
"""Videos whose vectors are computed before they are kept: what an interrupted run loses at most."""


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
    broken: why each video that could not be read could not, by name.
    """

    material: Material
    texts: NDArray[np.float32] = field(repr=False)
    videos: NDArray[np.float32] = field(repr=False)
    fallback: dict[str, int]
    coverage: NDArray[np.float64] = field(repr=False)
    broken: Mapping[str, str] = field(default_factory=dict)

    @property
    def owner(self) -> NDArray[np.int64]:
        return self.material.owner


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
    allow_missing: bool = False,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Vectors:
    """One vector for each video, sampled over the whole of it, and one for each text.

    progress is called with (videos done, videos in all).
    Raises VideoError that names the files which cannot be read, once all others are done. With allow_missing these
    count as missing, and their texts with them. Raises CaptionError where nothing is left then.
    """
    seen: dict[int, _Seen] = {}
    broken: dict[str, str] = {}
    for start in range(0, len(material.paths), VIDEOS_AT_ONCE):
        numbers = range(start, min(start + VIDEOS_AT_ONCE, len(material.paths)))
        seen |= _encode_some(encoder, material, numbers, broken, lambda done: progress(done, len(material.paths)))
    measured = without_broken(material, broken, allow_missing)
    fallback: Counter[str] = Counter()
    for one in seen.values():
        fallback.update(one.fallback)
    in_order = [seen[number] for number in sorted(seen)]
    return Vectors(
        material=measured,
        texts=encoder.encode_texts(measured.texts),
        videos=np.stack([one.vector for one in in_order]),
        fallback=dict(sorted(fallback.items())),
        coverage=np.array([one.coverage for one in in_order]),
        broken=broken,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    """One video: vector (D,) float32, mean coverage, and how many frames fell back, by reason."""

    vector: NDArray[np.float32]
    coverage: float
    fallback: Mapping[str, int]


def _encode_some(
    encoder: Encoder,
    material: Material,
    numbers: Sequence[int],
    broken: dict[str, str],
    progress: Callable[[int], None],
) -> dict[int, _Seen]:
    """The videos of these numbers by number; those that cannot be read go into `broken` with the reason."""
    facts: dict[int, tuple[float, Counter[str]]] = {}

    def clips() -> Iterator[Clip]:
        for number in numbers:
            try:
                clip = read_video(material.paths[number], encoder.reader_spec)
            except VideoError as error:
                broken[material.videos[number]] = error.reason
            else:
                reasons = Counter(reason for reason in clip.fallback if reason is not None)
                facts[number] = (float(clip.coverage.mean()), reasons)
                yield clip
            progress(number + 1)

    vectors = encoder.encode_clips(clips())
    return {number: _Seen(row, *facts[number]) for number, row in zip(facts, vectors, strict=True)}


def without_broken(material: Material, broken: Mapping[str, str], allow_missing: bool) -> Material:
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
    named = [f"{name} ({reason.rstrip('.')})" for name, reason in list(broken.items())[:NAMED]]
    more = f" and {len(broken) - NAMED} more" if len(broken) > NAMED else ""
    return "; ".join(named) + more
