"""Keeping the tables of a library small and fast: files as one, old versions away, and the index of a large one."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from deltaclip.library.lance.errors import in_words
from deltaclip.library.lance.indexing import build_index, extend_index, indexed_columns, tune
from deltaclip.library.lance.meta import Probing
from deltaclip.library.lance.places import MOMENTS, VIDEOS, lance
from deltaclip.library.lance.state import open_table
from deltaclip.library.lance.store import LanceStore

__all__ = ["INDEXED_ROWS", "CompactReport", "compact_tables"]

INDEXED_ROWS = 200_000
"""Moments from which on an index is built: an exact search of fewer takes no longer."""
KEPT_HOURS = 1.0
RECALL = 0.99
GROWTH = 4
"""An index is built anew when there are so many times more moments than when it was built: its lists grow too long."""
STEPS = 5


@dataclass(frozen=True, slots=True)
class CompactReport:
    """What was done, or would be done.

    dry_run: nothing was done. files: files of moments and videos that there were. merged: how many of them were too
    small or held what was deleted, and were written as fewer. versions: old ones that were deleted. freed_bytes: None
    for a dry run, which cannot tell. indexed: moments in the index, 0 without one. probes: of its lists, how many
    a search looks into. recall: share of the 10 nearest that it finds so, mean over a sample. filtered_recall: the
    same among a tenth of the moments, as with a filter, where it looks into all lists. motion_probes, motion_recall,
    filtered_motion_recall: the same by motion. None if there is none.
    """

    dry_run: bool
    files: int
    merged: int
    versions: int
    freed_bytes: int | None
    indexed: int
    probes: int | None = None
    recall: float | None = None
    filtered_recall: float | None = None
    motion_probes: int | None = None
    motion_recall: float | None = None
    filtered_motion_recall: float | None = None


def compact_tables(
    store: LanceStore,
    *,
    dry_run: bool = False,
    keep_hours: float = KEPT_HOURS,
    recall: float = RECALL,
    indexed_rows: int = INDEXED_ROWS,
    on_step: Callable[[str, int, int], None] | None = None,
) -> CompactReport:
    """Writes small files as few, deletes versions older than `keep_hours`, and builds or extends the index.

    recall: share of the 10 nearest moments that a search through the index shall find; how many lists it looks into is
    chosen so, and measured against exact search on a sample. indexed_rows: moments from which on there is an index.
    on_step: called with words for each step, its number, and how many there are.
    Searches go on meanwhile; those that are running keep their version, so that `keep_hours` must be longer than any of
    them. Raises LockedError while a different process writes.
    """
    tell = on_step or _ignore
    if dry_run:
        return _planned(store, keep_hours, indexed_rows)
    with store.writing() as writer, in_words(store.address):
        state, rows = store.state(), 0
        probing, files, merged = state.meta.probing, 0, 0
        if state.moments is not None:
            tell("merging the files of moments", 0, STEPS)
            moments = open_table(store.address, MOMENTS)
            files, merged = len(moments.get_fragments()), moments.optimize.compact_files().fragments_removed
            rows = moments.count_rows()
            if rows >= indexed_rows:
                tell(f"indexing {rows:,} moments", 1, STEPS)
                probing = _index(moments, probing, recall, tell)
            writer.use_moments(moments, probing)
        tell("merging the files of videos", 3, STEPS)  # last, since every commit adds one
        videos = open_table(store.address, VIDEOS)
        files += len(videos.get_fragments())
        merged += videos.optimize.compact_files().fragments_removed
        tell("deleting old versions", 4, STEPS)
        versions = freed = 0
        for name in (VIDEOS,) if state.moments is None else (VIDEOS, MOMENTS):
            stats = open_table(store.address, name).cleanup_old_versions(timedelta(hours=keep_hours))
            versions += stats.old_versions
            freed += stats.bytes_removed
    looks, moves = probing.get("vector"), probing.get("motion")
    return CompactReport(
        dry_run=False,
        files=files,
        merged=merged,
        versions=versions,
        freed_bytes=freed,
        indexed=rows if probing else 0,
        probes=None if looks is None else looks.probes,
        recall=None if looks is None else looks.recall,
        filtered_recall=None if looks is None else looks.some_recall,
        motion_probes=None if moves is None else moves.probes,
        motion_recall=None if moves is None else moves.recall,
        filtered_motion_recall=None if moves is None else moves.some_recall,
    )


def _index(
    moments: Any, probing: Mapping[str, Probing], recall: float, tell: Callable[[str, int, int], None]
) -> Mapping[str, Probing]:
    """Any: a LanceDataset."""
    rows = moments.count_rows()
    built = probing["vector"].rows if {*probing} == {*indexed_columns(moments)} else 0
    if rows > GROWTH * built or not extend_index(moments):
        build_index(moments)
        built = rows
    tell("measuring its recall", 2, STEPS)
    return tune(moments, recall, built)


def _planned(store: LanceStore, keep_hours: float, indexed_rows: int) -> CompactReport:
    with in_words(store.address):
        state = store.state()
        names = [VIDEOS] if state.moments is None else [VIDEOS, MOMENTS]
        files = merged = versions = 0
        oldest = datetime.now(UTC) - timedelta(hours=keep_hours)
        for name in names:
            table = open_table(store.address, name)
            files += len(table.get_fragments())
            plan = lance.optimize.Compaction.plan(table, lance.optimize.CompactionOptions())
            merged += sum(len(task.fragments) for task in plan.tasks)
            known = [each for each in table.versions() if each["version"] != table.version]
            versions += sum(_utc(each["timestamp"]) < oldest for each in known)
        rows = 0 if state.moments is None else state.moments.count_rows()
    return CompactReport(True, files, merged, versions, None, rows if rows >= indexed_rows else 0)


def _utc(time: datetime) -> datetime:
    return time.astimezone(UTC)


def _ignore(words: str, step: int, steps: int) -> None:
    """What is done with progress that nobody wants."""
