"""The library: what was indexed, its vectors, and finding moments in them. The only room that opens a database."""

from typing import TYPE_CHECKING

from deltaclip.fronts import fetched

if TYPE_CHECKING:
    from deltaclip.library.address import STORES, default_library_path, full_address, local_folder, open_store
    from deltaclip.library.both import AppearanceRows, MotionRows, nearest_by, nearest_of_sound
    from deltaclip.library.candidates import EXCLUDED, LINK, Shard, find_candidates
    from deltaclip.library.content import (
        ChangedError,
        Content,
        Stamp,
        TouchedError,
        content_of,
        require_unchanged,
        sample_of,
        twice_if_touched,
        with_digest,
    )
    from deltaclip.library.disk import holds_anything, is_gone
    from deltaclip.library.encoders import outdated_reason, require_same_encoder
    from deltaclip.library.exact import nearest
    from deltaclip.library.excluding import Exclusion
    from deltaclip.library.filters import Filter
    from deltaclip.library.hit_pictures import draw_answers, draw_hits
    from deltaclip.library.indexing import report_of_nothing
    from deltaclip.library.library import Library
    from deltaclip.library.lock import LockedError
    from deltaclip.library.merging import MergeReport, merge_libraries
    from deltaclip.library.moment_pictures import Thumbnails, shown_motion
    from deltaclip.library.moments import MOST_NAMED
    from deltaclip.library.outlines import MOST_OUTLINED, Outlines
    from deltaclip.library.protocols import MomentReader, MotionAsked, MotionVectorEncoder, VectorEncoder
    from deltaclip.library.relevance import reaches
    from deltaclip.library.results import (
        DamagedVideo,
        Failure,
        Hit,
        IndexProgress,
        IndexReport,
        Note,
        Relevance,
        RememberedEncoder,
        RememberedMotionEncoder,
        RemoveReport,
        RepairReport,
        Status,
        StopIndexing,
        VerifyReport,
        match_nothing,
    )
    from deltaclip.library.search import By, NoMotionWordsError
    from deltaclip.library.settling import Settled, finite_vectors, settled
    from deltaclip.library.showing import Showing
    from deltaclip.library.store import (
        Moment,
        MotionQuery,
        NewMoment,
        NewVideo,
        NoLibraryError,
        NotWritableError,
        Store,
        StoreClass,
        VideoRow,
        Writer,
    )
    from deltaclip.library.watching import WatchTimes
    from deltaclip.video import VIDEO_SUFFIXES, Cut, PlayFacts
else:
    __getattr__, __dir__ = fetched(
        __name__,
        "deltaclip.library.address",
        "deltaclip.library.filters",
        "deltaclip.library.results",
        "deltaclip.library.store",
        "deltaclip.library.library",
        "deltaclip.library.search",
        "deltaclip.library.protocols",
        "deltaclip.library.lock",
        "deltaclip.library.content",
        "deltaclip.library.disk",
        "deltaclip.library.encoders",
        "deltaclip.library.both",
        "deltaclip.library.exact",
        "deltaclip.library.candidates",
        "deltaclip.library.excluding",
        "deltaclip.library.moments",
        "deltaclip.library.settling",
        "deltaclip.library.watching",
        "deltaclip.library.relevance",
        "deltaclip.library.merging",
        "deltaclip.library.showing",
        "deltaclip.library.outlines",
        "deltaclip.library.moment_pictures",
        "deltaclip.library.hit_pictures",
        "deltaclip.library.indexing",
        "deltaclip.video",
    )

__all__ = [
    "EXCLUDED",
    "LINK",
    "MOST_NAMED",
    "MOST_OUTLINED",
    "STORES",
    "VIDEO_SUFFIXES",
    "AppearanceRows",
    "By",
    "ChangedError",
    "Content",
    "Cut",
    "DamagedVideo",
    "Exclusion",
    "Failure",
    "Filter",
    "Hit",
    "IndexProgress",
    "IndexReport",
    "Library",
    "LockedError",
    "MergeReport",
    "Moment",
    "MomentReader",
    "MotionAsked",
    "MotionQuery",
    "MotionRows",
    "MotionVectorEncoder",
    "NewMoment",
    "NewVideo",
    "NoLibraryError",
    "NoMotionWordsError",
    "NotWritableError",
    "Note",
    "Outlines",
    "PlayFacts",
    "Relevance",
    "RememberedEncoder",
    "RememberedMotionEncoder",
    "RemoveReport",
    "RepairReport",
    "Settled",
    "Shard",
    "Showing",
    "Stamp",
    "Status",
    "StopIndexing",
    "Store",
    "StoreClass",
    "Thumbnails",
    "TouchedError",
    "VectorEncoder",
    "VerifyReport",
    "VideoRow",
    "WatchTimes",
    "Writer",
    "content_of",
    "default_library_path",
    "draw_answers",
    "draw_hits",
    "find_candidates",
    "finite_vectors",
    "full_address",
    "holds_anything",
    "is_gone",
    "local_folder",
    "match_nothing",
    "merge_libraries",
    "nearest",
    "nearest_by",
    "nearest_of_sound",
    "open_store",
    "outdated_reason",
    "reaches",
    "report_of_nothing",
    "require_same_encoder",
    "require_unchanged",
    "sample_of",
    "settled",
    "shown_motion",
    "twice_if_touched",
    "with_digest",
]
