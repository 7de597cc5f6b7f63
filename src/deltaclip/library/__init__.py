"""The library: what was indexed, its vectors, and finding moments in them. The only room that opens a database."""

from deltaclip.library.address import STORES, default_library_path
from deltaclip.library.candidates import LINK
from deltaclip.library.content import ChangedError, Content, Stamp, content_of, require_unchanged, twice_if_touched
from deltaclip.library.excluding import Exclusion
from deltaclip.library.library import Library
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
from deltaclip.library.store import Moment, NoLibraryError, NotWritableError, VideoRow
from deltaclip.video.suffixes import VIDEO_SUFFIXES

__all__ = [
    "LINK",
    "STORES",
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
    "Moment",
    "NoLibraryError",
    "NotWritableError",
    "Note",
    "ReadMoments",
    "RememberedEncoder",
    "RemoveReport",
    "Stamp",
    "Status",
    "VectorEncoder",
    "VerifyReport",
    "VideoRow",
    "content_of",
    "default_library_path",
    "require_unchanged",
    "twice_if_touched",
]
