"""What is written of a video that was read to its end, or as far as it could be: the same rules for every run."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deltaclip.errors import CheckpointError, VideoError
from deltaclip.library.content import ChangedError, Content
from deltaclip.library.protocols import MotionVectorEncoder, VectorEncoder
from deltaclip.library.results import Failure
from deltaclip.library.store import NewMoment, NewVideo, VideoRow
from deltaclip.reader import Clip
from deltaclip.wording import count

__all__ = ["Settled", "finite_vectors", "settled"]


@dataclass(frozen=True, slots=True)
class Settled:
    """What is to be done with a video.

    video: what is to be written; None if what is known of it stays. failure: what is to be reported. is_there: whether
    it is to be found again, if it was missing.
    """

    video: NewVideo | None
    failure: Failure | None = None
    is_there: bool = False


def settled(
    path: Path,
    content: Content | None,
    moments: Sequence[NewMoment],
    notes: Sequence[str],
    error: VideoError | None,
    before: VideoRow | None,
) -> Settled:
    """What becomes of a video whose reading gave `moments`, and ended with `error` if it did not come to its end.

    before: what is known under its path.
    """
    if error is None:
        return Settled(NewVideo(path, content, "indexed", None, moments, notes))
    kept = len(moments)
    if content is None or isinstance(error, ChangedError):
        # A file that cannot be read now, or changes, may be the same as before: what is known of it stays.
        unknown = before is None or not before.num_segments
        return Settled(
            NewVideo(path, None, "failed", error.reason, []) if unknown else None, Failure(path, error.reason)
        )
    reason = error.reason
    if kept:
        reason = f"{error.found}: {count(kept, 'moment')} kept, the rest could not be decoded. {error.remedy}"
    failure = Failure(path, reason)
    if before and before.num_segments > kept and _may_be_same(before, content):
        # The same bytes gave more last time: what failed now is the machine, and nothing of it is lost.
        return Settled(None, failure, is_there=True)
    return Settled(NewVideo(path, content, "damaged" if kept else "failed", reason, moments, notes), failure)


def finite_vectors(encoder: VectorEncoder | MotionVectorEncoder, clips: Sequence[Clip]) -> NDArray[np.float32]:
    """A vector of each clip, (N, D). Raises CheckpointError for NaN: one would make every later search meaningless."""
    vectors = encoder.encode_clips(clips)
    if not np.isfinite(vectors).all():
        remedy = "Its weights are damaged: convert or download them again."
        raise CheckpointError(encoder.name, "produces NaN or infinite vectors", remedy)
    return vectors


def _may_be_same(before: VideoRow, content: Content) -> bool:
    """Whether nothing speaks against it that a row was made of these bytes."""
    return before.may_be(content) and (None in (before.digest, content.digest) or before.digest == content.digest)
