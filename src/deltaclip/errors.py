"""The errors deltaclip raises on purpose.

DeltaclipError
├── PathError        a path that no file can have
├── VideoError       a file that cannot be shown as a video
├── PictureError     a picture that no file of its kind can hold
├── CaptionError     a caption or split file that cannot be used
├── CheckpointError  weights, configuration or tokenizer that do not fit
├── PrecisionError   a precision in which this machine gives wrong numbers
├── EngineError      an engine that cannot run an encoder here, or lacks what it needs
├── TrainingError    a training run that cannot begin or go on
├── CacheError       a frame cache that is damaged, locked or of other settings, or cannot be written
└── LibraryError     an index that is locked, damaged or made by another encoder
"""

from collections.abc import Sequence

__all__ = [
    "CacheError",
    "CaptionError",
    "CheckpointError",
    "DeltaclipError",
    "EngineError",
    "LibraryError",
    "PathError",
    "PictureError",
    "PrecisionError",
    "TrainingError",
    "VideoError",
    "unforeseen",
]


class DeltaclipError(Exception):
    """Something that a person can fix: which file or setting, what was found there, and what to do.

    what: the file, option or library concerned, as the person named it.
    found: what is wrong with it, without a final full stop.
    remedy: what to do now, a sentence.
    """

    def __init__(self, what: str, found: str, remedy: str) -> None:
        # All three go to Exception so that the error survives pickling on its way out of a child process.
        super().__init__(what, found, remedy)
        self.what = what
        self.found = found
        self.remedy = remedy

    @property
    def reason(self) -> str:
        """What was found and what to do, without the name: for tables that name the file beside it."""
        return f"{self.found}. {self.remedy}"

    def __str__(self) -> str:
        return f"{self.what}: {self.reason}"


class PathError(DeltaclipError, ValueError):
    """A path that no file can have: empty, too long, with a NUL character or with half a character."""


class VideoError(DeltaclipError):
    """A file that cannot be shown as a video, or only up to a point.

    decoded_seconds: up to where on a player's clock the file could be decoded, if it is damaged after that; else None.
    """

    def __init__(self, what: str, found: str, remedy: str, decoded_seconds: float | None = None) -> None:
        super().__init__(what, found, remedy)
        self.decoded_seconds = decoded_seconds

    def with_log(self, lines: Sequence[str]) -> "VideoError":
        """The same with what the decoder itself said last, if it said anything."""
        if lines:
            self.found = f"{self.found} ({'; '.join(lines)})"
            self.args = (self.what, self.found, self.remedy)
        return self

    def __reduce__(self) -> tuple[type["VideoError"], tuple[str, str, str, float | None]]:
        return type(self), (self.what, self.found, self.remedy, self.decoded_seconds)


class PictureError(DeltaclipError):
    """A picture that cannot be written as a file of its kind: too large for the format, or for the memory."""


class CaptionError(DeltaclipError):
    """A caption, query or similarity file that cannot be used."""


class CheckpointError(DeltaclipError):
    """Weights, configuration or tokenizer that are missing, unsafe or do not fit together."""


class PrecisionError(DeltaclipError):
    """A precision that somebody chose, in which this machine gives wrong numbers."""


class EngineError(DeltaclipError):
    """An engine that cannot run an encoder on this machine, or that lacks a package or a calibration for it."""


class CacheError(DeltaclipError):
    """A frame cache that is damaged, in use, made with other settings, or that cannot be written."""


class TrainingError(DeltaclipError):
    """A training run that cannot begin, or cannot go on; what it had saved stays."""


class LibraryError(DeltaclipError):
    """A library that is locked, damaged, missing or made by another encoder."""


def unforeseen(name: str, error: Exception) -> VideoError:
    """What nobody foresaw while one file was worked on, as the failure of that file: others are not taken along."""
    words = f"{type(error).__name__}: {error}".rstrip(".")
    return VideoError(name, words, "This should not happen: please report it with the file.")
