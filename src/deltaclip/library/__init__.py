"""The library: what was indexed, its vectors, and finding moments in them. The only room that opens a database."""

from deltaclip.library.candidates import LINK
from deltaclip.library.content import ChangedError, Content, Stamp, content_of, require_unchanged, twice_if_touched
from deltaclip.library.excluding import Exclusion
from deltaclip.library.library import Library, default_library_path
from deltaclip.library.lock import LockedError
from deltaclip.library.protocols import ReadMoments, VectorEncoder
from deltaclip.library.results import (
    Failure,
    Hit,
    IndexProgress,
    IndexReport,
    Note,
    RememberedEncoder,
    RemoveReport,
    Status,
    VerifyReport,
)
from deltaclip.library.sqlite_errors import NotWritableError
from deltaclip.video.suffixes import VIDEO_SUFFIXES

__all__ = [
    "LINK",
    "VIDEO_SUFFIXES",
    "ChangedError",
    "Content",
    "Exclusion",
    "Failure",
    "Hit",
    "IndexProgress",
    "IndexReport",
    "Library",
    "LockedError",
    "NotWritableError",
    "Note",
    "ReadMoments",
    "RememberedEncoder",
    "RemoveReport",
    "Stamp",
    "Status",
    "VectorEncoder",
    "VerifyReport",
    "content_of",
    "default_library_path",
    "require_unchanged",
    "twice_if_touched",
]
