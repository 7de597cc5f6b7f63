"""Child processes that read one file after the other ahead of whoever uses what they read."""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from deltaclip.pipeline.stages import Stages
from deltaclip.processes import Guard, Spent, once, usable_cores

__all__ = ["Job", "Pipeline", "single", "usual_workers"]

Key = TypeVar("Key")
Item = TypeVar("Item")

ITEMS_AHEAD = 4
"""Items of one file that wait for the consumer at most; a clip of 12 frames at 224 px is 2.4 MB."""
JOBS_AHEAD = 8
"""Files that are read or wait to be read besides one for each child, so that no child waits while the consumer encodes
a batch of so many short videos."""
MOST_WORKERS = 8
"""Children at most unless more are asked for: each takes 0.2 GB, and one encoder hardly uses up more."""
WAKE_SECONDS = 1.0
"""How long a thread waits before it looks again: on Windows Ctrl-C is noticed only between two waits."""


@dataclass(frozen=True, slots=True)
class Job(Generic[Key]):
    """One file to read. key: the consumer's own, handed back. args: what the function takes after the path."""

    key: Key
    path: Path
    args: tuple[Any, ...] = ()


def usual_workers() -> int:
    """Child processes for a run over many files: one for each core that this process may use, at most MOST_WORKERS."""
    return min(usable_cores(), MOST_WORKERS)


class Pipeline(Generic[Item]):
    """Reads many files in watched child processes (`processes.Guard`), and hands over what they give in order.

        with Pipeline(read_moments, workers=2) as pipeline:
            for job, clips in pipeline.read(Job(path, path, (spec,)) for path in paths):
                try:
                    for clip in clips:
                        ...
                except VideoError as error:  # of this file; the next one is not affected
                    ...

    The children work ahead: they begin later files while the consumer is busy with an earlier one. What waits for the
    consumer is bounded: ITEMS_AHEAD items of each of workers + JOBS_AHEAD files.
    """

    def __init__(self, function: Callable[..., Iterator[Item]], workers: int = 1) -> None:
        """function: of a module's top level, or a `partial` of one, so that the children find it; see `single`.

        workers: child processes. They and the threads that listen to them start when there is work for them.
        Raises ValueError for less than one, or for a stall limit in the environment that is no positive number;
        DeltaclipError for such a memory limit.
        """
        if workers < 1:
            raise ValueError(f"workers is {workers}: at least one child process has to read")
        self._guards = [Guard(function) for _ in range(workers)]
        self._threads: list[threading.Thread] = []
        self._inbox: SimpleQueue[tuple[Job[Any], _Flow[Item]] | None] = SimpleQueue()
        self._flows: set[_Flow[Item]] = set()
        self._is_closed = False
        self.stages = Stages(workers)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends the children, whatever they are at. May be called again."""
        self._is_closed = True
        for flow in list(self._flows):
            flow.drop()
        for _ in self._threads:
            self._inbox.put(None)  # whichever thread takes it
        for thread, guard in zip(self._threads, self._guards, strict=False):
            while thread.is_alive():
                guard.kill()  # again, if its child was being started just now
                thread.join(0.05)
        self._threads.clear()

    def read(self, jobs: Iterable[Job[Key]]) -> Iterator[tuple[Job[Key], Iterator[Item]]]:
        """Yields every job in the order given, with the items of its file, which raise what the function raises.

        jobs: taken a few ahead of the consumer, in the consumer's thread. Items are to be taken before the next job is
        asked for: what is left of them is dropped then. DeltaclipErrors of the function are raised as they are;
        everything else that happens to a file is a VideoError.
        """
        waiting = iter(jobs)
        ahead: deque[tuple[Job[Key], _Flow[Item]]] = deque()
        try:
            while True:
                while len(ahead) < len(self._guards) + JOBS_AHEAD and (job := next(waiting, None)) is not None:
                    ahead.append((job, self._begun(job)))
                if not ahead:
                    return
                job, flow = ahead[0]
                yield job, flow.items()
                self._end(flow)
                ahead.popleft()
        finally:
            for _, flow in ahead:
                self._end(flow)

    def _begun(self, job: Job[Key]) -> "_Flow[Item]":
        if self._is_closed:
            raise ValueError("the pipeline is closed")
        flow = _Flow[Item]()
        self._flows.add(flow)
        self._inbox.put((job, flow))
        if len(self._threads) < len(self._guards):
            guard = self._guards[len(self._threads)]
            # Threads, since they only wait for their child and for the consumer.
            thread = threading.Thread(target=self._listen, args=(guard,), name="deltaclip-pipeline", daemon=True)
            self._threads.append(thread)
            thread.start()
        return flow

    def _end(self, flow: "_Flow[Item]") -> None:
        flow.drop()
        self._flows.discard(flow)

    def _listen(self, guard: Guard[Item]) -> None:
        """The life of a thread: it hands one job after the other to its child."""
        with guard:
            while (task := self._inbox.get()) is not None:
                job, flow = task
                if not flow.is_wanted:
                    continue
                failure: BaseException | None = None
                try:
                    with closing(guard.stream(str(job.path), job.path, *job.args)) as items:  # type: ignore[type-var]  # a generator
                        for item in items:
                            if not flow.put(item):
                                break
                except BaseException as error:  # noqa: BLE001 - it is raised again in the consumer's thread
                    failure = error
                spent, guard.spent = guard.spent, Spent()
                self.stages.add("decode", spent.decoding)
                self.stages.add("mask", spent.own_work)
                flow.end(failure)  # last: whoever has all items may ask how busy the stages were


class _Flow(Generic[Item]):
    """The items of one file on their way from the thread that listens to the consumer."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._items: deque[Item] = deque()
        self._error: BaseException | None = None
        self._has_ended = False
        self.is_wanted = True

    def put(self, item: Item) -> bool:
        """Waits for room. Returns whether anybody still wants items of this file."""
        with self._changed:
            while self.is_wanted and len(self._items) >= ITEMS_AHEAD:
                self._changed.wait(WAKE_SECONDS)
            if self.is_wanted:
                self._items.append(item)
                self._changed.notify_all()
            return self.is_wanted

    def end(self, error: BaseException | None) -> None:
        with self._changed:
            self._has_ended, self._error = True, error
            self._changed.notify_all()

    def drop(self) -> None:
        """Nobody wants the rest."""
        with self._changed:
            self.is_wanted = False
            self._items.clear()
            self._changed.notify_all()

    def items(self) -> Iterator[Item]:
        while True:
            with self._changed:
                while self.is_wanted and not self._items and not self._has_ended:
                    self._changed.wait(WAKE_SECONDS)
                if not self.is_wanted:
                    raise ValueError("these items were dropped: a later job was asked for, or the pipeline closed")
                if not self._items:
                    if self._error is not None:
                        raise self._error
                    return
                item = self._items.popleft()
                self._changed.notify_all()
            yield item


def single(function: Callable[..., Item]) -> Callable[..., Iterator[Item]]:
    """A function that gives one result as one that a pipeline takes. function: of a module's top level."""
    return partial(once, function)
