"""From numbers to batches: reads clips in worker processes, ahead of the step that needs them."""

import multiprocessing
import os
import signal
from collections.abc import Iterator, Sequence
from multiprocessing.context import ForkServerContext, SpawnContext
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from deltaclip.channels import CHANNELS
from deltaclip.errors import DeltaclipError
from deltaclip.model import ModelSpec, Tokenizer
from deltaclip.processes import unnamed_main
from deltaclip.training.augment import drop_words, model_frames
from deltaclip.training.forward import Batch
from deltaclip.training.recipe import Recipe
from deltaclip.training.sampler import Order, own_part
from deltaclip.training.source import ClipSource

__all__ = ["TokenRows", "batches", "default_workers", "started", "video_batches", "worker_context"]

MOST_WORKERS = 8
Place = tuple[int, int]
"""Number of a caption, and the epoch in which it is read."""


class TokenRows:
    """Captions to the token rows of a model. sizes: for its special tokens; max_words: columns."""

    def __init__(self, tokenizer: Tokenizer, sizes: ModelSpec, max_words: int) -> None:
        self.tokenizer, self.sizes, self.max_words = tokenizer, sizes, max_words

    def __call__(self, captions: Sequence[str]) -> torch.Tensor:
        """int64 (N, max_words)."""
        sizes = self.sizes
        return torch.from_numpy(self.tokenizer.rows(captions, self.max_words, sizes.begin, sizes.end, sizes.pad))


Pair = tuple[NDArray[np.uint8], str]


class _Pairs(torch.utils.data.Dataset[Pair | DeltaclipError]):
    """Item (number, epoch): frames uint8 (T, C, S, S) and a caption, a pure function of recipe, number and epoch.

    An error of ours is an item: raised in a worker, it would arrive without what it says.
    """

    def __init__(self, source: ClipSource, recipe: Recipe, side: int) -> None:
        self.source, self.recipe, self.side = source, recipe, side

    def __getitem__(self, place: Place) -> Pair | DeltaclipError:
        try:
            return self._read(*place)
        except DeltaclipError as error:
            return error

    def _read(self, number: int, epoch: int) -> Pair:
        rng = np.random.default_rng([self.recipe.seed, 3, epoch, number])
        pictures = self.source.pictures(int(self.source.owner[number]), self.recipe.data.frames, rng)
        caption = drop_words(self.source.caption(number, rng, epoch), self.recipe.data.word_dropout, rng)
        return model_frames(pictures, self.side, self.recipe.data, rng), caption


class _Videos(torch.utils.data.Dataset[NDArray[np.uint8] | DeltaclipError]):
    """Item v: the frames of a video as search sees it, uint8 (T, C, S, S), without chance."""

    def __init__(self, source: ClipSource, recipe: Recipe, side: int) -> None:
        self.source, self.recipe, self.side = source, recipe, side

    def __getitem__(self, video: int) -> NDArray[np.uint8] | DeltaclipError:
        try:
            pictures = self.source.pictures(video, self.recipe.data.test_frames, None)
        except DeltaclipError as error:
            return error
        return model_frames(pictures, self.side, self.recipe.data, None)


class _Collate:
    """Items of a step to arrays; a process without any gets arrays of no rows."""

    def __init__(self, recipe: Recipe, side: int) -> None:
        self.empty = np.empty((0, recipe.data.frames, len(CHANNELS), side, side), np.uint8)

    def __call__(self, made: list[Pair | DeltaclipError]) -> tuple[torch.Tensor, list[str]] | DeltaclipError:
        items = [item for item in made if not isinstance(item, DeltaclipError)]
        if len(items) < len(made):
            return next(item for item in made if isinstance(item, DeltaclipError))
        frames = np.stack([frames for frames, _ in items]) if items else self.empty
        return torch.from_numpy(frames), [caption for _, caption in items]


def default_workers(source: ClipSource) -> int:
    """None where nothing is waited for, else one a core, up to MOST_WORKERS."""
    return 0 if source.in_memory else min(os.cpu_count() or 1, MOST_WORKERS)


def batches(
    source: ClipSource,
    recipe: Recipe,
    side: int,
    rows: TokenRows,
    steps: range,
    order: Order,
    part: tuple[int, int] = (0, 1),
    workers: int = 0,
) -> Iterator[Batch]:
    """The batches of `steps` in order, this process's part (rank, world) of each."""
    numbers = [own_part(order.batch_of(step), *part) for step in steps]
    loader = torch.utils.data.DataLoader(
        _Pairs(source, recipe, side),
        batch_sampler=[
            [(int(number), order.epoch_of(step)) for number in own] for step, own in zip(steps, numbers, strict=True)
        ],
        collate_fn=_Collate(recipe, side),
        num_workers=workers,
        multiprocessing_context=worker_context() if workers else None,
        worker_init_fn=_begin,
        pin_memory=torch.cuda.is_available(),
    )
    for own, made in zip(numbers, started(loader), strict=True):
        if isinstance(made, DeltaclipError):
            raise made
        frames, captions = made
        names = [source.video_ids[video] for video in np.asarray(source.owner)[own]]
        yield Batch(frames, rows(captions), torch.from_numpy(np.asarray(source.alike)[own]), names, captions)


def video_batches(
    source: ClipSource, recipe: Recipe, side: int, videos: Sequence[int], size: int, workers: int = 0
) -> Iterator[torch.Tensor]:
    """Videos in order as search sees them, `size` at a time: uint8 (n, T, C, S, S)."""
    loader = torch.utils.data.DataLoader(
        _Videos(source, recipe, side),
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
    """How workers are started: forking this process, which holds torch's threads, could deadlock.

    A server forks them where there is one, so that torch is imported once and not for every worker and validation.
    """
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    return context


def _begin(worker: int) -> None:
    cv2.setNumThreads(1)  # as many processes as cores already
    # A terminal's Ctrl-C goes to all; the run ends them itself, once it has read and saved what it was at.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
