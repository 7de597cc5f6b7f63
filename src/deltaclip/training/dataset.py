"""Batches of a run: clips are read and augmented in worker processes, ahead of the step that needs them.

Frame and mask always go through the same geometry."""

import multiprocessing
import os
import re
import signal
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from multiprocessing.context import ForkServerContext, SpawnContext
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from deltaclip.channels import channels_of, turned
from deltaclip.errors import DeltaclipError
from deltaclip.model import ModelSpec, Tokenizer
from deltaclip.motion import MotionSpec, extra_planes
from deltaclip.processes import unnamed_main, usable_cores
from deltaclip.reader import fit_extras, fitted, join_channels
from deltaclip.training.computing import reading_processes
from deltaclip.training.recipe import DataRecipe, Recipe
from deltaclip.training.sampler import Order, own_part
from deltaclip.training.source import ClipSource, Pictures

__all__ = [
    "Batch",
    "TokenRows",
    "batches",
    "default_workers",
    "drop_words",
    "model_frames",
    "started",
    "video_batches",
    "worker_context",
]


DIRECTION_WORDS = re.compile(
    r"\b((left|right|up|down)(wards?)?|clockwise|(counter|anti)-?clockwise|raises?|lowers?|falls?)\b", re.IGNORECASE
)
"""A caption with one of these would be untrue of its clip flipped or rotated, so such clips are not."""
UNKNOWN = "unheard"
"""A word that occurs in no caption, for vocabularies of whole words."""


def model_frames(
    pictures: Pictures, side: int, recipe: DataRecipe, rng: np.random.Generator | None, fit: str = "crop"
) -> NDArray[np.uint8]:
    """Frames and masks as the model takes them: uint8 (T, C, side, side), channels as in a `reader.Clip`.

    With a generator: random crop, rotation, flip and alpha dropout of the whole clip, as the recipe says; directed
    pictures are neither rotated nor flipped. Without one: as `fit` says, a name in `reader.FITS`. Velocities are
    turned with the picture, and are dropped with alpha.
    """
    rgb, alpha = pictures.rgb, pictures.alpha
    extras = extra_planes(MotionSpec.parse(recipe.motion).extras, alpha, pictures.velocity)
    if rng is not None and recipe.crop < 1:
        rows, columns = _crop(rgb.shape[1], rgb.shape[2], recipe.crop, rng)
        rgb, alpha, extras = rgb[:, rows, columns], alpha[:, rows, columns], extras[:, rows, columns]
    rgb, alpha, extras = fitted(rgb, side, fit), fitted(alpha, side, fit), fit_extras(extras, side, fit)
    if rng is not None and rng.random() < recipe.alpha_dropout:
        alpha, extras = np.ones_like(alpha), np.zeros_like(extras)
    frames = join_channels(rgb, alpha, extras)
    if rng is not None and not pictures.directed:
        quarters = int(rng.integers(4)) if recipe.turn else 0
        frames = turned(frames, quarters, mirrored=rng.random() < recipe.flip)
    return np.ascontiguousarray(frames)


def drop_words(caption: str, share: float, rng: np.random.Generator) -> str:
    """Replaces some words by one unknown to the tokenizer, so that the model learns to handle such words."""
    words = caption.split()
    dropped = rng.random(len(words)) < share
    return " ".join(UNKNOWN if drop else word for word, drop in zip(words, dropped, strict=True))


def _crop(height: int, width: int, least: float, rng: np.random.Generator) -> tuple[slice, slice]:
    """A random square with at least the share `least` of the area of the largest one."""
    side = max(round(min(height, width) * float(np.sqrt(rng.uniform(least, 1)))), 1)
    top, left = int(rng.integers(height - side + 1)), int(rng.integers(width - side + 1))
    return slice(top, top + side), slice(left, left + side)


@dataclass(frozen=True, slots=True)
class Batch:
    """The pairs of one step in one process.

    frames: uint8 (B, T, C, S, S), channels as in a `reader.Clip`. ids: int64 (B, L), token rows.
    alike: int64 (B,), pairs with the same number are not negatives of each other: `ClipSource.alike`.
    names: B video ids, for errors. captions: B texts. keep: share of the patches of each frame that are seen.
    """

    frames: torch.Tensor
    ids: torch.Tensor
    alike: torch.Tensor
    names: list[str]
    captions: list[str]
    keep: float = 1.0

    def __len__(self) -> int:
        return len(self.names)

    def to(self, device: torch.device) -> "Batch":
        """The same with its tensors on a device."""
        frames, ids, alike = (each.to(device, non_blocking=True) for each in (self.frames, self.ids, self.alike))
        return replace(self, frames=frames, ids=ids, alike=alike)

    def pieces(self, size: int) -> Iterator["Batch"]:
        """The pairs in order, `size` at a time."""
        for start in range(0, len(self), size):
            part = slice(start, start + size)
            parts = {name: getattr(self, name)[part] for name in ("frames", "ids", "alike", "names", "captions")}
            yield replace(self, **parts)


PairIndex = tuple[int, int]
"""Number of a caption, and the epoch it is read in."""


class TokenRows:
    """Turns captions into the token rows of a model. sizes: its special tokens; max_words: most tokens of a caption.

    whole: whether the model takes rows of its whole context length, see `Family.whole_rows`.
    """

    def __init__(self, tokenizer: Tokenizer, sizes: ModelSpec, max_words: int, *, whole: bool = False) -> None:
        self.tokenizer, self.sizes, self.max_words = tokenizer, sizes, max_words
        self.columns = sizes.context_length if whole else max_words

    def __call__(self, captions: Sequence[str]) -> torch.Tensor:
        """int64 (N, max_words), or (N, context length) of whole rows."""
        sizes = self.sizes
        rows = self.tokenizer.rows(captions, self.max_words, sizes.begin, sizes.end, sizes.pad, self.columns)
        return torch.from_numpy(rows)


Pair = tuple[NDArray[np.uint8], str, int]
"""Frames, caption, and `ClipSource.alike`."""


class _Pairs(torch.utils.data.Dataset[Pair | DeltaclipError]):
    """Item (number, epoch): a pure function of recipe, number and epoch. frames: uint8 (T, C, S, S).

    Our own errors are returned as items: raised in a worker, they would arrive without their parts.
    """

    def __init__(self, source: ClipSource, recipe: Recipe, side: int, fit: str = "crop") -> None:
        self.source, self.recipe, self.side, self.fit = source, recipe, side, fit

    def __getitem__(self, index: PairIndex) -> Pair | DeltaclipError:
        try:
            return self._read(*index)
        except DeltaclipError as error:
            return error

    def _read(self, number: int, epoch: int) -> Pair:
        rng = np.random.default_rng([self.recipe.seed, 3, epoch, number])
        jitter = rng if self.recipe.data.sampling == "jittered" else None
        pictures = self.source.pictures(int(self.source.owner[number]), self.recipe.data.frames, jitter)
        caption = drop_words(self.source.caption(number, rng, epoch), self.recipe.data.word_dropout, rng)
        if DIRECTION_WORDS.search(caption):
            pictures = replace(pictures, directed=True)
        made = model_frames(pictures, self.side, self.recipe.data, rng, self.fit)
        return made, caption, int(self.source.alike[number])


class _Videos(torch.utils.data.Dataset[NDArray[np.uint8] | DeltaclipError]):
    """Item v: the frames of a video as search reads it, uint8 (T, C, S, S), without randomness."""

    def __init__(self, source: ClipSource, recipe: Recipe, side: int, fit: str = "crop") -> None:
        self.source, self.recipe, self.side, self.fit = source, recipe, side, fit

    def __getitem__(self, video: int) -> NDArray[np.uint8] | DeltaclipError:
        try:
            pictures = self.source.pictures(video, self.recipe.data.test_frames, None)
        except DeltaclipError as error:
            return error
        return model_frames(pictures, self.side, self.recipe.data, None, self.fit)


class _Steps(torch.utils.data.Sampler[list[PairIndex]]):
    """The items of each step for one process (rank, world), found when the step comes near: a run has many."""

    def __init__(self, steps: range, order: Order, part: tuple[int, int]) -> None:
        self.steps, self.order, self.part = steps, order, part

    def __len__(self) -> int:
        return len(self.steps)

    def __iter__(self) -> Iterator[list[PairIndex]]:
        for step in self.steps:
            epoch = self.order.epoch_of(step)
            yield [(int(number), epoch) for number in own_part(self.order.batch_of(step), *self.part)]


class _Collate:
    """Stacks the items of a step: frames, token rows, `Batch.alike`, captions. A process without any gets empty arrays.

    All tensors are made here, by the processes that read clips, so that they can be pinned for a GPU.
    """

    def __init__(self, recipe: Recipe, side: int, rows: TokenRows) -> None:
        channels = channels_of(MotionSpec.parse(recipe.data.motion).extras)
        self.empty = np.empty((0, recipe.data.frames, len(channels), side, side), np.uint8)
        self.rows = rows

    def __call__(self, made: list[Pair | DeltaclipError]) -> "Collated | DeltaclipError":
        items = [item for item in made if not isinstance(item, DeltaclipError)]
        if len(items) < len(made):
            return next(item for item in made if isinstance(item, DeltaclipError))
        frames = np.stack([frames for frames, _, _ in items]) if items else self.empty
        captions = [caption for _, caption, _ in items]
        alike = torch.tensor([number for _, _, number in items], dtype=torch.int64)
        return torch.from_numpy(frames), self.rows(captions), alike, captions


Collated = tuple[torch.Tensor, torch.Tensor, torch.Tensor, list[str]]


def default_workers(source: ClipSource) -> int:
    """One per core that this process may use, shared with the processes of the run here; none for clips in memory."""
    here = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    return reading_processes(usable_cores(), here, source.in_memory)


def batches(
    source: ClipSource,
    recipe: Recipe,
    side: int,
    rows: TokenRows,
    steps: range,
    order: Order,
    part: tuple[int, int] = (0, 1),
    workers: int = 0,
    fit: str = "crop",
    *,
    pinned: bool = False,
) -> Iterator[Batch]:
    """The batches of `steps` in order, the part of this process (rank, world) of each.

    pinned: in memory from which a GPU copies while it computes.
    """
    loader = torch.utils.data.DataLoader(
        _Pairs(source, recipe, side, fit),
        batch_sampler=_Steps(steps, order, part),
        collate_fn=_Collate(recipe, side, rows),
        num_workers=workers,
        multiprocessing_context=worker_context() if workers else None,
        worker_init_fn=_begin,
        pin_memory=pinned,
    )
    for step, made in zip(steps, started(loader), strict=True):
        if isinstance(made, DeltaclipError):
            raise made
        frames, ids, alike, captions = made
        own = own_part(order.batch_of(step), *part)
        names = [source.video_ids[video] for video in np.asarray(source.owner)[own]]
        yield Batch(frames, ids, alike, names, captions)


def video_batches(
    source: ClipSource,
    recipe: Recipe,
    side: int,
    videos: Sequence[int],
    size: int,
    workers: int = 0,
    fit: str = "crop",
) -> Iterator[torch.Tensor]:
    """Videos in order as search reads them, `size` at a time: uint8 (n, T, C, S, S)."""
    loader = torch.utils.data.DataLoader(
        _Videos(source, recipe, side, fit),
        batch_sampler=[list(videos[start : start + size]) for start in range(0, len(videos), size)],
        collate_fn=_stack,
        num_workers=workers,
        multiprocessing_context=worker_context() if workers else None,
        worker_init_fn=_begin,
    )
    for made in started(loader):
        if isinstance(made, DeltaclipError):
            raise made
        yield made


def _stack(made: list[NDArray[np.uint8] | DeltaclipError]) -> torch.Tensor | DeltaclipError:
    items = [item for item in made if not isinstance(item, DeltaclipError)]
    if len(items) < len(made):
        return next(item for item in made if isinstance(item, DeltaclipError))
    return torch.from_numpy(np.stack(items))


def started(loader: torch.utils.data.DataLoader[Any]) -> Iterator[Any]:  # Any: what it loads
    """Its items. Workers would run a script without `if __name__ == "__main__"` again, and train in it."""
    with unnamed_main():
        return iter(loader)


def worker_context() -> ForkServerContext | SpawnContext:
    """How workers are started: forking this process, which has torch's threads, could deadlock.

    A fork server is used if there is one, so that torch is imported once and not for every worker and validation.
    """
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    return context


def _begin(worker: int) -> None:
    cv2.setNumThreads(1)  # as many processes as cores already
    # Ctrl-C in a terminal reaches all processes; the run ends the workers itself, once its state is saved.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
