"""What is to be done with each path, decided from the library's rows and the disk; carried out by `indexing`."""

from collections.abc import Callable, Container, Hashable, Iterator, Set
from dataclasses import dataclass, field, replace
from pathlib import Path

from deltaclip.errors import VideoError
from deltaclip.library.candidates import Candidates
from deltaclip.library.content import Content, Stamp
from deltaclip.library.disk import Disk, holds_bytes_of
from deltaclip.library.store import Store, VideoRow

__all__ = ["FurtherName", "LeaveAlone", "MarkMissing", "Measure", "Nothing", "Plan", "Read", "SeenAgain", "TakeOver"]
__all__ += ["Wait", "Work", "known_names_first", "work_for_links", "work_for_unseen"]


@dataclass(frozen=True, slots=True)
class Read:
    """Decode the file and encode its moments. before: what is known under its path."""

    path: Path
    content: Content
    before: VideoRow | None


@dataclass(frozen=True, slots=True)
class Nothing:
    """The library has the file's moments, and its times."""

    path: Path


@dataclass(frozen=True, slots=True)
class Measure:
    """The library has the file's moments, and motion vectors of some of them are missing: read it again for these."""

    path: Path
    content: Content
    row: VideoRow


@dataclass(frozen=True, slots=True)
class SeenAgain:
    """The library has the file's moments; its times changed, or it was missing."""

    path: Path
    row: VideoRow
    stamp: Stamp


@dataclass(frozen=True, slots=True)
class TakeOver:
    """Use the moments of a video with the same bytes.

    moves: they are moved to `path`, because the other file is gone or is a soft link to this one; else copied.
    """

    path: Path
    content: Content
    twin: VideoRow
    moves: bool


@dataclass(frozen=True, slots=True)
class FurtherName:
    """The library has this very file under another name, `known`, which is kept.

    before: what is known under `path`, of a different file that was there before.
    """

    path: Path
    known: VideoRow
    before: VideoRow | None


@dataclass(frozen=True, slots=True)
class Wait:
    """A file that is being read now may have the same bytes: ask again when that one is committed."""

    path: Path


@dataclass(frozen=True, slots=True)
class MarkMissing:
    """The file is gone: its moments are kept and no longer found."""

    row: VideoRow


@dataclass(frozen=True, slots=True)
class LeaveAlone:
    """The file is there and was skipped by this run: it stays in the search."""

    row: VideoRow


Work = Read | Nothing | Measure | SeenAgain | TakeOver | FurtherName | Wait


@dataclass(slots=True)
class _OfOneContent:
    """gone: videos whose file is gone. there: the identity of a file -> its video."""

    gone: list[VideoRow] = field(default_factory=list)
    there: dict[Hashable, VideoRow] = field(default_factory=dict)


class Plan:
    """Says what is to be done with one path after the other, each with what was done before it.

    Each file of the library with the same bytes as one that is asked for is looked at once in a run.
    """

    def __init__(
        self, store: Store, disk: Disk, is_whole: Callable[[VideoRow], bool], *, needs_motion: bool = False
    ) -> None:
        """is_whole: whether the moments of a video may be used. Damaged ones would come back from their copies after
        every `remove`. needs_motion: whether moments without a motion vector are measured."""
        self._store = store
        self._disk = disk
        self._is_whole = is_whole
        self._needs_motion = needs_motion
        self._seen: dict[bytes, _OfOneContent] = {}
        self._whole: set[str] = set()
        self._broken: set[str] = set()

    def work_for(self, path: Path, in_hand: Container[bytes] = ()) -> Work:
        """What is to be done with the file at `path`. Raises VideoError if it cannot be read, or changes.

        in_hand: samples of the files that are being read and are not committed yet.
        """
        before = self._store.video(path)
        content = self._disk.sample_of(path)
        # Failed and damaged files are tried again at every run: the cause may lie outside of them (a download that
        # was not complete, a busy machine, an older decoder), and nobody comes back to ask for it file by file.
        if before and before.status == "indexed" and holds_bytes_of(self._disk, before, path, content):
            if self.lacks_motion(before):
                return self._work_for_motion(before, content, in_hand)
            if before.missing or before.stamp != content.stamp:
                return SeenAgain(path, before, content.stamp)
            return Nothing(path)
        if content.sample in in_hand:
            return Wait(path)
        if not self._store.knows_sample(content.sample):
            return Read(path, content, before)
        content = self._disk.digested(path, content)
        found = self._of(content)
        known = found.there.get(self._disk.identity(path))
        if known is not None and not self._gives_way(known, path):
            return FurtherName(path, known, before)
        if (twin := self._movable(found, path)) is not None:
            return TakeOver(path, content, twin, moves=True)
        if (twin := self._copyable(content)) is not None:
            return TakeOver(path, content, twin, moves=False)
        return Read(path, content, before)

    def lacks_motion(self, row: VideoRow) -> bool:
        """Whether a video has to be read again for motion vectors."""
        return self._needs_motion and row.num_motion < row.num_segments

    def _work_for_motion(self, row: VideoRow, content: Content, in_hand: Container[bytes]) -> Work:
        """Of several copies, one is read again and the others take over its moments."""
        if content.sample in in_hand:
            return Wait(row.path)
        for twin in self._store.twins(row.digest) if row.digest is not None else ():
            if not self.lacks_motion(twin) and self._may_be_used(twin):
                return TakeOver(row.path, replace(content, digest=row.digest), twin, moves=False)
        return Measure(row.path, content, row)

    def taken_over(self, work: TakeOver, video_id: str) -> None:
        """To be called when that was done. video_id: of the video that is now under its path."""
        identity = self._disk.identity(work.path)
        if identity is not None:
            row = replace(work.twin, id=video_id, path=work.path, missing=False)
            self._of(work.content).there[identity] = row

    def _movable(self, found: _OfOneContent, path: Path) -> VideoRow | None:
        """A video whose file is gone, or whose name is a soft link to this one; each is given once."""
        link = found.there.pop(self._disk.identity(path), None)
        rows = [link] if link is not None else []
        while rows or found.gone:
            row = (rows or found.gone).pop()
            if self._may_be_used(row):
                return row
        return None

    def _copyable(self, content: Content) -> VideoRow | None:
        assert content.digest is not None, "asked of a file that was read to its end"
        while (twin := self._store.a_twin(content.digest, self._broken)) and not self._may_be_used(twin):
            pass
        return twin

    def _may_be_used(self, row: VideoRow) -> bool:
        if row.id not in self._whole and row.id not in self._broken:
            (self._whole if self._is_whole(row) else self._broken).add(row.id)
        return row.id in self._whole

    def _gives_way(self, row: VideoRow, path: Path) -> bool:
        """Whether a soft link is replaced by a name without one."""
        return self._disk.is_soft(row.path) and not self._disk.is_soft(path)

    def _of(self, content: Content) -> _OfOneContent:
        digest = content.digest
        assert digest is not None, "asked of a file that was read to its end"
        if digest not in self._seen:
            found = self._seen[digest] = _OfOneContent()
            for row in self._store.twins(digest):
                identity = self._disk.identity(row.path)
                if self._disk.is_gone(row.path):
                    found.gone.append(row)
                elif identity is not None and (identity not in found.there or found.there[identity].missing):
                    found.there[identity] = row
        return self._seen[digest]


def known_names_first(store: Store, disk: Disk, candidates: Candidates) -> Candidates:
    """Of several names of one file, prefers one that is not a soft link, then one that the library has already."""
    names: dict[Path, list[Path]] = {}
    for link, first in candidates.links.items():
        names.setdefault(first, [first]).append(link)

    def order(path: Path) -> tuple[bool, bool]:
        row = store.video(path)
        return disk.is_soft(path), row is None or row.status != "indexed"

    chosen = {first: min(same, key=order) for first, same in names.items()}
    links = {path: chosen[first] for first, same in names.items() for path in same if path != chosen[first]}
    files = tuple(chosen.get(path, path) for path in candidates.files)
    as_found = candidates.as_found
    if as_found is not None:
        as_found = {chosen.get(path, path): state for path, state in as_found.items()}
    return replace(candidates, files=files, links=links, as_found=as_found)


def work_for_links(store: Store, candidates: Candidates, failed: Set[Path]) -> list[VideoRow]:
    """Rows to forget: further names of a file whose moments the library has under the name that is used."""
    found = []
    for link, first in candidates.links.items():
        row, kept = store.video(link), store.video(first)
        if row and kept and first not in failed:
            found.append(row)
    return found


def work_for_unseen(
    store: Store, disk: Disk, candidates: Candidates, failed: Set[Path]
) -> Iterator[MarkMissing | SeenAgain | LeaveAlone]:
    """What is to be done with videos below the given paths that this run did not read, once it is through.

    Files that are gone are marked as missing. Their moments are kept: a drive that is not mounted looks like a folder
    that was emptied, and an hour of encoding must not depend on that. A file that comes back, here or elsewhere, has
    them again without being decoded. A file that is there and was skipped (excluded now, given by name then) stays as
    it is, and so does one for which it cannot be told whether it is there. failed: files that were looked at and could
    not be read; they may be gone.
    """
    seen = set(candidates.files)
    below = {row.id: row for root in candidates.roots for row in store.below(root)}
    for row in below.values():
        if row.path in seen:
            if row.path in failed and row.num_segments and not row.missing and disk.is_gone(row.path):
                yield MarkMissing(row)
        elif not row.missing:
            yield MarkMissing(row) if disk.is_gone(row.path) else LeaveAlone(row)
        elif (stamp := _stamp_if_back(disk, row)) is not None:
            yield SeenAgain(row.path, row, stamp)


def _stamp_if_back(disk: Disk, row: VideoRow) -> Stamp | None:
    """The times of a missing video's file if it is back with its own bytes."""
    try:
        content = disk.sample_of(row.path)
        return content.stamp if holds_bytes_of(disk, row, row.path, content) else None
    except VideoError:
        return None
