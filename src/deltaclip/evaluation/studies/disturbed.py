"""A data set, read with frames made worse: every disturbance, strength and mask from one decoding."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deltaclip.errors import VideoError
from deltaclip.evaluation.encoding import MaterialVectors, encode_texts
from deltaclip.evaluation.material import Material, without_broken
from deltaclip.evaluation.studies.disturb import Disturbance, disturb
from deltaclip.evaluation.studies.mask_overlap import MaskFrames, agreement, fed_mask
from deltaclip.evaluation.studies.setup import StudySetup, World
from deltaclip.motion import MotionSpec, Neighbours, Steps
from deltaclip.pipeline import Job, Pipeline, single
from deltaclip.reader import Clip, ReaderSpec, fit_to_model, join_channels, read_motion

__all__ = ["STRENGTHS", "encode_disturbed"]

STRENGTHS: dict[Disturbance, tuple[float, ...]] = {
    "noise": (0.0, 5.0, 10.0, 20.0, 40.0),
    "flicker": (0.0, 0.04, 0.08, 0.16, 0.32),
    "shake": (0.0, 2.0, 5.0, 10.0, 20.0),
    "compression": (0.0, 50.0, 75.0, 90.0, 97.0),
}
SUBJECT = MotionSpec("subject")
DisturbedSetting = tuple[Disturbance, float, str]
"""kind, strength, mask"""


def encode_disturbed(
    setup: StudySetup, world: World, masks: Sequence[str]
) -> Iterator[tuple[DisturbedSetting, MaterialVectors, NDArray[np.float64]]]:
    """Each disturbance at each strength with each mask: vectors, and (V,) IoU with the undisturbed mask.

    Each file is decoded once. Raises VideoError that names what cannot be read, unless it may be missing.
    """
    material = world.material
    settings = [(kind, strength, mask) for kind in STRENGTHS for strength, mask in product(STRENGTHS[kind], masks)]
    videos: dict[DisturbedSetting, list[NDArray[np.float32]]] = {setting: [] for setting in settings}
    overlaps: dict[DisturbedSetting, list[float]] = {setting: [] for setting in settings}
    coverage: dict[DisturbedSetting, list[float]] = {setting: [] for setting in settings}
    fallback: dict[DisturbedSetting, Counter[str]] = {setting: Counter() for setting in settings}
    broken: dict[str, str] = {}
    for number, film in _films(setup, material):
        if isinstance(film, VideoError):
            broken[material.videos[number]] = film.reason
            continue
        for setting in settings:
            clip, overlap = film.clip(*setting)
            videos[setting].append(setup.encoder.encode_clips([clip]))
            overlaps[setting].append(overlap)
            coverage[setting].append(float(clip.coverage.mean()))
            fallback[setting].update(reason for reason in clip.fallback if reason is not None)
    setup.broken |= broken
    measured = without_broken(material, broken, setup.allow_missing)
    texts = encode_texts(setup.encoder, measured.texts)
    for setting in settings:
        rows = np.concatenate(videos[setting])
        cover = np.array(coverage[setting])
        vectors = MaterialVectors(measured, texts.vectors, rows, dict(fallback[setting]), cover, texts.cut, broken)
        yield setting, vectors, np.array(overlaps[setting])


def _films(setup: StudySetup, material: Material) -> Iterator[tuple[int, "_Film | VideoError"]]:
    """Each file by its number, or why it cannot be read."""
    jobs = (Job(n, path, (setup.encoder.reader_spec, (setup.seed, n))) for n, path in enumerate(material.paths))
    with Pipeline(single(_Film.read)) as pipeline:
        for job, films in pipeline.read(jobs):
            try:
                [film] = films
                yield job.key, film
            except VideoError as error:
                yield job.key, error
            setup.progress("disturbances", job.key + 1, len(material.paths))


@dataclass(slots=True)
class _Film:
    """The frames of one file, undisturbed, and the masks found on them so far, as the model would be fed them."""

    path: Path
    rgb: NDArray[np.uint8]
    before: Neighbours
    after: Neighbours
    step_seconds: Steps
    seconds: NDArray[np.float64]
    spec: ReaderSpec
    seed: tuple[int, int]
    clean: dict[str, MaskFrames] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path, spec: ReaderSpec, seed: tuple[int, int]) -> "_Film":
        """spec: its mask is not used. Raises VideoError."""
        frames, _ = read_motion(path, SUBJECT, spec.num_frames, spec.decode_side)  # a mask that needs neighbours
        assert frames.before is not None
        assert frames.after is not None
        return cls(path, frames.rgb, frames.before, frames.after, frames.step_seconds, frames.seconds, spec, seed)

    def clip(self, kind: Disturbance, strength: float, mask: str) -> tuple[Clip, float]:
        """The clip with that mask, and the IoU of it with the undisturbed one."""
        spec = replace(self.spec, motion=MotionSpec.parse(mask))
        rgb = disturb(self.rgb, kind, strength, (*self.seed, 0))
        before, after = (
            _disturb_each(pictures, kind, strength, (*self.seed, side))
            for side, pictures in ((1, self.before), (2, self.after))
        )
        pixels, alpha, motion = fit_to_model(rgb, spec, before, after, self.step_seconds)
        if mask not in self.clean:
            clean = fit_to_model(self.rgb, spec, self.before, self.after, self.step_seconds)[1]
            self.clean[mask] = clean > 0.5
        assert motion is not None, "a mask was asked for"
        seconds, ending = self.seconds, float(self.seconds[-1])
        clip = Clip(join_channels(pixels, alpha), seconds, self.path, 0.0, ending, motion.coverage, motion.fallback)
        true = self.clean[mask]
        if kind == "shake":  # the same shifts: they are the first that the seed gives
            grey = np.repeat(true[..., None].astype(np.uint8) * 255, 3, axis=-1)
            true = disturb(grey, kind, strength, (*self.seed, 0))[..., 0] > 127
        return clip, agreement(fed_mask(clip), true)


def _disturb_each(pictures: Neighbours, kind: Disturbance, strength: float, seed: Sequence[int]) -> Neighbours:
    """Each picture that there is, with a seed of its own for each side."""
    there = [picture for picture in pictures if picture is not None]
    if not there:
        return pictures
    worse = iter(disturb(np.stack(there), kind, strength, seed))
    return tuple(None if picture is None else next(worse) for picture in pictures)
