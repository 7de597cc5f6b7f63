"""The library: what was indexed, its vectors, and finding moments in them. The only room that opens a database."""

from deltaclip.library.library import Library, default_library_path
from deltaclip.library.lock import LockedError
from deltaclip.library.protocols import ReadMoments, VectorEncoder
from deltaclip.library.results import (
    Failure,
    Hit,
    IndexProgress,
    IndexReport,
    RememberedEncoder,
    RemoveReport,
    Status,
    VerifyReport,
)
from deltaclip.video.suffixes import VIDEO_SUFFIXES

__all__ = [
    "VIDEO_SUFFIXES",
    "Failure",
    "Hit",
    "IndexProgress",
    "IndexReport",
    "Library",
    "LockedError",
    "ReadMoments",
    "RememberedEncoder",
    "RemoveReport",
    "Status",
    "VectorEncoder",
    "VerifyReport",
    "default_library_path",
]
