"""Tracks of drawn scenes with what is true of them, in parts on disk, so that drawing can be stopped and continued."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deltaclip.durable import write_whole
from deltaclip.motion import Track, subject, track
from deltaclip.motion_words import backwards, draw, mirrored, new_scene, truths
from deltaclip.training.studies.runner import at_once

__all__ = ["DRAWN_FRAMES", "DrawnTracks", "Part", "draw_parts"]

DRAWN_FRAMES = 12
"""Frames of a drawn moment, as `index` samples one."""
PART_SCENES = 250
"""Scenes of one file at most."""
DRAWING_VERSION = 3
"""Changes with anything that changes a scene of a seed; parts of a different version are drawn again."""
_ARRAYS = ("maps", "numbers", "seconds", "aspects", "truths")


@dataclass(frozen=True, slots=True)
class Part:
    """`count` scenes of a seed from the one with number `first` on. folder: where its file is."""

    folder: Path
    seed: int
    first: int
    count: int

    @property
    def file(self) -> Path:
        """What it is kept in; the name says all that it depends on."""
        return self.folder / f"drawn-{DRAWING_VERSION}-{self.seed}-{self.first:06}-{self.count}.npz"

    def make(self) -> None:
        """Draws its scenes and writes their tracks."""
        made: dict[str, list[NDArray[np.generic]]] = {name: [] for name in _ARRAYS}
        for number in range(self.first, self.first + self.count):
            seen, true = _seen(self.seed, number)
            for name, value in zip(
                _ARRAYS, (seen.maps, seen.numbers, seen.seconds, np.float64(seen.aspect), true), strict=True
            ):
                made[name].append(np.asarray(value))
        arrays = {name: np.stack(values) for name, values in made.items()}
        arrays["maps"] = arrays["maps"].astype(np.float16)
        write_whole(self.file, lambda stream: np.savez(stream, **arrays))  # type: ignore[arg-type]  # names


@dataclass(frozen=True, slots=True, eq=False)
class DrawnTracks:
    """Tracks of N scenes, and of each in a mirror, backwards, and both; truths: (N, 4, C) int8, in this order."""

    tracks: Sequence[tuple[Track, Track, Track, Track]]
    truths: NDArray[np.int8]


def draw_parts(
    folder: Path, seed: int, num_scenes: int, jobs: int, progress: Callable[[int, int], None]
) -> DrawnTracks:
    """Draws what is missing of `num_scenes` scenes in `jobs` processes, and reads all of them.

    progress: called with scenes done and scenes in all. What is drawn depends on the seed alone.
    """
    folder.mkdir(parents=True, exist_ok=True)
    firsts = range(0, num_scenes, PART_SCENES)
    parts = [Part(folder, seed, first, min(PART_SCENES, num_scenes - first)) for first in firsts]
    missing = [part for part in parts if not part.file.is_file()]

    def look() -> None:
        progress(sum(part.count for part in parts if part.file.is_file()), num_scenes)

    at_once(Part.make, missing, jobs, look)
    look()
    tracks, true = list[tuple[Track, Track, Track, Track]](), list[NDArray[np.int8]]()
    for part in parts:
        with np.load(part.file) as held:
            rows = zip(*(held[name] for name in _ARRAYS[:-1]), strict=True)
            for maps, numbers, seconds, aspect in rows:
                seen = Track(maps.astype(np.float32), numbers, seconds, float(aspect))
                turned = seen.mirrored()
                tracks.append((seen, turned, seen.backwards(), turned.backwards()))
            true.append(held["truths"])
    return DrawnTracks(tracks, np.concatenate(true))


def _seen(seed: int, number: int) -> tuple[Track, NDArray[np.int8]]:
    """One scene as the estimator sees it, and what is true of it and of its three variants: (4, C)."""
    random = np.random.default_rng([seed, number])
    scene = new_scene(random)
    frames = draw(scene, DRAWN_FRAMES, random)
    motion = subject(frames.rgb, frames.before, frames.after, frames.step_seconds)
    turned = mirrored(scene)
    variants = (scene, turned, backwards(scene), backwards(turned))
    return track(motion, frames.seconds), np.stack([truths(variant) for variant in variants])
