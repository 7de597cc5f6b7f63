"""Moving Shapes as training data: clips are drawn and their masks measured once, then shared by steps and runs.

Frames are sampled as in a search (at equal spans, with a random shift), so that masks are measured over the same time
gaps as in a search; a step takes some of these frames.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from deltaclip.channels import velocity_bytes
from deltaclip.motion import MotionSpec, Neighbours, masked_velocity, needs_neighbours
from deltaclip.provenance import digest
from deltaclip.reader import ReaderSpec, fit_extras, fit_to_model
from deltaclip.shapes import ShapesClip, ShapesSpec, make_twins, vocabulary
from deltaclip.training.dataset import started, worker_context
from deltaclip.training.recipe import Recipe
from deltaclip.training.run_folder import save_whole
from deltaclip.training.sampler import Order
from deltaclip.training.source import MemoryClips, Pictures, TrainingData

__all__ = ["DrawnClips", "draw_shapes", "drawn_file"]

FORMAT = 3
"""Increased when drawn clips or their masks change, so that older files are not used."""


class DrawnClips(MemoryClips):
    """Twins in memory; a caption may have a different wording each time. mover_epochs: as in `WorldRecipe`."""

    def __init__(
        self,
        clips: list[ShapesClip],
        rgb: NDArray[np.uint8],
        alpha: NDArray[np.uint8],
        unit: int,
        mover_epochs: int = 0,
        velocity: NDArray[np.uint8] | None = None,
    ) -> None:
        ids = [f"group {clip.group} twin {number % unit}" for number, clip in enumerate(clips)]
        captions = [clip.caption for clip in clips]
        super().__init__(rgb, alpha, captions, np.arange(len(clips)), ids, unit, velocity)
        self.clips, self.mover_epochs = clips, mover_epochs

    def caption(self, number: int, rng: np.random.Generator | None, epoch: int = 0) -> str:
        """A true sentence in a random wording, about the mover only in the first epochs; or the fixed full one."""
        if rng is None:
            return self.captions[number]
        clip = self.clips[number]
        return clip.mover_caption(rng) if epoch < self.mover_epochs else clip.varied_caption(rng)

    def pictures(self, video: int, num_frames: int, rng: np.random.Generator | None) -> Pictures:
        """As `MemoryClips.pictures`; directed if captions of the clip's world say in which direction the mover goes."""
        return replace(super().pictures(video, num_frames, rng), directed=self.clips[video].spec.tells_direction)


def draw_shapes(
    recipe: Recipe,
    progress: Callable[[float], None] = lambda share: None,
    *,
    workers: int | None = None,
    cache: Path | None = None,
) -> TrainingData:
    """The clips of a recipe's world with its mask, for training and validation.

    progress: called with the share done. workers: processes; None starts one per core, 0 draws in this process; the
    clips are the same for any number. cache: folder that keeps drawn clips for further runs with this world and mask.
    """
    groups = _Groups(recipe)
    made = None if cache is None else _kept(groups.file(cache))
    if made is None:
        made = _drawn(groups, progress, workers)
        if cache is not None:
            arrays = {name: array for name, array in zip(ARRAYS, made, strict=True) if array is not None}
            save_whole(groups.file(cache), lambda stream: np.savez(stream, **arrays))  # type: ignore[arg-type]
    rgb, alpha, velocity = made
    clips = [clip for group in range(len(groups)) for clip in groups.twins(group)]
    unit = len(clips) // len(groups)
    cut = recipe.world.groups * unit
    first, rest = (None, None) if velocity is None else (velocity[:cut], velocity[cut:])
    held = DrawnClips(clips[cut:], rgb[cut:], alpha[cut:], unit, velocity=rest) if len(clips) > cut else None
    train = DrawnClips(clips[:cut], rgb[:cut], alpha[:cut], unit, _mover_epochs(recipe, cut, unit), first)
    facts = {"dataset": "shapes", "clips": cut, "validation_clips": len(clips) - cut, "drawn": groups.digest}
    return TrainingData(train, held, list(vocabulary(recipe.world.twins)), facts)


def _mover_epochs(recipe: Recipe, captions: int, unit: int) -> int:
    """Those of the recipe, but at most a tenth of the run: a short run must not see captions of movers only."""
    an_epoch = Order(captions, unit, recipe.optim.batch, recipe.seed).steps_an_epoch
    return min(recipe.world.mover_epochs, recipe.optim.steps_of_run(an_epoch) // (10 * an_epoch))


def drawn_file(recipe: Recipe, cache: Path) -> Path:
    """The file in which `draw_shapes` keeps the clips of a recipe in that folder."""
    return _Groups(recipe).file(cache)


ARRAYS = ("rgb", "alpha", "velocity")
"""Of Drawn, by their names in the file."""
Drawn = tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8] | None]


class _Groups(torch.utils.data.Dataset[Drawn]):
    """Item g: frames uint8 (M, K, S, S, 3), masks uint8 (M, K, S, S) and velocities uint8 (M, K, S, S, 2) of group g.

    M twins, the same each time. Velocities as `channels.velocity_bytes`, None for masks without flow.
    """

    def __init__(self, recipe: Recipe) -> None:
        self.world = recipe.world
        self.reader_spec = ReaderSpec(
            recipe.model.image_size, recipe.data.test_frames, MotionSpec.parse(recipe.data.motion)
        )

    def __len__(self) -> int:
        return self.world.groups + self.world.validation_groups

    @property
    def digest(self) -> str:
        """16 hexadecimal digits that change with what is drawn or how it is sampled."""
        drawn = self.world.facts()
        del drawn["mover_epochs"]  # affects captions only
        seen = asdict(self.reader_spec) | {"motion": self.reader_spec.motion_word}
        del seen["fit"]  # drawn clips are squares
        parts: dict[str, Any] = {"world": drawn, "seen": seen, "format": FORMAT}
        return digest(parts, sort_keys=True)

    def file(self, cache: Path) -> Path:
        """The file of these clips in a folder."""
        return cache / f"shapes-{self.digest}.npz"

    def twins(self, group: int) -> tuple[ShapesClip, ...]:
        camera = self.world.cameras[group % len(self.world.cameras)]
        directions = np.random.default_rng([self.world.seed, 4, group]).random() < self.world.directions
        spec = ShapesSpec.of_twins(self.world.twins, camera, directions=bool(directions))  # type: ignore[arg-type]
        return make_twins(self.world.seed, spec, group)

    def __getitem__(self, group: int) -> Drawn:
        cv2.setNumThreads(1)  # there are as many processes as cores
        rng = np.random.default_rng([self.world.seed, 1, group])
        return _together([self._see(clip, rng) for clip in self.twins(group)], np.stack)

    def _see(self, clip: ShapesClip, rng: np.random.Generator) -> Drawn:
        spec = self.reader_spec
        numbers = ((np.arange(spec.num_frames) + rng.random()) * clip.num_frames / spec.num_frames).astype(np.int64)
        before, after = None, None
        if needs_neighbours(spec.motion):
            before, after = (self._neighbours(clip, numbers + step) for step in (-1, 1))
        pixels, alpha, motion = fit_to_model(self._decoded(clip, numbers), spec, before, after)
        velocity = None
        if motion is not None and spec.motion is not None and "flow" in spec.motion.extras:
            velocity = velocity_bytes(fit_extras(masked_velocity(motion), spec.image_size))
        return pixels, np.round(alpha * 255).astype(np.uint8), velocity

    def _decoded(self, clip: ShapesClip, numbers: NDArray[np.int64]) -> NDArray[np.uint8]:
        """As the decoder does with a small video: scaled up (bicubic) to the side at which motion is measured."""
        side = self.reader_spec.decode_side
        size = (side, side)
        return np.stack([cv2.resize(each, size, interpolation=cv2.INTER_CUBIC) for each in clip.frames(numbers)])

    def _neighbours(self, clip: ShapesClip, numbers: NDArray[np.int64]) -> Neighbours:
        """The native frames beside the sampled ones, None beyond the clip's ends."""
        inside = (numbers >= 0) & (numbers < clip.num_frames)
        pictures = iter(self._decoded(clip, numbers[inside]) if inside.any() else ())
        return tuple(next(pictures) if each else None for each in inside)


def _together(parts: Sequence[Drawn], join: Callable[[list[NDArray[np.uint8]]], NDArray[np.uint8]]) -> Drawn:
    """Parts as one, array by array."""
    moved = [velocity for _, _, velocity in parts if velocity is not None]
    rgb, alpha = join([rgb for rgb, _, _ in parts]), join([alpha for _, alpha, _ in parts])
    return rgb, alpha, join(moved) if moved else None


def _drawn(groups: _Groups, progress: Callable[[float], None], workers: int | None) -> Drawn:
    workers = (os.cpu_count() or 1) if workers is None else workers
    loader = torch.utils.data.DataLoader(
        groups,
        batch_size=None,
        num_workers=workers,
        multiprocessing_context=worker_context() if workers else None,
        collate_fn=_as_it_is,
    )
    parts: list[Drawn] = []
    for item in started(loader):
        parts.append(item)
        progress(len(parts) / len(groups))
    return _together(parts, np.concatenate)


def _kept(file: Path) -> Drawn | None:
    if not file.is_file():
        return None
    with np.load(file) as arrays:
        return arrays["rgb"], arrays["alpha"], arrays.get("velocity")


def _as_it_is(item: Any) -> Any:  # DataLoader's own type
    return item
