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
from deltaclip.library.candidates import Candidates
from deltaclip.library.content import Content, content_of
from deltaclip.library.ledger import Ledger, Moment, VideoRow
from deltaclip.library.protocols import ReadMoments, VectorEncoder
from deltaclip.library.results import Failure, IndexProgress, IndexReport
from deltaclip.reader import Clip

__all__ = ["IndexRun"]

CLIPS_AT_ONCE = 8
"""Clips that are held before they are encoded together: a clip of 12 frames at 224 px is 10 MB."""


@dataclass(slots=True)
class _InHand:
    """A video between its first clip and its commit. read: no clip of it is still to come."""

    path: Path
    content: Content
    before: VideoRow | None
    clips: list[Clip] = field(default_factory=list)
    moments: list[Moment] = field(default_factory=list)
    error: VideoError | None = None
    read: bool = False


class IndexRun:
    """Works through candidates once. Interrupted anywhere, it leaves whole videos in the ledger and nothing else."""

    def __init__(
        self,
        ledger: Ledger,
        encoder: VectorEncoder,
        read: ReadMoments,
        candidates: Candidates,
        on_progress: Callable[[IndexProgress], None],
    ) -> None:
        self._ledger = ledger
        self._encoder = encoder
        self._read = read
        self._candidates = candidates
        self._on_progress = on_progress
        self._in_hand: list[_InHand] = []
        self._indexed = self._unchanged = self._segments = 0
        self._failures = list(candidates.failures)
        self._fallback: Counter[str] = Counter()

    def run(self) -> IndexReport:
        """Brings the ledger up to date with the candidates."""
        begun = time.monotonic()
        for path in self._candidates.files:
            self._tell(path)
            self._look_at(path)
        self._encode()
        self._note_missing()
        self._tell(None)
        return IndexReport(
            seen=self._total(),
            indexed=self._indexed,
            unchanged=self._unchanged,
            failed=len(self._failures),
            segments=self._segments,
            seconds=time.monotonic() - begun,
            failures=tuple(sorted(self._failures, key=lambda failure: os.fsencode(failure.path))),
            fallback=dict(sorted(self._fallback.items())),
        )

    def _look_at(self, path: Path) -> None:
        """Decides what is to be done with one file."""
        before = self._ledger.video(path)
        try:
            content = content_of(path)
        except VideoError as error:
            self._failures.append(Failure(path, error.reason))
            # A file that cannot be read now may be the same as before: what is known of it stays.
            if before is None or not before.num_segments:
                self._ledger.store(path, None, "failed", error.reason, [])
            return
        # Failed and damaged files are tried again at every run: the cause may lie outside of them (a download that
        # was not complete, a busy machine, an older decoder), and nobody comes back to ask for it file by file.
        if before and before.content_key == content.key and before.status == "indexed":
            if before.missing:
                self._ledger.set_missing([before], False)
            self._unchanged += 1
        elif not self._take_over(path, content):
            self._decode(path, content, before)

    def _take_over(self, path: Path, content: Content) -> bool:
        """Uses the moments of a video with the same content, moved here or copied; False where there is none."""
        if any(video.content == content for video in self._in_hand):
            self._encode()
        twins = self._ledger.twins(content)
        if not twins:
            return False
        gone = next((twin for twin in twins if not os.path.exists(twin.path)), None)
        if gone is not None:
            self._ledger.move(gone, path)
        else:
            self._ledger.copy(twins[0], path)
        self._indexed += 1
        self._segments += twins[0].num_segments
        return True

    def _decode(self, path: Path, content: Content, before: VideoRow | None) -> None:
        """Reads a file's clips; encodes whenever enough have come together, so that a long one is never held whole."""
        video = _InHand(path, content, before)
        self._in_hand.append(video)
        try:
            for clip in self._read(path, self._encoder.reader_spec):
                video.clips.append(clip)
                self._fallback.update(reason for reason in clip.fallback if reason is not None)
                if sum(len(held.clips) for held in self._in_hand) >= CLIPS_AT_ONCE:
                    self._encode()
        except VideoError as error:
            video.error = error
        video.read = True

    def _encode(self) -> None:
        """Encodes all clips in hand, over videos, and commits the videos that are read to their end."""
        pairs = [(video, clip) for video in self._in_hand for clip in video.clips]
        vectors = self._encoder.encode_clips(clip for _, clip in pairs)
        if not np.isfinite(vectors).all():
            # One such vector would make every later search meaningless.
            remedy = "Its weights are broken: convert or fetch them again."
            raise CheckpointError(self._encoder.name, "gives vectors that are no numbers", remedy)
        for (video, clip), vector in zip(pairs, vectors, strict=True):
            video.moments.append(self._moment(clip, vector))
        for video in self._in_hand:
            video.clips.clear()
        for video in [video for video in self._in_hand if video.read]:
            self._commit(video)
            self._in_hand.remove(video)

    def _moment(self, clip: Clip, vector: NDArray[np.float32]) -> Moment:
        # Without masks none was measured.
        coverage = None if self._encoder.reader_spec.motion is None else float(clip.coverage.mean())
        return Moment(clip.start, clip.end, coverage, vector)

    def _commit(self, video: _InHand) -> None:
        """One video, one transaction."""
        before, error = video.before, video.error
        if error is None:
            self._ledger.store(video.path, video.content, "indexed", None, video.moments)
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
        if before and before.content_key == video.content.key and before.num_segments > kept:
            # The same bytes gave more last time: what failed now is the machine, and nothing of it is lost.
            self._ledger.set_missing([before], False)
            return
        self._ledger.store(video.path, video.content, "damaged" if kept else "failed", reason, video.moments)
        self._segments += kept

    def _note_missing(self) -> None:
        """Takes files that are gone out of the search, for as long as they are gone.

        Their moments stay: a drive that is not mounted looks like a folder that was emptied, and an hour of encoding
        must not hang on that. A file that comes back, here or elsewhere, has them again without being decoded.
        """
        seen = set(self._candidates.files)
        below = [row for root in self._candidates.roots for row in self._ledger.below(root)]
        gone = [row for row in below if not row.missing and row.path not in seen and not os.path.exists(row.path)]
        if gone:
            self._ledger.set_missing(gone, True)

    def _total(self) -> int:
        return len(self._candidates.files) + len(self._candidates.failures)

    def _tell(self, current: Path | None) -> None:
        done = self._indexed + self._unchanged + len(self._failures)
        self._on_progress(IndexProgress(self._total(), done, self._segments, len(self._failures), current))
