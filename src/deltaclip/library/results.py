"""What a library reports: frozen records, one for each command, whose fields are the keys of its JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from deltaclip.object_paths import video_path
from deltaclip.provenance import VECTOR_VERSION, vector_changes_since

if TYPE_CHECKING:  # the encoder imports torch
    from deltaclip.encoder import Encoder, EngineWord, MotionEncoder, PrecisionWord
    from deltaclip.library.protocols import MotionVectorEncoder, VectorEncoder

__all__ = [
    "DamagedVideo",
    "Failure",
    "Hit",
    "IndexProgress",
    "IndexReport",
    "Note",
    "Relevance",
    "RememberedEncoder",
    "RememberedMotionEncoder",
    "RemoveReport",
    "RepairReport",
    "Status",
    "StopIndexing",
    "VerifyReport",
    "match_nothing",
]


Relevance = Literal["high", "medium", "low", "none"]
"""How well a moment fits a text, best first: `relevance.py` says how that is measured."""


@dataclass(frozen=True, slots=True, repr=False)
class Hit:
    """A moment that was found.

    path: the file. start, end: the moment in seconds on a player's clock, start <= second < end.
    score: what hits are ordered by, higher is better: the cosine similarity of query and moment, -1..1, or in a search
    by both the sum that `both.nearest_by_both` describes.
    coverage: share 0..1 of the frames that moves, mean over the moment; None if the encoder takes no masks.
    id: of the moment, for `Library.moment` and `Library.search_moment`; opaque. video_id: of its video, for
    `Library.video`; opaque.
    appearance, motion: cosine similarity of the moment's appearance and of its motion with the query, -1..1; None if
    the search did not ask for it, and motion also for a moment without a motion vector.
    relevance: how well it fits the text of `Library.search`; None for other searches.
    folded: hits that show the same moment, such as copies and neighbours, best first; only if a search folds.
    """

    path: Path
    start: float
    end: float
    score: float
    coverage: float | None
    id: str
    video_id: str
    appearance: float | None = None
    motion: float | None = None
    relevance: Relevance | None = field(default=None, compare=False)
    folded: tuple["Hit", ...] = field(default=(), compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "path", video_path(self.path))

    def __repr__(self) -> str:
        moving = "" if self.coverage is None else f", moving {self.coverage:.0%}"
        return f"Hit({self.path}, {self.start:g}-{self.end:g} s, score={self.score:.3f}{moving}, id={self.id!r})"


def match_nothing(hits: Sequence[Hit]) -> bool:
    """Whether there are hits for a text, and none of them fits better than sentences about other things do."""
    return bool(hits) and all(hit.relevance == "none" for hit in hits)


@dataclass(frozen=True, slots=True)
class Failure:
    """A file that could not be read, or only up to a point, and why."""

    path: Path
    reason: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "path", video_path(self.path))


@dataclass(frozen=True, slots=True)
class Note:
    """A file that was read, and what is worth knowing about it, for example that its time stamps are broken."""

    path: Path
    text: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "path", video_path(self.path))


@dataclass(frozen=True, slots=True)
class IndexProgress:
    """How far a run of `index` is.

    total: files to look at. done: files that are finished, including those that failed. segments: moments written so
    far. failed: files that failed so far. current: the file at work, None at the end.
    """

    total: int
    done: int
    segments: int
    failed: int
    current: Path | None


class StopIndexing(Exception):
    """Raised by the `on_progress` of `index` to end the run; videos that are read by then are kept."""


@dataclass(frozen=True, slots=True)
class IndexReport:
    """What a run of `index` did; seen == indexed + unchanged + failed.

    seen: files looked at, and paths that lead to no file. indexed: files that are new, changed, moved, copied, or
    `measured`. unchanged: files that the library had at this path with the same content. failed: files without a
    moment, or damaged ones, whose moments before the damage are kept. segments: moments written by this run, of which
    `new` were encoded; the others are of files that were `recognised` or `measured`. seconds: wall time. fallback:
    frames of this run that got the whole picture instead of a mask, by reason. notes: about files read by this run.
    passed_over: how many files and folders below the given ones were skipped, by kind: a suffix such as ".jpg", or one
    of `candidates.SKIPPED_KINDS`. left_alone: videos of the library below the given paths that were skipped; they are
    kept. unused_exclude: patterns of `exclude` that matched nothing. busy: share of the time in which each stage of
    `pipeline.STAGES` worked, 0 to 1. measured: how many of `indexed` were in the library, unchanged, and read again
    because moments of them had no motion vector. recognised: how many of `indexed` have the bytes of a video that the
    library has, as after a move or a copy, so that they were not decoded. missing: videos whose files are gone since
    the last look, and which are no longer found. returned: videos that were missing and are found again. removed:
    missing videos that were removed from the library, if that was asked for. stopped: `on_progress` ended the run
    before it was done.
    """

    seen: int
    indexed: int
    unchanged: int
    failed: int
    segments: int
    seconds: float
    failures: tuple[Failure, ...] = field(repr=False)
    fallback: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[Note, ...] = field(default=(), repr=False)
    passed_over: Mapping[str, int] = field(default_factory=dict)
    left_alone: int = 0
    unused_exclude: tuple[str, ...] = ()
    busy: Mapping[str, float] = field(default_factory=dict, repr=False)
    measured: int = 0
    missing: int = 0
    returned: int = 0
    removed: int = 0
    stopped: bool = field(default=False, repr=False)
    new: int = field(default=0, repr=False)
    recognised: int = field(default=0, repr=False)

    @property
    def videos_per_second(self) -> float:
        """Of the videos that were indexed."""
        return self.indexed / self.seconds if self.seconds > 0 else 0.0


@dataclass(frozen=True, slots=True)
class RemoveReport:
    """removed: videos that were removed. unknown: paths at which the library had none."""

    removed: int
    unknown: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class DamagedVideo:
    """A video whose moments cannot be read as they were written.

    problem: what is wrong with them. gone: there is no file at its path, from which they could be had again.
    """

    path: Path
    problem: str
    gone: bool


@dataclass(frozen=True, slots=True)
class RepairReport:
    """What a run of `repair` did, or would do.

    dry_run: nothing was done. damaged: videos whose moments were damaged, by path. repaired: how many of these have all
    their moments again. failures: the others, and why. remaining: what `verify` finds now; empty for a dry run.
    """

    dry_run: bool
    damaged: tuple[DamagedVideo, ...]
    repaired: int
    failures: tuple[Failure, ...]
    remaining: tuple[str, ...]


FIRST_WRITTEN = 3
"""The first version of vectors that is recorded in libraries."""


@dataclass(frozen=True, slots=True)
class RememberedEncoder:
    """The encoder that made a library's vectors, with everything that is needed to load it again.

    name: bundled name, folder or hub name. fingerprint: changes with anything that defines a vector. dimension: D.
    motion: in the word of `motion.MotionSpec`, None if masks do not matter. num_frames, sampling, max_words: as in
    `encoder.EncoderSpec`; sampling and max_words are None in libraries of format 2, which did not write them down.
    vector_version: as `provenance.VECTOR_VERSION` was; None before version 3, which was the first to be written down.
    precision: if the fingerprint covers it, which is so for int8; else None.
    keep: share of the patches that were encoded, see `encoder.EncoderSpec`; None for all of them.
    """

    name: str
    fingerprint: str
    dimension: int
    motion: str | None
    num_frames: int
    sampling: str | None
    max_words: int | None
    vector_version: int | None
    precision: str | None = None
    keep: float | None = None

    @classmethod
    def of(cls, encoder: "VectorEncoder") -> "RememberedEncoder":
        """What a library remembers of an encoder whose vectors it takes now."""
        spec = encoder.reader_spec
        keep = getattr(encoder, "keep", 1.0)  # an encoder of somebody's own need not have it
        return cls(
            name=encoder.name,
            fingerprint=encoder.fingerprint,
            dimension=encoder.dimension,
            motion=spec.motion_word,
            num_frames=spec.num_frames,
            sampling=spec.sampling,
            max_words=encoder.max_words,
            vector_version=VECTOR_VERSION,
            precision=encoder.kept_precision,
            keep=keep if keep < 1 else None,
        )

    @property
    def options(self) -> Mapping[str, Any]:  # Any: a word or a number
        """The options with which `Encoder.load` loads this encoder again by its name."""
        names = ("motion", "num_frames", "sampling", "max_words", "precision", "keep")
        return {name: value for name in names if (value := getattr(self, name)) is not None}

    def load(self, precision: "PrecisionWord" = "auto", engine: "EngineWord" = "auto") -> "Encoder":
        """This encoder, loaded. Raises CheckpointError if it is no longer there.

        precision, engine: as in `encoder.EncoderSpec`; auto takes a precision that the fingerprint covers.
        """
        from deltaclip.encoder import Encoder

        chosen: dict[str, Any] = {"precision": precision} if precision != "auto" else {}  # Any: a word or a number
        return Encoder.load(self.name, **{**self.options, **chosen}, engine=engine)

    @property
    def outdated(self) -> str | None:
        """Why its vectors cannot be compared with those that this version makes; None if they can."""
        if self.vector_version is not None and self.vector_version >= VECTOR_VERSION:
            return None
        version = FIRST_WRITTEN - 1 if self.vector_version is None else self.vector_version
        changes = "; ".join(vector_changes_since(self.vector_version))
        return f"its vectors are of version {version}, and this deltaclip makes version {VECTOR_VERSION}: {changes}"


@dataclass(frozen=True, slots=True)
class RememberedMotionEncoder:
    """The motion encoder that made a library's motion vectors.

    name: "motion", which is bundled, or a folder. fingerprint: changes with anything that defines a vector.
    dimension: Dm, length of a motion vector.
    """

    name: str
    fingerprint: str
    dimension: int

    @classmethod
    def of(cls, encoder: "MotionVectorEncoder") -> "RememberedMotionEncoder":
        """What a library remembers of a motion encoder whose vectors it takes now."""
        return cls(encoder.name, encoder.fingerprint, encoder.dimension)

    def load(self) -> "MotionEncoder":
        """What its name stands for now, loaded. Raises CheckpointError if it is no longer there."""
        from deltaclip.encoder import MotionEncoder

        return MotionEncoder.load(self.name)


@dataclass(frozen=True, slots=True)
class Status:
    """What a library holds.

    videos: files with moments that can be found. segments: those moments. failed: files that failed or are damaged.
    missing: files that were gone when `index` last looked; their moments are kept and not searched.
    encoder, fingerprint: who made the vectors, None before the first `index`.
    motion_encoder, motion_fingerprint: who made the motion vectors, None if there are none.
    without_motion: how many of the segments have no motion vector. vectors: how they are kept.
    """

    videos: int
    segments: int
    failed: int
    missing: int
    encoder: str | None
    fingerprint: str | None
    motion_encoder: str | None = None
    motion_fingerprint: str | None = None
    without_motion: int = 0
    vectors: Literal["float32", "float16"] = "float32"


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """ok: no problem was found. problems: a sentence or two each.

    unsure: videos indexed by an earlier deltaclip for which it cannot be told whether they changed; a problem lists the
    first of them. elsewhere: how many videos are on object storage: their moments were checked, and not their files.
    """

    ok: bool
    problems: tuple[str, ...]
    unsure: tuple[Path, ...] = ()
    elsewhere: int = 0
