"""One run of `index`: what is new is read, encoded in batches over videos, and committed video by video."""

import os
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deltaclip.errors import CheckpointError, VideoError
from deltaclip.library.candidates import LINK, Candidates
from deltaclip.library.content import (
    ChangedError,
    Content,
    TouchedError,
    digested,
    require_unchanged,
    sample_of,
    with_digest,
)
from deltaclip.library.protocols import ReadMoments, VectorEncoder
from deltaclip.library.results import Failure, IndexProgress, IndexReport, Note
from deltaclip.library.settling import forget_links, known_names_first, settle_unseen
from deltaclip.library.store import NewMoment, NewVideo, Store, VideoRow, VideoStatus, Writer
from deltaclip.library.twins import Twins, holds_bytes_of
from deltaclip.reader import Clip

__all__ = ["IndexRun"]

CLIPS_AT_ONCE = 8
"""Clips that are held before they are encoded together: a clip of 12 frames at 224 px is 10 MB."""


@dataclass(slots=True, eq=False)
class _InHand:
    """A video between its first clip and its commit.

    notes: each once. fallback: see `IndexReport`. read: no clip of it is still to come.
    """

    path: Path
    content: Content
    before: VideoRow | None
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
        read: ReadMoments,
        candidates: Candidates,
        on_progress: Callable[[IndexProgress], None],
    ) -> None:
        self._store = store
        self._writer = writer
        self._encoder = encoder
        self._read = read
        self._candidates = candidates = known_names_first(store, candidates)
        self._on_progress = on_progress
        self._in_hand: list[_InHand] = []
        self._indexed = self._unchanged = self._segments = 0
        self._failures = list(candidates.failures)
        self._fallback: Counter[str] = Counter()
        self._notes: list[Note] = []
        self._twins = Twins(store, writer)
        self._passed_over = Counter(candidates.passed_over)

    def run(self) -> IndexReport:
        """Brings the store up to date with the candidates."""
        begun = time.monotonic()
        for path in self._candidates.files:
            self._tell(path)
            self._look_at(path)
        self._encode()
        failed = {failure.path for failure in self._failures}
        forget_links(self._store, self._writer, self._candidates, failed)
        left_alone = settle_unseen(self._store, self._writer, self._candidates, failed)
        self._tell(None)
        return IndexReport(
            seen=self._indexed + self._unchanged + len(self._failures),
            indexed=self._indexed,
            unchanged=self._unchanged,
            failed=len(self._failures),
            segments=self._segments,
            seconds=time.monotonic() - begun,
            failures=tuple(sorted(self._failures, key=lambda failure: os.fsencode(failure.path))),
            fallback=dict(sorted(self._fallback.items())),
            notes=tuple(sorted(self._notes, key=lambda note: os.fsencode(note.path))),
            passed_over=dict(sorted(self._passed_over.items())),
            left_alone=left_alone,
            unused_exclude=self._candidates.unused_exclude,
        )

    def _look_at(self, path: Path) -> None:
        """Decides what is to be done with one file."""
        before = self._store.video(path)
        try:
            content = sample_of(path)
            # Failed and damaged files are tried again at every run: the cause may lie outside of them (a download that
            # was not complete, a busy machine, an older decoder), and nobody comes back to ask for it file by file.
            if before and before.status == "indexed" and holds_bytes_of(before, path, content):
                if before.missing or before.stamp != content.stamp:
                    self._writer.seen_again(before, content.stamp)
                self._unchanged += 1
            elif not self._take_over(path, content, before):
                self._decode(path, content, before)
        except VideoError as error:
            self._fail(path, error, before)

    def _fail(self, path: Path, error: VideoError, before: VideoRow | None) -> None:
        """A file that cannot be read now, or changes, may be the same as before: what is known of it stays."""
        self._failures.append(Failure(path, error.reason))
        if before is None or not before.num_segments:
            self._writer.put([NewVideo(path, None, "failed", error.reason, [])])

    def _take_over(self, path: Path, content: Content, before: VideoRow | None) -> bool:
        """Uses the moments of a video with the same bytes, moved here or copied; False if there is none.

        A file that the library has under another name, which is still there, is passed over.
        """
        if any(video.content.sample == content.sample for video in self._in_hand):
            self._encode()
        if not self._store.knows_sample(content.sample):
            return False
        content = digested(path, content)
        if self._twins.is_link(path, content):
            self._passed_over[LINK] += 1
            if before is not None:  # of what was there before the link
                self._writer.delete([before])
            return True
        twin = self._twins.take_over(path, content)
        if twin is None:
            return False
        self._indexed += 1
        self._segments += twin.num_segments
        return True

    def _decode(self, path: Path, content: Content, before: VideoRow | None) -> None:
        """Reads a file's clips; once more if it was touched meanwhile, since nobody knows whether it was written to."""
        video = self._clips_in_hand(path, content, before)
        if isinstance(video.error, TouchedError):
            self._in_hand.remove(video)
            video = self._clips_in_hand(path, sample_of(path), before)
        self._fallback.update(video.fallback)
        video.read = True

    def _clips_in_hand(self, path: Path, content: Content, before: VideoRow | None) -> _InHand:
        """Reads clips, and encodes whenever enough have come together, so that a long video is never held whole."""
        video = _InHand(path, content, before)
        self._in_hand.append(video)
        try:
            for clip in self._read(path, self._encoder.reader_spec):
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
                video.content = with_digest(path, content)
            else:
                require_unchanged(path, content.stamp)
        except ChangedError as error:
            video.error = error
        except VideoError:
            pass  # read by its decoder all the same; without a digest nobody takes it over
        return video

    def _encode(self) -> None:
        """Encodes all clips in hand, over videos, and commits the videos that are read to their end."""
        pairs = [(video, clip) for video in self._in_hand for clip in video.clips]
        vectors = self._encoder.encode_clips(clip for _, clip in pairs)
        if not np.isfinite(vectors).all():
            # One such vector would make every later search meaningless.
            remedy = "Its weights are damaged: convert or download them again."
            raise CheckpointError(self._encoder.name, "produces NaN or infinite vectors", remedy)
        for (video, clip), vector in zip(pairs, vectors, strict=True):
            video.moments.append(self._moment(clip, vector))
        for video in self._in_hand:
            video.clips.clear()
        for video in [video for video in self._in_hand if video.read]:
            self._commit(video)
            self._in_hand.remove(video)

    def _moment(self, clip: Clip, vector: NDArray[np.float32]) -> NewMoment:
        # Without masks none was measured.
        coverage = None if self._encoder.reader_spec.motion is None else float(clip.coverage.mean())
        return NewMoment(clip.start, clip.end, coverage, vector)

    def _commit(self, video: _InHand) -> None:
        """One video, one transaction."""
        before, error = video.before, video.error
        if isinstance(error, ChangedError):
            self._fail(video.path, error, before)
            return
        self._notes += [Note(video.path, text) for text in video.notes]
        if error is None:
            self._put(video, "indexed", None)
            self._indexed += 1
            self._segments += len(video.moments)
            return
        kept = len(video.moments)
        if not kept:
            reason = error.reason
        else:
            moments = "1 moment" if kept == 1 else f"{kept} moments"
            reason = f"{error.found}: {moments} kept, the rest could not be decoded. {error.remedy}"
        self._failures.append(Failure(video.path, reason))
        if before and before.num_segments > kept and _may_be_same(before, video.content):
            # The same bytes gave more last time: what failed now is the machine, and nothing of it is lost.
            self._writer.set_missing([before], False)
            return
        status: VideoStatus = "damaged" if kept else "failed"
        self._put(video, status, reason)
        self._segments += kept

    def _put(self, video: _InHand, status: VideoStatus, reason: str | None) -> None:
        self._writer.put([NewVideo(video.path, video.content, status, reason, video.moments, [*video.notes])])

    def _total(self) -> int:
        return len(self._candidates.files) + len(self._candidates.failures)

    def _tell(self, current: Path | None) -> None:
        done = self._indexed + self._unchanged + len(self._failures)
        self._on_progress(IndexProgress(self._total(), done, self._segments, len(self._failures), current))


def _may_be_same(before: VideoRow, content: Content) -> bool:
    """Whether nothing speaks against it that a row was made of these bytes."""
    return before.may_be(content) and (None in (before.digest, content.digest) or before.digest == content.digest)
