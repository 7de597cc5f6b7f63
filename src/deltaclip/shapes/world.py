"""Clips of a world: twins that hold the same objects and differ in what moves, where to or when; as real mp4 files."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from deltaclip.durable import write_bytes_whole
from deltaclip.shapes.captions import (
    OPPOSITE,
    direction_of,
    full_caption,
    full_order_caption,
    mover_caption,
    varied_caption,
    varied_order_caption,
)
from deltaclip.shapes.drawing import Shot, draw_shot, mover_mask
from deltaclip.shapes.paths import draw_paths
from deltaclip.shapes.spec import SHAPE_COLOURS, SHAPE_KINDS, ShapesSpec, Thing
from deltaclip.video import write_mp4

__all__ = ["ShapesClip", "make_twins", "make_world", "write_world"]


Pixel = TypeVar("Pixel", bound=np.generic)
Draw = Callable[[Shot, NDArray[np.int64], ShapesSpec], NDArray[Pixel]]


@dataclass(frozen=True, slots=True)
class ShapesClip:
    """A drawn clip whose true motion is known.

    shots: without gaps, in order. group: number of its twins' group. spec: the world it is from.
    """

    shots: tuple[Shot, ...]
    group: int
    spec: ShapesSpec

    @property
    def num_frames(self) -> int:
        return sum(shot.num_frames for shot in self.shots)

    @property
    def duration_seconds(self) -> float:
        return self.num_frames / self.spec.frames_per_second

    @property
    def caption(self) -> str:
        """The fixed full sentence; for several scenes a paragraph of one sentence each."""
        if self._ordered:
            return ". ".join(full_order_caption(shot.things, shot.movers) for shot in self._scenes())
        return ". ".join(full_caption(shot.things, shot.mover, _direction(shot)) for shot in self._scenes())

    def varied_caption(self, rng: np.random.Generator) -> str:
        """A true sentence or paragraph in random words (see captions.varied_caption)."""
        if self._ordered:
            return ". ".join(varied_order_caption(rng, shot.things, shot.movers) for shot in self._scenes())
        return ". ".join(varied_caption(rng, shot.things, shot.mover, _direction(shot)) for shot in self._scenes())

    def mover_caption(self, rng: np.random.Generator) -> str:
        """A true sentence in random words of what moves alone; a varied one if nothing does."""
        if self._ordered:
            return ". ".join(
                varied_order_caption(rng, shot.things, shot.movers, movers_only=True) for shot in self._scenes()
            )
        return ". ".join(
            varied_caption(rng, shot.things, None)
            if shot.mover is None
            else mover_caption(rng, shot.things[shot.mover], _direction(shot))
            for shot in self._scenes()
        )

    def frames(self, numbers: ArrayLike) -> NDArray[np.uint8]:
        """Pictures at native frame numbers, rgb uint8 (len(numbers), size, size, 3)."""
        return self._per_shot(numbers, draw_shot, np.empty((0, self.spec.size, self.spec.size, 3), np.uint8))

    def true_motion(self, numbers: ArrayLike) -> NDArray[np.bool_]:
        """Where the mover is at native frame numbers, bool (len(numbers), size, size)."""
        return self._per_shot(numbers, mover_mask, np.empty((0, self.spec.size, self.spec.size), np.bool_))

    @property
    def _ordered(self) -> bool:
        """Whether two objects move one after the other."""
        return self.shots[0].second is not None

    def _scenes(self) -> list[Shot]:
        """The first shot of every scene: cuts inside a scene show the same objects and mover."""
        return list(self.shots[:: self.spec.cuts + 1])

    def _per_shot(self, numbers: ArrayLike, draw: Draw[Pixel], empty: NDArray[Pixel]) -> NDArray[Pixel]:
        """Pictures at frame numbers, each drawn by `draw` from the shot that it is in; `empty` for no numbers."""
        wanted = np.asarray(numbers, np.int64)
        if len(wanted) and (wanted.min() < 0 or wanted.max() >= self.num_frames):
            raise ValueError(f"frame numbers {wanted.min()} to {wanted.max()} of a clip of {self.num_frames}")
        ends = np.cumsum([shot.num_frames for shot in self.shots])
        shot_of = np.searchsorted(ends, wanted, side="right")
        pictures = np.empty((len(wanted), *empty.shape[1:]), empty.dtype)
        for number, shot in enumerate(self.shots):
            places = np.flatnonzero(shot_of == number)
            pictures[places] = draw(shot, wanted[places] - (ends[number] - shot.num_frames), self.spec)
        return pictures


def make_twins(seed: int, spec: ShapesSpec, group: int = 0) -> tuple[ShapesClip, ...]:
    """One clip for every object as the mover, all else equal (same objects, places, background, camera).

    Twins of `direction` and `order` are two clips: one with random movers, and the same played backwards.
    With `static_only` there is nothing to differ in: a single clip. Deterministic from the seed.
    """
    rng = np.random.default_rng([seed, group])
    margin = {"still": 4.0, "pan": 32.0, "shake": 12.0}[spec.camera]
    scenes = [_draw_scene(rng, spec, margin) for _ in range(spec.scenes)]
    if spec.static_only:
        return (ShapesClip(tuple(shot for scene in scenes for shot in scene), group, spec),)
    if spec.twins != "mover":
        return _reversed_pair(rng, scenes[0][0], group, spec)
    # In a clip of several scenes a different object moves in each; the twins turn all of them by one.
    first = rng.integers(0, spec.num_objects, spec.scenes)
    return tuple(
        ShapesClip(
            tuple(
                replace(shot, mover=int((first[number] + twin) % spec.num_objects))
                for number, scene in enumerate(scenes)
                for shot in scene
            ),
            group,
            spec,
        )
        for twin in range(spec.num_objects)
    )


def _reversed_pair(rng: np.random.Generator, shot: Shot, group: int, spec: ShapesSpec) -> tuple[ShapesClip, ...]:
    """A clip and the same played backwards: nothing but the order of the pictures tells them apart."""
    first, second = rng.choice(spec.num_objects, 2, replace=False)
    forwards = replace(shot, mover=int(first), second=int(second) if spec.twins == "order" else None)
    return tuple(ShapesClip((each,), group, spec) for each in (forwards, replace(forwards, backwards=True)))


def make_world(seed: int, num_clips: int, spec: ShapesSpec) -> list[ShapesClip]:
    """`num_clips` clips in groups of twins, no two with the same caption. Deterministic from the seed."""
    clips: list[ShapesClip] = []
    seen: set[tuple[frozenset[Thing], ...]] = set()
    group = 0
    while len(clips) < num_clips:
        twins = make_twins(seed, spec, group)
        things = tuple(frozenset(shot.things) for shot in twins[0]._scenes())
        if things not in seen:
            seen.add(things)
            clips.extend(twins)
        group += 1
        if group > 50 * num_clips + 10_000:
            raise ValueError(f"{num_clips} clips: the world has only {len(clips)} with different captions")
    return clips[:num_clips]


def write_world(folder: Path, clips: list[ShapesClip]) -> list[Path]:
    """Write clips as mp4 files beside a captions.jsonl (path, caption, group). Returns the paths in order."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    lines = []
    for number, clip in enumerate(clips):
        path = folder / f"shapes_{number:04d}.mp4"
        write_mp4(path, clip.frames(np.arange(clip.num_frames)), clip.spec.frames_per_second, clip.spec.crf)
        paths.append(path)
        lines.append(json.dumps({"path": path.name, "caption": clip.caption, "group": clip.group}))
    write_bytes_whole(folder / "captions.jsonl", ("\n".join(lines) + "\n").encode())
    return paths


def _draw_scene(rng: np.random.Generator, spec: ShapesSpec, margin: float) -> list[Shot]:
    """The shots of one scene: one, or one more than the cuts, with other places and background each."""
    names = rng.choice(len(SHAPE_COLOURS) * len(SHAPE_KINDS), spec.num_objects, replace=False)
    things = tuple(
        Thing(SHAPE_COLOURS[name % len(SHAPE_COLOURS)], SHAPE_KINDS[name // len(SHAPE_COLOURS)]) for name in names
    )
    borders = np.linspace(0, spec.num_frames, spec.cuts + 2).astype(int)
    return [
        Shot(
            things,
            draw_paths(rng, spec.num_objects, margin, int(length), spec.slow_motion, spec.tells_direction),
            None,
            int(rng.integers(2**31)),
            int(length),
        )
        for length in np.diff(borders)
    ]


def _direction(shot: Shot) -> str | None:
    if shot.mover is None or not shot.paths[shot.mover].one_way:
        return None
    direction = direction_of(shot.paths[shot.mover])
    return OPPOSITE[direction] if shot.backwards else direction
