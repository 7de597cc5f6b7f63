"""One run of `index`: new files are read ahead, encoded in batches over videos, and committed one by one."""

import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import repeat
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deltaclip.checks import AnyPath
from deltaclip.errors import VideoError
from deltaclip.library.address import store_exists
from deltaclip.library.candidates import LINK, Candidates, find_candidates
from deltaclip.library.content import ChangedError, Content, TouchedError, require_unchanged, with_digest
from deltaclip.library.disk import LocalDisk, state_of
from deltaclip.library.moments import are_whole
from deltaclip.library.plan import (
    FurtherName,
    LeaveAlone,
    MarkMissing,
    Measure,
    Nothing,
    Plan,
    Read,
    SeenAgain,
    TakeOver,
    Wait,
    known_names_first,
    work_for_links,
    work_for_unseen,
)
from deltaclip.library.protocols import MomentReader, MotionVectorEncoder, VectorEncoder
from deltaclip.library.removing import videos_to_prune
from deltaclip.library.results import Failure, IndexProgress, IndexReport, Note, StopIndexing
from deltaclip.library.settling import finite_vectors, settled
from deltaclip.library.store import NewMoment, NewVideo, Store, VideoRow, Writer
from deltaclip.pipeline import Job
from deltaclip.reader import Clip
from deltaclip.video import SEGMENT_SECONDS

__all__ = ["IndexRun", "report_of_nothing"]

CLIPS_AT_ONCE = 8
"""Clips that are held before they are encoded together: a clip of 12 frames at 224 px is 2.4 MB."""


@dataclass(slots=True, eq=False)
class _InHand:
    """A video between the start of its decoding and its commit.

    known: vectors of its moments, by start and end, if only their motion is to be measured; else None. notes: each
    once. fallback: see `IndexReport`. read: no clip of it is still to come.
    """

    path: Path
    content: Content
    before: VideoRow | None
    known: dict[tuple[float, float], NDArray[np.float32]] | None = None
    clips: list[Clip] = field(default_factory=list)
    moments: list[NewMoment] = field(default_factory=list)
    notes: dict[str, None] = field(default_factory=dict)
    fallback: Counter[str] = field(default_factory=Counter)
    error: VideoError | None = None
    read: bool = False


class IndexRun:
    """Works through candidates once. Interrupted anywhere, it leaves whole videos in the store and nothing else."""

    def __init__(
        self,
        store: Store,
        writer: Writer,
        encoder: VectorEncoder,
        motion_encoder: MotionVectorEncoder | None,
        reader: MomentReader,
        candidates: Candidates,
        on_progress: Callable[[IndexProgress], None],
        *,
        prune: bool = False,
    ) -> None:
        """prune: whether missing videos below the given paths are removed, see `removing.videos_to_prune`."""
        self._store = store
        self._writer = writer
        self._encoder = encoder
        self._motion_encoder = motion_encoder
        self._spec = replace(encoder.reader_spec, track=motion_encoder is not None)
        self._reader = reader
        self._disk = LocalDisk()
        self._candidates = candidates = known_names_first(store, self._disk, candidates)
        needs_motion = motion_encoder is not None
        self._plan = Plan(store, self._disk, lambda row: are_whole(store, row), needs_motion=needs_motion)
        as_found = candidates.as_found
        wanted = [path for path in candidates.files if as_found is None or path in as_found]
        self._total = len(wanted) + len(candidates.failures)
        self._on_progress = on_progress
        self._prune = prune
        self._in_hand: list[_InHand] = []
        self._samples: set[bytes] = set()
        """Of the files that are read and not committed yet."""
        self._again: list[Path] = []
        """To be looked at once more in this run: they wait for a file with perhaps the same bytes, or were touched."""
        self._touched: set[Path] = set()
        self._indexed = self._unchanged = self._segments = self._new = self._recognised = self._measured = 0
        self._missing = self._returned = self._removed = 0
        self._failures = list(candidates.failures)
        self._fallback: Counter[str] = Counter()
        self._notes: list[Note] = []
        self._passed_over = Counter(candidates.passed_over)

    def run(self) -> IndexReport:
        """Brings the store up to date with the candidates."""
        begun = time.monotonic()
        left_alone, stopped = 0, False
        try:
            self._read_all()
            left_alone = self._settle_the_rest()
            self._tell(None)
        except StopIndexing:
            self._encode()
            stopped = True
        seconds = time.monotonic() - begun
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
            passed_over=dict(sorted(self._passed_over.items())),
            left_alone=left_alone,
            unused_exclude=self._candidates.unused_exclude,
            busy=self._reader.stages.busy(seconds),
            measured=self._measured,
            missing=self._missing,
            returned=self._returned,
            removed=self._removed,
            stopped=stopped,
            new=self._new,
            recognised=self._recognised,
        )

    def _read_all(self) -> None:
        paths: Sequence[Path] = self._candidates.files
        while paths:
            for job, clips in self._reader.read(self._jobs(paths)):
                self._tell(job.path)
                self._take(job.key, clips)
            self._encode()
            paths, self._again = self._again, []

    def _jobs(self, paths: Sequence[Path]) -> Iterator[Job[_InHand]]:
        """The files that have to be read; everything else is done at once."""
        for path in paths:
            if not self._is_as_found(path):
                continue
            try:
                video = self._settle(path)
            except VideoError as error:
                self._fail(path, error, self._store.video(path))
                video = None
            if video is not None:
                yield Job(video, path, (self._spec, SEGMENT_SECONDS))
            else:
                self._tell(path)

    def _is_as_found(self, path: Path) -> bool:
        """Whether a file is to be looked at now: in a long run it may have begun to change since it was found."""
        as_found = self._candidates.as_found
        return as_found is None or (path in as_found and as_found[path] == state_of(path))

    def _settle(self, path: Path) -> _InHand | None:
        """Carries out what the plan says, unless the file has to be read: then it is in hand from now on."""
        while True:
            work = self._plan.work_for(path, self._samples)
            match work:
                case Read(path=path, content=content, before=before):
                    video = _InHand(path, content, before)
                    self._samples.add(content.sample)
                    return video
                case Measure(path=path, content=content, row=row):
                    self._samples.add(content.sample)
                    return _InHand(path, content, row, self._vectors_of(row))
                case Wait():
                    self._again.append(path)
                case Nothing():
                    self._unchanged += 1
                case SeenAgain(row=row, stamp=stamp):
                    self._writer.seen_again(row, stamp)
                    self._unchanged += 1
                    self._returned += row.missing
                case FurtherName(known=known, before=before):
                    self._passed_over[LINK] += 1
                    if known.missing:  # and is back, since both names are of one file
                        self._writer.set_missing([known], False)
                        self._returned += 1
                    if before is not None:
                        self._writer.delete([before])
                case TakeOver():
                    if not self._take_over(work):
                        continue  # the twin has gone; ask again
                    if self._plan.lacks_motion(work.twin):
                        continue  # to be measured at its new path
                    self._indexed += 1
                    self._recognised += 1
                    self._segments += work.twin.num_segments
            return None

    def _vectors_of(self, row: VideoRow) -> dict[tuple[float, float], NDArray[np.float32]]:
        """Those of a video, by start and end of the moment; none if they are damaged."""
        if not are_whole(self._store, row):
            return {}
        return {(moment.start, moment.end): moment.vector for moment in self._store.moments([row])}

    def _take_over(self, work: TakeOver) -> bool:
        video_id = work.twin.id
        if not work.moves:
            video_id = self._writer.copy(work.twin, work.path, work.content.stamp)
        elif not self._writer.move(work.twin, work.path, work.content.stamp):
            return False
        self._plan.taken_over(work, video_id)
        return True

    def _settle_the_rest(self) -> int:
        """Does what is to be done with paths that were not read; returns how many videos were left alone."""
        failed = {failure.path for failure in self._failures}
        if rows := work_for_links(self._store, self._candidates, failed):
            self._writer.delete(rows)
        gone, left_alone = list[VideoRow](), 0
        for work in list(work_for_unseen(self._store, self._disk, self._candidates, failed)):
            match work:
                case MarkMissing(row=row):
                    gone.append(row)
                case SeenAgain(row=row, stamp=stamp):
                    self._writer.seen_again(row, stamp)
                    self._returned += 1
                    left_alone += 1
                case LeaveAlone():
                    left_alone += 1
        if gone:
            self._writer.set_missing(gone, True)
        pruned = videos_to_prune(self._store, self._candidates.roots) if self._prune else []
        if pruned:
            self._writer.delete(pruned)
        self._removed = len(pruned)
        self._missing = len({row.id for row in gone} - {row.id for row in pruned})
        return left_alone

    def _fail(self, path: Path, error: VideoError, before: VideoRow | None) -> None:
        """A file that cannot be read now, or changes, may be the same as before: what is known of it stays."""
        self._failures.append(Failure(path, error.reason))
        if before is None or not before.num_segments:
            self._writer.put([NewVideo(path, None, "failed", error.reason, [])])

    def _take(self, video: _InHand, clips: Iterator[Clip]) -> None:
        """Takes a file's clips, and encodes whenever enough have come together: a long video is never held whole."""
        self._in_hand.append(video)
        try:
            for clip in clips:
                video.clips.append(clip)
                video.notes.update(dict.fromkeys(clip.notes))
                video.fallback.update(reason for reason in clip.fallback if reason is not None)
                if sum(len(held.clips) for held in self._in_hand) >= CLIPS_AT_ONCE:
                    self._encode()
        except VideoError as error:
            video.error = error
        # Now that its bytes are in memory anyway. What changed meanwhile fails, whatever was read of it.
        try:
            if video.clips or video.moments:
                video.content = with_digest(video.path, video.content)
            else:
                require_unchanged(video.path, video.content.stamp)
        except ChangedError as error:
            video.error = error
        except VideoError:
            if self._disk.is_gone(video.path):
                remedy = "Run the command again if it is back."
                video.error = ChangedError(str(video.path), "vanished while it was read", remedy)
            # Else it was read by its decoder all the same; without a digest nobody takes it over.
        if isinstance(video.error, TouchedError) and video.path not in self._touched:
            # Once more, since nobody knows whether it was written to.
            self._touched.add(video.path)
            self._again.append(video.path)
            self._drop(video)
            return
        self._fallback.update(video.fallback)
        video.read = True

    def _drop(self, video: _InHand) -> None:
        self._in_hand.remove(video)
        self._samples.discard(video.content.sample)

    def _encode(self) -> None:
        """Encodes all clips in hand, over videos, and commits the videos that are read to their end."""
        pairs = [(video, clip) for video in self._in_hand for clip in video.clips]
        if pairs:
            self._add_moments(pairs)
        for video in [video for video in self._in_hand if video.read]:
            with self._reader.stages.working("store"):
                self._commit(video)
            self._drop(video)

    def _add_moments(self, pairs: Sequence[tuple[_InHand, Clip]]) -> None:
        known = [(video.known or {}).get((clip.start, clip.end)) for video, clip in pairs]
        new = [clip for (_, clip), vector in zip(pairs, known, strict=True) if vector is None]
        with self._reader.stages.working("encode"):
            vectors = iter(finite_vectors(self._encoder, new) if new else ())
            moves: Iterable[NDArray[np.float32] | None] = repeat(None, len(pairs))
            if self._motion_encoder is not None:
                moves = finite_vectors(self._motion_encoder, [clip for _, clip in pairs])
        for (video, clip), vector, motion in zip(pairs, known, moves, strict=True):
            looks = next(vectors) if vector is None else vector
            # Without masks none was measured.
            coverage = None if self._encoder.reader_spec.motion is None else float(clip.coverage.mean())
            video.moments.append(NewMoment(clip.start, clip.end, coverage, looks, motion))
        for video in self._in_hand:
            video.clips.clear()

    def _commit(self, video: _InHand) -> None:
        """One video, one transaction."""
        before, known = video.before, video.known or {}
        done = settled(video.path, video.content, video.moments, [*video.notes], video.error, before)
        if not isinstance(video.error, ChangedError):
            self._notes += [Note(video.path, text) for text in video.notes]
        if done.failure is not None:
            self._failures.append(done.failure)
        else:
            self._indexed += 1
            self._measured += video.known is not None
        if done.is_there and before is not None:
            self._writer.set_missing([before], False)
        if done.video is not None:
            self._writer.put([done.video])
            self._segments += len(done.video.moments)
            self._new += sum((moment.start, moment.end) not in known for moment in done.video.moments)

    def _tell(self, current: Path | None) -> None:
        done = self._indexed + self._unchanged + len(self._failures)
        self._on_progress(IndexProgress(self._total, done, self._segments, len(self._failures), current))


def report_of_nothing(address: AnyPath | None, paths: Sequence[AnyPath], exclude: Sequence[str]) -> IndexReport | None:
    """What `index` reports if there is nothing to read and no library yet: then none need be made. Else None."""
    if store_exists(address):
        return None
    found = find_candidates(paths, None, exclude)
    if found.files:
        return None
    failed = len(found.failures)
    return IndexReport(
        seen=failed,
        indexed=0,
        unchanged=0,
        failed=failed,
        segments=0,
        seconds=0.0,
        failures=found.failures,
        passed_over=found.passed_over,
        unused_exclude=found.unused_exclude,
    )
