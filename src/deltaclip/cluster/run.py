"""One run over a cluster: portions of files become tasks, and what they give back is committed as it comes."""

import os
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from deltaclip.cluster.listing import Listing
from deltaclip.cluster.planning import StorageWatch, gone_rows, needs_reading, portions, rows_to_prune
from deltaclip.cluster.pool import EncoderPool
from deltaclip.cluster.reading import FileRead, FileToRead
from deltaclip.cluster.starting import ray
from deltaclip.cluster.workers import EncoderWanted, TaskDone, read_on_node
from deltaclip.errors import DeltaclipError, VideoError
from deltaclip.library import (
    ChangedError,
    Failure,
    IndexProgress,
    IndexReport,
    NewVideo,
    Note,
    Store,
    VideoRow,
    Writer,
    settled,
)
from deltaclip.pipeline import STAGES, Stages
from deltaclip.reader import ReaderSpec
from deltaclip.wording import count

__all__ = ["ClusterRun"]

MOST_LOSSES = 5
"""How often the task of a single file may be lost before that file is a failure. Where machines come and go none is to
blame; a file that ends its worker each time must not be tried for ever."""
OUTAGE_SECONDS = 60.0
"""How long a storage may leave all requests of all nodes without an answer; then the run ends."""
WAIT_SECONDS = 1.0
TASKS_AHEAD = 2
"""Tasks that wait for a place to run, so that none is idle while results are committed."""


@dataclass(frozen=True, slots=True)
class _Task:
    """Files of one task, how often it was lost, and the encoder that it uses."""

    files: Sequence[FileToRead]
    losses: int = 0
    encoder: Any = None  # a handle of Ray's


class ClusterRun:
    """Works through a listing once. Interrupted anywhere, it leaves whole videos in the store and nothing else."""

    def __init__(
        self,
        store: Store,
        writer: Writer,
        wanted: EncoderWanted,
        spec: ReaderSpec,
        listing: Listing,
        on_progress: Callable[[IndexProgress], None],
        *,
        prune: bool = False,
    ) -> None:
        """prune: whether videos below the given addresses whose files are gone are removed, see `rows_to_prune`."""
        self._store, self._writer, self._listing = store, writer, listing
        self._spec = replace(spec, track=wanted.motion is not None)
        self._pool = EncoderPool(wanted)
        self._read_on_node = ray.remote(read_on_node)
        self._on_progress = on_progress
        self._prune = prune
        self._rows = {row.path: row for root in listing.roots for row in store.below(root)}
        self._needs_motion = wanted.motion is not None
        self._again: deque[_Task] = deque()
        self._running: dict[Any, _Task] = {}
        self._touched = set[Path]()
        self._seconds = dict.fromkeys(STAGES, 0.0)
        self._most_readers = 1
        self._indexed = self._unchanged = self._segments = self._returned = self._missing = 0
        self._failures = list(listing.failures)
        self._fallback: Counter[str] = Counter()
        self._notes: list[Note] = []
        self._storage = StorageWatch(OUTAGE_SECONDS)

    @property
    def engine(self) -> Mapping[str, str]:
        """How the encoders ran; empty if none was needed."""
        return self._pool.facts

    def run(self) -> IndexReport:
        """Brings the store up to date with the listing.

        Raises DeltaclipError if the storage of the videos has not answered any node for OUTAGE_SECONDS.
        """
        begun = time.monotonic()
        self._settle_unread()
        self._read_all()
        left_alone, removed = self._settle_the_rest()
        self._tell(None)
        seconds = time.monotonic() - begun
        stages = Stages(self._most_readers, max(self._pool.most, 1))
        for stage in STAGES:
            stages.add(stage, self._seconds[stage])
        return IndexReport(
            seen=self._indexed + self._unchanged + len(self._failures),
            indexed=self._indexed,
            unchanged=self._unchanged,
            failed=len(self._failures),
            segments=self._segments,
            seconds=seconds,
            failures=tuple(sorted(self._failures, key=lambda failure: os.fsencode(failure.path))),
            fallback=dict(sorted(self._fallback.items())),
            notes=tuple(sorted(self._notes, key=lambda note: os.fsencode(note.path))),
            passed_over=dict(sorted(self._listing.passed_over.items())),
            left_alone=left_alone,
            unused_exclude=self._listing.unused_exclude,
            removed=removed,
            busy=stages.busy(seconds),
            missing=self._missing,
            returned=self._returned,
            new=self._segments,
        )

    def _settle_unread(self) -> None:
        """What needs no task: files that have not changed."""
        back = list[VideoRow]()
        for file in self._listing.files:
            row = self._rows.get(file.path)
            if not needs_reading(row, file, needs_motion=self._needs_motion):
                self._unchanged += 1
                if row is not None and row.missing:
                    back.append(row)
        if back:
            self._writer.set_missing(back, False)
        self._returned += len(back)

    def _settle_the_rest(self) -> tuple[int, int]:
        """What was not listed: how many videos were left alone, since they are there, and how many were removed."""
        gone, left_alone = gone_rows(self._rows, self._listing.files, missing_too=self._prune)
        pruned = rows_to_prune(gone, self._listing.empty) if self._prune else []
        removed = {row.id for row in pruned}
        missing = [row for row in gone if not row.missing and row.id not in removed]
        if missing:
            self._writer.set_missing(missing, True)
        if pruned:
            self._writer.delete(pruned)
        self._missing = len(missing)
        return left_alone, len(pruned)

    def _read_all(self) -> None:
        unread = (
            file
            for file in self._listing.files
            if needs_reading(self._rows.get(file.path), file, needs_motion=self._needs_motion)
        )
        waiting = (_Task(files) for files in portions(unread, self._rows.get, needs_motion=self._needs_motion))
        while True:
            more = self._start(waiting)
            if not self._running and not more:
                return
            self._tell(next((task.files[0].file.path for task in self._running.values()), None))
            if not self._running:
                time.sleep(WAIT_SECONDS)  # for the first encoder
                continue
            ready, _ = ray.wait(list(self._running), num_returns=1, timeout=WAIT_SECONDS)
            ready, _ = ray.wait(list(self._running), num_returns=len(self._running), timeout=0) if ready else ([], [])
            self._commit([read for ref in ready for read in self._ended(ref)])
            if self._storage.outage is not None:
                raise self._storage.outage

    def _start(self, waiting: Iterator[_Task]) -> bool:
        """Starts as many tasks as can run now; returns whether there may be more."""
        task = self._again.popleft() if self._again else next(waiting, None)
        if task is None:
            return False
        self._pool.tend()
        self._most_readers = max(self._most_readers, self._pool.readers)
        while task is not None and len(self._running) < self._pool.readers + TASKS_AHEAD:
            encoder = self._pool.take()
            if encoder is None:
                break
            options = {"num_cpus": self._pool.reader_cpus, "max_retries": 0}
            ref = self._read_on_node.options(**options).remote(task.files, self._spec, encoder)
            self._running[ref] = replace(task, encoder=encoder)
            task = self._again.popleft() if self._again else next(waiting, None)
        if task is not None:
            self._again.appendleft(task)
        return task is not None

    def _ended(self, ref: Any) -> list[FileRead]:  # Any: a reference of Ray's
        """What a task that has ended gives; if it was lost, it begins again."""
        task = self._running.pop(ref)
        self._pool.give_back(task.encoder)
        try:
            done: TaskDone = ray.get(ref)
        except ray.exceptions.RayTaskError as error:
            if isinstance(cause := getattr(error, "cause", None), DeltaclipError):
                raise cause from error
            return self._lost(task, f"{type(cause or error).__name__}: {cause or error}".split("\n")[0])
        except ray.exceptions.RayError as error:
            return self._lost(task, f"its worker was lost ({type(error).__name__})")
        if done.lost is not None:
            self._pool.drop(task.encoder)
            return self._lost(task, done.lost)
        for stage, seconds in done.seconds.items():
            self._seconds[stage] += seconds
        once_more = {read.path for read in done.files if read.touched} - self._touched
        self._touched |= once_more
        once_more |= self._storage.unanswered(done.files)
        again = [wanted for wanted in task.files if wanted.file.path in once_more]
        if again:
            self._again.append(_Task(again))
        return [read for read in done.files if read.path not in once_more]

    def _lost(self, task: _Task, reason: str) -> list[FileRead]:
        """A task that was lost begins again, from the second time on with one file each."""
        losses = task.losses + 1
        if task.losses == 0:
            self._again.append(replace(task, losses=losses))
            return []
        if losses < MOST_LOSSES or len(task.files) > 1:
            self._again.extend(_Task([wanted], losses) for wanted in task.files)
            return []
        [wanted] = task.files
        words = f"could not be read: {count(losses, 'task')} with it were lost, the last one because {reason}"
        remedy = "Look at the memory of the nodes, then run the command again."
        return [FileRead(wanted.file.path, error=VideoError(str(wanted.file.path), words, remedy))]

    def _commit(self, reads: Sequence[FileRead]) -> None:
        """One commit for all that came together."""
        videos, back = list[NewVideo](), list[VideoRow]()
        for read in reads:
            before = self._rows.get(read.path)
            if read.is_known and read.content is not None and before is not None:
                self._writer.seen_again(before, read.content.stamp)
                self._unchanged += 1
                self._returned += before.missing
                continue
            done = settled(read.path, read.content, read.moments, [*read.notes], read.error, before)
            if not isinstance(read.error, ChangedError):
                self._notes += [Note(read.path, text) for text in read.notes]
            self._fallback.update(read.fallback)
            if done.failure is None:
                self._indexed += 1
            else:
                self._failures.append(Failure(read.path, done.failure.reason))
            if done.video is not None:
                videos.append(done.video)
                self._segments += len(done.video.moments)
            if done.is_there and before is not None and before.missing:
                back.append(before)
        begun = time.perf_counter()
        if videos:
            self._writer.put(videos)
        if back:
            self._writer.set_missing(back, False)
        self._seconds["store"] += time.perf_counter() - begun

    def _tell(self, current: Path | None) -> None:
        total = len(self._listing.files) + len(self._listing.failures)
        done = self._indexed + self._unchanged + len(self._failures)
        self._on_progress(IndexProgress(total, done, self._segments, len(self._failures), current))
