"""Which files `index` looks at: those in folders by their suffix, and every file that is given by name."""

import hashlib
import os
import re
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from deltaclip.library.disk import State, file_identity, is_gone, is_soft
from deltaclip.library.excluding import Exclusion
from deltaclip.library.paths import absolute_paths
from deltaclip.library.results import Failure
from deltaclip.object_paths import ELSEWHERE, is_elsewhere
from deltaclip.video import AMBIGUOUS_SUFFIXES, PROXY_SUFFIXES, VIDEO_SUFFIXES, looks_like_video

__all__ = ["EXCLUDED", "LINK", "SKIPPED_KINDS", "Candidates", "Shard", "find_candidates"]

LINK = "links to files already included"
HIDDEN = "hidden files and folders"
SYSTEM = "system folders"
EXCLUDED = "excluded files and folders"
PROXY = "small copies beside their video"
BROKEN_LINK = "broken links"
NOT_PLAIN = "pipes, sockets and devices"
OTHER_SHARD = "files of other shards"
NO_SUFFIX = "files without a suffix"
NOT_VIDEO = "files that are not videos"
SKIPPED_KINDS = (
    LINK,
    HIDDEN,
    SYSTEM,
    EXCLUDED,
    PROXY,
    BROKEN_LINK,
    NOT_PLAIN,
    OTHER_SHARD,
    NO_SUFFIX,
    f"SUFFIX {NOT_VIDEO}",
)
"""What may be skipped, besides files with other suffixes, which are counted by suffix. The last one is for a suffix
that videos share with other files, for example ".ts files that are not videos"."""

SYSTEM_FOLDERS = frozenset(
    [
        *("@eadir", "#recycle", "#snapshot", "@sharesnap", "@tmp"),  # Synology
        *("@recycle", "@recently-snapshot", "@transcode", "@__thumb"),  # QNAP
        *("~snapshot", "lost+found", "lost.dir", "network trash folder", "temporary items"),
        *("$recycle.bin", "recycler", "recycled", "$windows.~bt", "system volume information"),  # Windows
    ]
)
"""Folders, in lower case, in which systems and storage boxes keep deleted files, thumbnails and snapshots. A folder
that is given by name is read whatever it and the folders above it are called."""

SNIFFED_BYTES = 64 * 1024
_ADDED = r"((?:[\W_].*)?)"
"""What programs append to the name of a copy: " (1)", "(1)", "-copy", "_copy"."""
_GOPRO = re.compile(r"g[a-z](\d{6}|[a-z]{2}\d{4})" + _ADDED)
_INSTA360 = re.compile(r"(?:pro_)?(?:lrv|vid|pro)_(\d{8}_\d{6})_\d\d_(\d{3})" + _ADDED)
_PLAIN_SUFFIX = re.compile(r"\.\w{1,8}")
"""What is counted as a suffix; anything else after a full stop is part of the name."""


@dataclass(frozen=True, slots=True)
class Shard:
    """The part `number` of `count`, from 1 on, of the files in a folder: about as many in each, always the same ones.

    A file's part follows from its path below the given folder that contains it, so that machines on which that folder
    is elsewhere agree. Raises ValueError for a part that there is not.
    """

    number: int
    count: int

    def __post_init__(self) -> None:
        if not 1 <= self.number <= self.count:
            raise ValueError(f"shard {self.number} of {self.count}: give one from 1 to the number of shards")

    def holds(self, path: Path, roots: Sequence[Path]) -> bool:
        """Whether a file is in it. roots: the folders and files given."""
        root = next((root for root in roots if path != root and path.is_relative_to(root)), path.parent)
        digest = hashlib.sha256(os.fsencode(path.relative_to(root).as_posix())).digest()
        return int.from_bytes(digest[:8], "big") % self.count == self.number - 1

    def of(self, candidates: "Candidates") -> "Candidates":
        """Those in this shard; the others are counted as skipped."""
        files = tuple(path for path in candidates.files if self.holds(path, candidates.roots))
        others = len(candidates.files) - len(files)
        passed_over = {**candidates.passed_over, **({OTHER_SHARD: others} if others else {})}
        return replace(candidates, files=files, passed_over=passed_over)


@dataclass(frozen=True, slots=True)
class Candidates:
    """The files to look at.

    files: absolute, sorted, each once. roots: the paths given, absolute. failures: paths that lead to no file.
    links: other names of files -> the name that is used. passed_over: how many were skipped, by kind (see
    SKIPPED_KINDS). unused_exclude: patterns that matched nothing. folders: those that were looked through. as_found: if
    given, a run looks only at these of the files, each only as long as it is in that state; the others are left for a
    later run.
    """

    files: tuple[Path, ...]
    roots: tuple[Path, ...]
    failures: tuple[Failure, ...]
    links: Mapping[Path, Path]
    passed_over: Mapping[str, int]
    unused_exclude: tuple[str, ...] = ()
    folders: tuple[Path, ...] = ()
    as_found: Mapping[Path, State] | None = None


def find_candidates(
    paths: Iterable[str | os.PathLike[str]], library_folder: Path | None = None, exclude: Sequence[str] = ()
) -> Candidates:
    """Walks through the folders among `paths` and takes the files among them as they are.

    Below a folder, hidden files and folders (and `._*`, which macOS leaves beside videos), SYSTEM_FOLDERS, what
    `exclude` matches (see `Exclusion`), other suffixes than VIDEO_SUFFIXES, files of AMBIGUOUS_SUFFIXES that are not
    videos, and small copies that a camera wrote beside a video are skipped and counted. Of several names of one file,
    hard or soft links, one is used. Files in `library_folder` are never used. A path that does not exist and a folder
    that cannot be read are failures.
    """
    roots = absolute_paths(paths)
    exclusion = Exclusion(exclude)
    here = [root for root in roots if not is_elsewhere(root)]
    walk = _Walk([root for root in here if os.path.isdir(root)], library_folder, exclusion)
    folders = list[Path]()
    for root in roots:
        if _is_below(root, library_folder):
            walk.failures.append(Failure(root, "is part of the library itself. Keep videos outside its folder."))
        elif is_elsewhere(root):
            walk.failures.append(Failure(root, f"{ELSEWHERE}. Index it with `deltaclip cluster index`."))
        elif os.path.isdir(root) and exclusion.matches([root.name], str(root), is_folder=True):
            walk.passed_over[EXCLUDED] += 1  # as a shell gives it: index VIDEOS/* --exclude drafts
        elif os.path.isdir(root):
            folders.append(root)
        elif not os.path.exists(root) and not is_gone(root):
            walk.failures.append(Failure(root, "cannot be reached. Check the permissions of its folders."))
        elif not os.path.exists(root):
            walk.failures.append(Failure(root, "does not exist. Check the name."))
        elif exclusion.matches([root.name, *walk.below(str(root))], str(root), is_folder=False):
            walk.passed_over[EXCLUDED] += 1
        else:
            walk.found[root] = None
    walk.enter(folders)
    files, links = _each_once(sorted(walk.found, key=os.fsencode))
    walk.passed_over[LINK] += len(links)
    passed_over = dict(sorted((+walk.passed_over).items()))
    return Candidates(
        files, tuple(here), tuple(walk.failures), links, passed_over, exclusion.unused, folders=tuple(walk.folders)
    )


class _Walk:
    """Looks through folders. found: the files to read. folders: those that could be read. passed_over: how many were
    skipped, by kind."""

    def __init__(self, roots: Sequence[Path], library_folder: Path | None, exclusion: Exclusion) -> None:
        self._prefixes = [os.path.join(root, "") for root in roots]
        self._library_folder = library_folder
        self._exclusion = exclusion
        self._entered: set[tuple[int, int]] = set()
        self.found: dict[Path, None] = {}
        self.folders: list[Path] = []
        self.failures: list[Failure] = []
        self.passed_over: Counter[str] = Counter()

    def below(self, path: str) -> list[str]:
        """A path relative to every given folder that contains it."""
        return [path[len(prefix) :] for prefix in self._prefixes if path.startswith(prefix)]

    def enter(self, roots: Sequence[Path]) -> None:
        """Takes the files below folders, each folder once. Links to folders are followed after all real folders."""
        linked = [root for root in roots if is_soft(root)]
        folders = [root for root in roots if root not in linked]
        while folders or linked:
            folder = folders.pop() if folders else linked.pop()
            films = list[os.DirEntry[str]]()
            takes = set[str]()
            for entry in self._entries(folder):
                # os.path answers False if the entry's own methods raise, as for a link to itself.
                is_folder = entry.is_dir(follow_symlinks=False) or (entry.is_symlink() and os.path.isdir(entry.path))
                kind = self._passed_by_name(entry, is_folder)
                if entry.name.lower().endswith(VIDEO_SUFFIXES) and not _is_proxy(entry) and os.path.isfile(entry.path):
                    takes.add(
                        _take_of(entry)
                    )  # whether or not it is used itself: who excludes it does not want its copy
                if kind is None and not is_folder:
                    kind = _passed_by_content(entry)
                if kind is not None:
                    self.passed_over[kind] += 1
                elif is_folder:
                    (linked if entry.is_symlink() else folders).append(Path(entry.path))
                else:
                    films.append(entry)
            for film in films:
                if _is_proxy(film) and _take_of(film) in takes:
                    self.passed_over[PROXY] += 1
                else:
                    self.found[Path(film.path)] = None

    def _entries(self, folder: Path) -> list[os.DirEntry[str]]:
        """The entries of a folder; none if it was entered before or is the library's own."""
        try:
            status = folder.stat()
            if (status.st_dev, status.st_ino) in self._entered or _is_below(folder, self._library_folder):
                return []
            self._entered.add((status.st_dev, status.st_ino))
            with os.scandir(folder) as entries:
                found = list(entries)
            self.folders.append(folder)
            return found
        except OSError as err:
            reason = f"a folder that cannot be read ({err.strerror}). Check its permissions."
            self.failures.append(Failure(folder, reason))
            return []

    def _passed_by_name(self, entry: os.DirEntry[str], is_folder: bool) -> str | None:
        # First, so that a pattern that matches a hidden file counts as used.
        excluded = self._exclusion.matches(self.below(entry.path), entry.path, is_folder=is_folder)
        if entry.name[0] == ".":
            return HIDDEN
        if is_folder and entry.name.lower() in SYSTEM_FOLDERS:
            return SYSTEM
        return EXCLUDED if excluded else None


def _passed_by_content(entry: os.DirEntry[str]) -> str | None:
    """Why a file is skipped; None for a video."""
    suffix = os.path.splitext(entry.name)[1].lower()
    if suffix not in VIDEO_SUFFIXES:
        return suffix if _PLAIN_SUFFIX.fullmatch(suffix) else NO_SUFFIX
    if is_gone(Path(entry.path)):  # a file that cannot be looked at may be a video, and will be reported
        return NOT_PLAIN if os.path.exists(entry.path) else BROKEN_LINK
    return f"{suffix} {NOT_VIDEO}" if suffix in AMBIGUOUS_SUFFIXES and not _holds_video(Path(entry.path)) else None


def _holds_video(path: Path) -> bool:
    """Whether the head or middle of a file looks like a video. One that cannot be read may be, and will be reported."""
    try:
        with path.open("rb") as file:
            if looks_like_video(file.read(SNIFFED_BYTES)):
                return True
            file.seek(os.fstat(file.fileno()).st_size // 2)
            return looks_like_video(file.read(SNIFFED_BYTES), is_head=False)
    except OSError:
        return True


def _is_proxy(entry: os.DirEntry[str]) -> bool:
    return entry.name.lower().endswith(PROXY_SUFFIXES)


def _take_of(entry: os.DirEntry[str]) -> str:
    """The part of its name that a video shares with its small copy from the camera; with what marks copies of both.

    GoPro: GX010042.MP4 and GL010042.LRV, looping GHAA0001.MP4 and GLAA0001.LRV, formerly GOPR0042.MP4 and GOPR0042.LRV.
    DJI: DJI_0042.MP4 and DJI_0042.LRF. Insta360: VID_20240501_101500_00_007.insv and LRV_20240501_101500_01_007.lrv,
    exported PRO_VID_ and PRO_LRV_; the third number is the lens. Copies: "GX010042 (1).MP4" and "GL010042 (1).LRV".
    """
    stem = os.path.splitext(entry.name)[0].lower()
    if known := _GOPRO.fullmatch(stem) or _INSTA360.fullmatch(stem):
        return " ".join(known.groups(""))
    return stem


def _each_once(files: Sequence[Path]) -> tuple[tuple[Path, ...], dict[Path, Path]]:
    """One name of every file, and its other names -> that one: a name without soft links, else the first in order."""
    names: dict[Hashable, list[Path]] = {}
    for path in files:
        names.setdefault(file_identity(path) or path, []).append(path)
    links: dict[Path, Path] = {}
    for same in names.values():
        if len(same) > 1:
            taken = min(same, key=lambda path: (os.path.realpath(path) != str(path), os.fsencode(path)))
            links.update((path, taken) for path in same if path != taken)
    return tuple(path for path in files if path not in links), links


def _is_below(path: Path, folder: Path | None) -> bool:
    """Whether `path` is `folder` or below it, links resolved; False if there is no folder."""
    return folder is not None and Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder))
