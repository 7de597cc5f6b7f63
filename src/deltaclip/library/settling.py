"""What happens to paths that a run does not read: further names of a file, files that are gone, files skipped."""

from collections.abc import Set
from dataclasses import replace
from pathlib import Path

from deltaclip.errors import VideoError
from deltaclip.library.candidates import Candidates
from deltaclip.library.content import sample_of
from deltaclip.library.store import Store, VideoRow, Writer
from deltaclip.library.twins import holds_bytes_of, is_gone, is_soft

__all__ = ["forget_links", "known_names_first", "settle_unseen"]


def known_names_first(store: Store, candidates: Candidates) -> Candidates:
    """Of several names of one file, prefers one that is not a soft link, then one that the library has already."""
    names: dict[Path, list[Path]] = {}
    for link, first in candidates.links.items():
        names.setdefault(first, [first]).append(link)

    def order(path: Path) -> tuple[bool, bool]:
        return is_soft(path), not _is_known(store, path)

    chosen = {first: min(same, key=order) for first, same in names.items()}
    links = {path: chosen[first] for first, same in names.items() for path in same if path != chosen[first]}
    return replace(candidates, files=tuple(chosen.get(path, path) for path in candidates.files), links=links)


def forget_links(store: Store, writer: Writer, candidates: Candidates, failed: Set[Path]) -> None:
    """Removes further names of a file whose moments the library has under the name that is used."""
    for link, first in candidates.links.items():
        row, kept = store.video(link), store.video(first)
        if row and kept and first not in failed:
            writer.delete([row])


def settle_unseen(store: Store, writer: Writer, candidates: Candidates, failed: Set[Path]) -> int:
    """Marks files that are gone as missing, so that they are not found; returns how many others were skipped.

    Their moments are kept: a drive that is not mounted looks like a folder that was emptied, and an hour of encoding
    must not depend on that. A file that comes back, here or elsewhere, has them again without being decoded. A file
    that is there and was skipped (excluded now, given by name then) stays as it is, and so does one for which it cannot
    be told whether it is there. failed: files that were looked at and could not be read; they may be gone.
    """
    seen = set(candidates.files)
    below = {row.id: row for root in candidates.roots for row in store.below(root)}
    unseen = [row for row in below.values() if row.path not in seen]
    unread = [row for row in below.values() if row.path in seen & failed and row.num_segments]
    if gone := [row for row in (*unseen, *unread) if not row.missing and is_gone(row.path)]:
        writer.set_missing(gone, True)
    numbers = {row.id for row in gone}
    return sum(row.id not in numbers and _stays(writer, row) for row in unseen)


def _stays(writer: Writer, row: VideoRow) -> bool:
    """Whether a video that was skipped is searched; one that is back with its own bytes is from now on."""
    if not row.missing:
        return True
    try:
        content = sample_of(row.path)
        if not holds_bytes_of(row, row.path, content):
            return False
    except VideoError:
        return False
    writer.seen_again(row, content.stamp)
    return True


def _is_known(store: Store, path: Path) -> bool:
    row = store.video(path)
    return row is not None and row.status == "indexed"
