"""deltaclip finds moments in videos from words, by what moves in them.

    from deltaclip import Encoder, Library

    with Library.open("clips.library", Encoder.load("shapes"), create=True) as library:
        library.index(["videos"])
        for hit in library.search("the red circle moves", limit=3):
            print(hit.path, hit.start, hit.end, hit.score)

Encoder   videos and texts to vectors of one space        masks     what moves in a video, as arrays
Library   index a folder of videos, search it             evaluate  text-video retrieval metrics
Hit       a moment that a search found                    train     an encoder from captioned videos
                                                          convert   downloaded weights to a checkpoint

Errors that you can fix are a DeltaclipError; a wrong type is a TypeError, a wrong value a ValueError.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from deltaclip.api import convert, evaluate, train
    from deltaclip.encoder import ChoiceError, Encoder, EncoderSpec
    from deltaclip.errors import (
        CacheError,
        CaptionError,
        CheckpointError,
        DeltaclipError,
        EngineError,
        LibraryError,
        PathError,
        PictureError,
        PrecisionError,
        TrainingError,
        VideoError,
    )
    from deltaclip.library import Hit, Library, LockedError, NoLibraryError, NotWritableError
    from deltaclip.reader import Clip, Masks, masks

__version__ = "0.1.0"
__all__ = [
    "CacheError",
    "CaptionError",
    "CheckpointError",
    "ChoiceError",
    "Clip",
    "DeltaclipError",
    "Encoder",
    "EncoderSpec",
    "EngineError",
    "Hit",
    "Library",
    "LibraryError",
    "LockedError",
    "Masks",
    "NoLibraryError",
    "NotWritableError",
    "PathError",
    "PictureError",
    "PrecisionError",
    "TrainingError",
    "VideoError",
    "__version__",
    "convert",
    "evaluate",
    "masks",
    "train",
]

_ROOMS = {
    "deltaclip.api": ("convert", "evaluate", "train"),
    "deltaclip.encoder": ("ChoiceError", "Encoder", "EncoderSpec"),
    "deltaclip.library": ("Hit", "Library", "LockedError", "NoLibraryError", "NotWritableError"),
    "deltaclip.reader": ("Clip", "Masks", "masks"),
}
_HOMES = {name: room for room, names in _ROOMS.items() for name in names}


def __getattr__(name: str) -> object:
    """Fetches public names when they are asked for: `deltaclip --help` must not wait for torch."""
    if name not in __all__:
        raise AttributeError(f"module 'deltaclip' has no attribute {name!r}")
    return getattr(import_module(_HOMES.get(name, "deltaclip.errors")), name)


def __dir__() -> list[str]:
    """The public names, also before they are fetched: for `dir` and tab completion."""
    return [*globals(), *(name for name in __all__ if name not in globals())]
