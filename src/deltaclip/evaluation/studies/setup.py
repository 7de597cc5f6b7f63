"""What a study works with: its encoder with other masks and frames, its videos, drawn and decoded once."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deltaclip.encoder import DEFAULT_MOTION, Encoder
from deltaclip.errors import VideoError
from deltaclip.evaluation.encoding import MaterialVectors, encode_texts
from deltaclip.evaluation.material import Material, shapes_material, without_broken
from deltaclip.evaluation.protocol import protocol_of_material
from deltaclip.evaluation.vector_cache import TextVectors
from deltaclip.findings import Estimate, Figures, Plain
from deltaclip.pipeline import Job, Pipeline, single
from deltaclip.ranking import Indices, bootstrap_intervals, compute_metrics, rank_blocks, similarity_blocks
from deltaclip.reader import Clip, ReaderSpec, read_variants
from deltaclip.shapes import TEST_SEED, ShapesClip, ShapesSpec, make_world

__all__ = ["StudySetup", "World", "both_estimates", "estimate", "mask_figures", "ranks_both_ways"]

SHAPES_SEED = TEST_SEED
"""That of `evaluate shapes`: its clips are none that the bundled encoder was trained on."""
FILES_AT_ONCE = 4
"""Files whose clips are held at once, times the masks that are compared."""

NOT_OF_STUDIES = {"captions", "cut_captions", "marks", "world", "chosen_on", "chosen_among"}
"""What a `Protocol` tells of one ranking of one set: a study may have several, and chooses no encoder."""

STILL = ShapesSpec()


@dataclass(frozen=True, slots=True, eq=False)
class World:
    """What is measured.

    material: files and texts. clips: the drawn clips, in the order of the files; empty for other data sets.
    clusters: (V,) int64, videos that are drawn together by the bootstrap: twins hold the same objects, so that their
    ranks are not independent; elsewhere each video is its own.
    """

    material: Material
    clips: tuple[ShapesClip, ...]
    clusters: Indices

    def clusters_of(self, vectors: MaterialVectors) -> Indices:
        """Those of the videos that were read; drawn files can all be read, elsewhere each video is its own."""
        return self.clusters if vectors.material is self.material else np.arange(len(vectors.videos))


@dataclass(slots=True)
class StudySetup:
    """What a study works with.

    encoder: its own mask and number of frames are those of the results. folder: for drawn files, emptied by the owner.
    material: a data set, or None for Moving Shapes. num_clips: of a drawn world, None for the study's own number.
    seed: of drawn worlds and of whatever else a study draws. allow_missing: continue without unreadable videos.
    progress: called with (what is done, videos done, videos in all).
    broken: why each video that could not be read could not, by name; filled while a study runs.
    """

    encoder: Encoder
    folder: Path
    material: Material | None = None
    num_clips: int | None = None
    seed: int = SHAPES_SEED
    allow_missing: bool = False
    progress: Callable[[str, int, int], None] = lambda what, done, total: None
    broken: dict[str, str] = field(default_factory=dict)
    _encoders: dict[tuple[str, int], Encoder] = field(default_factory=dict, repr=False)

    @property
    def on_shapes(self) -> bool:
        return self.material is None

    @property
    def motion(self) -> str:
        """The encoder's own mask; for weights that no mask can act on, the one it would be given."""
        return self.encoder.reader_spec.motion_word or self.encoder.record.motion or DEFAULT_MOTION

    @property
    def num_frames(self) -> int:
        return self.encoder.reader_spec.num_frames

    def world(self, default_clips: int, spec: ShapesSpec = STILL) -> World:
        """The data set, or drawn clips: as many as the user asked for, else `default_clips`."""
        if self.material is not None:
            return World(self.material, (), np.arange(len(self.material.videos)))
        return self.drawn(spec, self.num_clips or default_clips)

    def drawn(self, spec: ShapesSpec, num_clips: int) -> World:
        """Moving Shapes, whatever the data set. Each call writes files of its own."""
        folder = self.folder / f"world-{len(list(self.folder.iterdir()))}"
        self.progress("drawing", 0, num_clips)
        material = shapes_material(folder, spec, self.seed, num_clips)
        clips = tuple(make_world(self.seed, num_clips, spec))
        return World(material, clips, np.array([clip.group for clip in clips]))

    def encoder_for(self, motion: str | None = None, num_frames: int | None = None) -> Encoder:
        """The same weights with a different mask or number of frames; None keeps the encoder's own."""
        key = (motion or self.motion, num_frames or self.num_frames)
        if key not in self._encoders:
            self._encoders[key] = self.encoder.with_options(motion=key[0], num_frames=key[1])
        return self._encoders[key]

    def encode(
        self,
        what: str,
        world: World,
        encoders: Sequence[Encoder],
        look: Callable[[int, int, Clip], None] = lambda encoder, video, clip: None,
        specs: Sequence[ReaderSpec] | None = None,
    ) -> list[MaterialVectors]:
        """Vectors of one world by encoders that differ in their mask alone; each file is decoded once.

        what: said while it runs. look: shown each clip with the numbers of its encoder and video. specs: how to read
        for each encoder, None for their own ways. Raises VideoError that names what cannot be read, unless it may be
        missing.
        """
        material = world.material
        specs = [one.reader_spec for one in encoders] if specs is None else specs
        gathered = [_Gathered() for _ in encoders]
        broken: dict[str, str] = {}
        variants: list[tuple[Clip, ...]] = []
        jobs = (Job(number, path, (specs,)) for number, path in enumerate(material.paths))
        with Pipeline(single(read_variants)) as pipeline:
            for job, results in pipeline.read(jobs):
                try:
                    variants += results
                except VideoError as error:
                    broken[material.videos[job.key]] = error.reason
                else:
                    for place, clip in enumerate(variants[-1]):
                        look(place, job.key, clip)
                self.progress(what, job.key + 1, len(material.paths))
                if len(variants) == FILES_AT_ONCE or (variants and job.key + 1 == len(material.paths)):
                    for place, encoder in enumerate(encoders):
                        gathered[place].add(encoder, [clips[place] for clips in variants])
                    variants.clear()
        self.broken |= broken
        measured = without_broken(material, broken, self.allow_missing)
        texts = encode_texts(encoders[0], measured.texts)  # no mask and no frame is in them
        return [one.vectors(measured, texts, broken) for one in gathered]

    def protocol(self, world: World) -> dict[str, Plain]:
        """How results were made, for every file that describes them: the `Protocol` of evaluations where it applies.

        Studies may ask other texts than the captions, so that "texts" means these and cut ones are not counted.
        """
        material = world.material.without(tuple(self.broken))
        broken = len(self.broken.keys() & set(material.missing))
        record = protocol_of_material(self.encoder, material, broken, cut_texts=0).to_json()
        record["texts"] = record["captions"]
        told: dict[str, Plain] = {name: value for name, value in record.items() if name not in NOT_OF_STUDIES}
        return told | {"seed": self.seed, "alpha_acts": self.encoder.alpha_acts}


@dataclass(slots=True)
class _Gathered:
    """What one encoder has made so far."""

    videos: list[NDArray[np.float32]] = field(default_factory=list)
    coverage: list[float] = field(default_factory=list)
    fallback: Counter[str] = field(default_factory=Counter)

    def add(self, encoder: Encoder, clips: list[Clip]) -> None:
        self.videos.append(encoder.encode_clips(clips))
        self.coverage += [float(clip.coverage.mean()) for clip in clips]
        self.fallback.update(reason for clip in clips for reason in clip.fallback if reason is not None)

    def vectors(self, material: Material, texts: TextVectors, broken: dict[str, str]) -> MaterialVectors:
        videos, coverage = np.concatenate(self.videos), np.array(self.coverage)
        fallback = dict(sorted(self.fallback.items()))
        return MaterialVectors(material, texts.vectors, videos, fallback, coverage, texts.cut, broken)


def ranks_both_ways(vectors: MaterialVectors) -> tuple[Indices, Indices]:
    """Ranks of texts (Q,) and of videos that own a text, ties against the query."""
    blocks = similarity_blocks(vectors.texts, vectors.videos, vectors.owner)
    ranking = rank_blocks(blocks, vectors.owner, len(vectors.videos))
    return ranking.t2v.pessimistic, ranking.v2t.pessimistic


def estimate(ranks: Indices, clusters: Indices, metric: str = "R1") -> Estimate:
    """R@1 (or another metric in percent) of ranks (N,) with its interval; clusters (N,): see `World`."""
    low, high = bootstrap_intervals(ranks, clusters)[metric]
    return Estimate(float(getattr(compute_metrics(ranks), metric)), low, high, len(ranks))


def both_estimates(vectors: MaterialVectors, world: World) -> Figures:
    """R@1 both ways."""
    clusters = world.clusters_of(vectors)
    t2v, v2t = ranks_both_ways(vectors)
    asking = np.unique(vectors.owner)
    return {"T2V R@1": estimate(t2v, clusters[vectors.owner]), "V2T R@1": estimate(v2t, clusters[asking])}


def mask_figures(vectors: MaterialVectors, num_frames: int) -> Figures:
    """Mean share of the picture that the mask holds, and share of frames that got the whole picture instead."""
    without = sum(vectors.fallback.values()) / (len(vectors.videos) * num_frames)
    return {"coverage": float(vectors.coverage.mean()), "frames without mask": without}
