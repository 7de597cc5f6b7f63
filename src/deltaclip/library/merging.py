"""Several libraries of one encoder as one, such as those of the shards of a folder; nothing is encoded again."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from deltaclip.checks import AnyPath, check_paths
from deltaclip.errors import LibraryError
from deltaclip.library.address import full_address, open_store
from deltaclip.library.content import Content
from deltaclip.library.results import RememberedEncoder, RememberedMotionEncoder
from deltaclip.library.store import NewMoment, NewVideo, Store, VideoRow, VideoStatus, Writer

__all__ = ["MergeReport", "merge_libraries"]

VIDEOS_AT_ONCE = 64
_GOODNESS: dict[VideoStatus, int] = {"failed": 0, "damaged": 1, "indexed": 2}


@dataclass(frozen=True, slots=True)
class MergeReport:
    """What was merged.

    videos, segments: that were written. failed: of the videos, those without moments or with damage. missing: of the
    videos, those whose files were gone when they were looked at last. kept: videos that `out` had already, as good as
    those of the others. twice: videos of the others under a path that an earlier one of them has too: one is taken.
    """

    videos: int
    segments: int
    failed: int
    missing: int
    kept: int
    twice: int


def merge_libraries(
    sources: Iterable[AnyPath], out: AnyPath, on_progress: Callable[[int, int], None] | None = None
) -> MergeReport:
    """Writes the videos of libraries into one: moments, vectors to the bit, failures, notes and missing files too.

    sources: addresses of libraries, at least one; they are only read. out: of a new library, or of one by the same
    encoder, to which the videos are added. Of a path that several have, the one that was read to its end is taken, else
    the one that is not missing, else that with more moments, else that of the file that was changed last, else that of
    `out`, else the first. on_progress: called with how many videos are written, of how many. Can be interrupted at any
    time; the same call does the rest.
    Raises LibraryError if their vectors cannot be in one library, NoLibraryError for a source that is none, LockedError
    while a different process writes to `out`.
    """
    given = [full_address(source) for source in check_paths(sources, "merge_libraries")]
    if not given:
        raise ValueError("merge_libraries takes at least one library")
    if full_address(out) in given:
        raise LibraryError(full_address(out), "is one of the libraries to merge", "Give a new folder.")
    stores: list[Store] = []
    try:
        stores += [open_store(address, create=False) for address in given]
        encoder, motion = _encoder_of(stores), _motion_encoder_of(stores)
        target = open_store(out, create=True)
        stores.append(target)
        with target.writing() as writer:
            writer.remember(encoder, motion)
            return _write(stores[:-1], target, writer, on_progress or _ignore)
    finally:
        for store in stores:
            store.close()


def _encoder_of(stores: Sequence[Store]) -> RememberedEncoder:
    """The one encoder of all libraries."""
    found = [(store, made_by) for store in stores if (made_by := store.encoder()) is not None]
    if not found:
        raise LibraryError(stores[0].address, "nothing was indexed into it", "Index a folder first.")
    first, encoder = found[0]
    for store, made_by in found:
        if made_by.outdated is not None:
            raise LibraryError(store.address, made_by.outdated, "Index its folders again, then merge.")
        if made_by.fingerprint != encoder.fingerprint:
            words = f"made by {made_by.name} ({made_by.fingerprint}), and {first.address} by {encoder.name}"
            raise LibraryError(
                store.address,
                f"{words} ({encoder.fingerprint})",
                "Vectors of different encoders cannot be compared: index again with one encoder and the same options.",
            )
    return encoder


def _motion_encoder_of(stores: Sequence[Store]) -> RememberedMotionEncoder | None:
    """The one motion encoder of all libraries that have motion vectors; None if none has."""
    found = [(store, made_by) for store in stores if (made_by := store.motion_encoder()) is not None]
    for store, made_by in found:
        if made_by.fingerprint != found[0][1].fingerprint:
            words = f"its motion vectors are by {made_by.name} ({made_by.fingerprint})"
            raise LibraryError(
                store.address,
                f"{words}, and those of {found[0][0].address} by {found[0][1].fingerprint}",
                "Index its folders again with this version, then merge.",
            )
    return found[0][1] if found else None


def _write(
    sources: Sequence[Store], target: Store, writer: Writer, on_progress: Callable[[int, int], None]
) -> MergeReport:
    rows = [store.videos() for store in (target, *sources)]
    best = _best_rows(rows)
    kept = sum(number == 0 for number in best.values())
    segments = failed = missing = done = 0
    for number, store in enumerate(sources, 1):
        chosen = [row for row in rows[number] if best[row.path] == number]
        notes: dict[Path, list[str]] = {}
        for note in store.notes():
            notes.setdefault(note.path, []).append(note.text)
        for first in range(0, len(chosen), VIDEOS_AT_ONCE):
            some = chosen[first : first + VIDEOS_AT_ONCE]
            writer.put(_new_videos(store, some, notes))
            gone = [target.video(row.path) for row in some if row.missing]
            writer.set_missing([row for row in gone if row is not None], True)
            done += len(some)
            segments += sum(row.num_segments for row in some)
            failed += sum(row.status != "indexed" for row in some)
            missing += sum(row.missing for row in some)
            on_progress(done, len(best) - kept)
    twice = sum(map(len, rows[1:])) - len({row.path for some in rows[1:] for row in some})
    return MergeReport(done, segments, failed, missing, kept, twice)


def _best_rows(rows: Sequence[Sequence[VideoRow]]) -> dict[Path, int]:
    """For every path the number of the library from which its video is taken; of equal ones the first."""

    def goodness(number: int, row: VideoRow) -> tuple[int, bool, int, int, int]:
        changed = 0 if row.stamp is None else row.stamp.mtime_ns
        return _GOODNESS[row.status], not row.missing, row.num_segments, changed, -number

    best: dict[Path, tuple[tuple[int, bool, int, int, int], int]] = {}
    for number, some in enumerate(rows):
        for row in some:
            asked = goodness(number, row), number
            best[row.path] = max(best.get(row.path, asked), asked)
    return {path: number for path, (_, number) in best.items()}


def _new_videos(store: Store, rows: Sequence[VideoRow], notes: dict[Path, list[str]]) -> list[NewVideo]:
    """Raises LibraryError if a video is not whole: what is damaged must not be written as sound."""
    made = []
    for row in rows:
        moments = list(store.moments([row]))
        problems = list(store.problems_of(row))
        if problems or len(moments) != row.num_segments:
            found = f"{row.path}: {problems[0] if problems else 'was indexed again meanwhile'}"
            remedy = "Run deltaclip repair on it first." if problems else "Run the same command again."
            raise LibraryError(store.address, found, remedy)
        known = row.stamp is not None and row.sample is not None
        content = Content(row.stamp, row.sample, row.digest) if known else None  # type: ignore[arg-type]  # both known
        new = [NewMoment(each.start, each.end, each.coverage, each.vector, each.motion) for each in moments]
        made.append(NewVideo(row.path, content, row.status, row.reason, new, notes.get(row.path, ())))
    return made


def _ignore(done: int, total: int) -> None:
    """What is done with progress that nobody wants."""
