"""The pool of Moving Shapes clips that a run learns from, and the batches taken from it.

Clips are drawn and their masks measured once, with the frames of a search (12 at the middles of equal spans, moved a
little in time), so that training sees masks of the same time gaps as searching does. A step takes a few frames of
each clip, mirrored and turned at random: no caption of this world tells left from right.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from deltaclip.reader import ReaderSpec, fit_to_model
from deltaclip.shapes import ShapesClip, ShapesSpec, make_twins
from deltaclip.training.recipe import ShapesRecipe

__all__ = ["Batch", "Pool", "batches", "draw_pool"]


@dataclass(frozen=True, slots=True)
class Pool:
    """Clips that fit into memory. G groups of M twins, F frames each, S pixels a side.

    clips: G tuples of M, for their captions. pixels: uint8 (G, M, F, 4, S, S), red, green, blue and alpha (255 is one).
    """

    clips: list[tuple[ShapesClip, ...]]
    frames: NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Batch:
    """frames: uint8 (B, T, 4, S, S), red, green, blue and alpha. captions: B texts, row by row."""

    frames: NDArray[np.uint8]
    captions: list[str]


class _Groups(torch.utils.data.Dataset[NDArray[np.uint8]]):
    """Item i is the frames of twin group i, uint8 (M, F, 4, S, S): a pure function of recipe, world and i."""

    def __init__(self, recipe: ShapesRecipe, spec: ShapesSpec) -> None:
        self.recipe = recipe
        self.spec = spec
        self.reader_spec = ReaderSpec(recipe.image_size, recipe.test_frames, recipe.motion)

    def __len__(self) -> int:
        return self.recipe.pool_groups

    def __getitem__(self, group: int) -> NDArray[np.uint8]:
        cv2.setNumThreads(1)  # as many processes as cores already
        rng = np.random.default_rng([self.recipe.seed, 1, group])
        return np.stack([self._see(clip, rng) for clip in make_twins(self.recipe.seed, self.spec, group)])

    def _see(self, clip: ShapesClip, rng: np.random.Generator) -> NDArray[np.uint8]:
        places = (np.arange(self.recipe.test_frames) + rng.random()) * clip.num_frames / self.recipe.test_frames
        rgb = clip.frames(places.astype(np.int64))
        # What the decoder does with a small video: bicubic up to the side at which motion is measured.
        side = self.reader_spec.decode_side
        large = np.stack([cv2.resize(picture, (side, side), interpolation=cv2.INTER_CUBIC) for picture in rgb])
        pixels, alpha, _ = fit_to_model(large, self.reader_spec)
        # (F, S, S, 3) and (F, S, S) -> (F, 4, S, S)
        return np.concatenate([np.moveaxis(pixels, -1, 1), np.round(alpha * 255).astype(np.uint8)[:, None]], 1)


def draw_pool(recipe: ShapesRecipe, spec: ShapesSpec, workers: int | None = None) -> Iterator[Pool | float]:
    """Draws the pool: yields the share done (0 to 1) again and again, and at last the pool.

    workers: processes; None takes one a core, 0 draws in this process. The pool is the same for any number.
    """
    groups = _Groups(recipe, spec)
    workers = (os.cpu_count() or 1) if workers is None else workers
    loader = torch.utils.data.DataLoader(
        groups,
        batch_size=None,
        num_workers=workers,
        multiprocessing_context="spawn" if workers else None,
        collate_fn=_as_it_is,
    )
    frames = None
    for number, item in enumerate(loader):
        if frames is None:
            frames = np.empty((len(groups), *item.shape), np.uint8)
        frames[number] = item
        yield (number + 1) / len(groups)
    assert frames is not None, "a recipe has at least one group"
    yield Pool([make_twins(recipe.seed, spec, group) for group in range(len(groups))], frames)


def batches(pool: Pool, recipe: ShapesRecipe) -> Iterator[Batch]:
    """The batches of a run in order; twins stand together, so that each is the other's hardest negative."""
    rng = np.random.default_rng([recipe.seed, 2])
    while True:
        order = rng.permutation(len(pool.clips))
        for start in range(0, max(len(order) - recipe.twin_groups, 0) + 1, recipe.twin_groups):
            yield _batch(pool, order[start : start + recipe.twin_groups], recipe, rng)


def _batch(pool: Pool, groups: NDArray[np.int64], recipe: ShapesRecipe, rng: np.random.Generator) -> Batch:
    frames, captions = [], []
    for group in groups:
        for twin, clip in enumerate(pool.clips[group]):
            chosen = np.sort(rng.choice(recipe.test_frames, recipe.num_frames, replace=False))
            picture: NDArray[np.uint8] = pool.frames[group, twin, chosen]
            picture = np.rot90(picture, int(rng.integers(4)), axes=(-2, -1))
            frames.append(picture[..., ::-1] if rng.random() < 0.5 else picture)
            captions.append(_drop_words(clip.varied_caption(rng), recipe.word_dropout, rng))
    return Batch(np.stack(frames), captions)


def _drop_words(caption: str, share: float, rng: np.random.Generator) -> str:
    """Some words become one that the tokenizer does not know, so that unknown words are borne later."""
    words = caption.split()
    dropped = rng.random(len(words)) < share
    return " ".join("unheard" if drop else word for word, drop in zip(words, dropped, strict=True))


def _as_it_is(item: Any) -> Any:  # DataLoader's own type
    return item
