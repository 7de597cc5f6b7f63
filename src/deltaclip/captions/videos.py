"""Finding the video files of a data set in the folder where the user keeps them."""

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath

from deltaclip.captions.files import refused, unreadable
from deltaclip.errors import CaptionError
from deltaclip.names import composed, on_disk, told_apart
from deltaclip.video import FILM_SUFFIXES

__all__ = ["VideoFiles", "find_videos"]

# Names of DiDeMo, from Flickr: 181 end in a bare dot, one in .null and one in .3gpp.
OTHER_SUFFIXES = ("", "null", "3gpp")


@dataclass(frozen=True, slots=True)
class VideoFiles:
    """Where the videos of a data set are.

    found: id -> file, in the order of the ids. missing: the ids without a file, in their order. unreadable: folders
    that could not be looked into, each with the reason; only if something is missing that may be there.
    """

    found: Mapping[str, Path]
    missing: tuple[str, ...]
    unreadable: tuple[str, ...] = ()


def find_videos(folder: Path, ids: Iterable[str]) -> VideoFiles:
    """The files of these ids, in `folder` or any folder below it.

    An id is the name of its file without the suffix, whatever the container. It may also be a path, as in `folder`
    data sets: absolute; or relative to `folder`; or relative to a different folder, such as that of the csv: then it
    means the file whose path ends in the same folders and name. A suffix in the id goes before others, but a different
    container is used if that one is not there. Letters count as they are: `A` is not `a`; but a file whose accents
    are composed differently (NFC, NFD) is used if the exact one is not there. Hidden files, and `._*` which macOS
    leaves beside videos, are passed over.

    Raises CaptionError if two files could be meant (links to one file are one), if two ids lead to one file,
    or if `folder` itself cannot be read. A folder below it that cannot be read, such as a disk's `lost+found`, is
    named in the result.
    """
    folder = on_disk(folder)
    if not os.path.isdir(folder):
        raise refused(folder, "not a folder", "Give the folder that holds the videos.")
    shelf = _Shelf(folder)
    found: dict[str, Path] = {}
    missing: list[str] = []
    owners: dict[Path, str] = {}
    for name in dict.fromkeys(ids):
        path = shelf.find(name)
        if path is None:
            missing.append(name)
            continue
        if path in owners:
            remedy = "Name each video in one way."
            one, other = told_apart(owners[path], name)
            raise refused(path, f"is the file of two ids, {one} and {other}", remedy)
        owners[path] = name
        found[name] = path
    return VideoFiles(found, tuple(missing), tuple(shelf.unreadable) if missing else ())


class _Shelf:
    """The files below a folder, by name and by name without suffix, whatever way the names are composed."""

    def __init__(self, folder: Path) -> None:
        self.folder = Path(os.path.abspath(folder))
        self._by_name: dict[str, list[Path]] = {}
        self._by_stem: dict[str, list[Path]] = {}
        self.unreadable: list[str] = []
        for path in self._walk():
            self._by_name.setdefault(composed(path.name), []).append(path)
            stem = _stem(path.name)
            if stem is not None:
                self._by_stem.setdefault(composed(stem), []).append(path)

    def find(self, name: str) -> Path | None:
        """The file of an id, or None."""
        direct = self.folder / name  # the path itself if it is absolute
        if os.path.isfile(direct):
            return Path(os.path.normpath(direct))
        written = PurePath(name.replace("\\", "/"))  # as a csv from Windows has it
        if written.is_absolute():
            direct = on_disk(Path(os.path.normpath(direct)))
            return direct if os.path.isfile(direct) else None
        folders = tuple(part for part in written.parts[:-1] if part != "..")
        stem = _stem(written.name)
        for files in (
            self._by_name.get(composed(written.name)),
            self._by_stem.get(composed(written.name)),
            None if stem is None else self._by_stem.get(composed(stem)),
        ):
            fitting = [path for path in files or () if _ends_in(path, folders)]
            if fitting:
                return _the_only(name, [path for path in fitting if _is_exact(path, folders, written.name)] or fitting)
        return None

    def _walk(self) -> Iterator[Path]:
        """The files below the folder in the order of their names; links to folders are followed, each folder once."""
        entered: set[tuple[int, int]] = set()
        for place, folders, names in os.walk(self.folder, followlinks=True, onerror=self._pass_over):
            status = os.stat(place)
            if (status.st_dev, status.st_ino) in entered:
                folders.clear()
                continue
            entered.add((status.st_dev, status.st_ino))
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            # a link that leads nowhere is no file
            yield from (
                path for name in sorted(names) if not name.startswith(".") and os.path.isfile(path := Path(place, name))
            )

    def _pass_over(self, error: OSError) -> None:
        """Remembers a folder that cannot be read; the one asked for is an error."""
        if os.fspath(error.filename) == os.fspath(self.folder):
            unreadable(error)
        self.unreadable.append(f"{error.filename}: a folder that cannot be read ({error.strerror})")


def _ends_in(path: Path, folders: tuple[str, ...]) -> bool:
    """Whether the file is in these folders, one in the other, whatever way their names are composed."""
    there = path.parts[-1 - len(folders) : -1]
    return tuple(map(composed, there)) == tuple(map(composed, folders))


def _is_exact(path: Path, folders: tuple[str, ...], name: str) -> bool:
    """Whether folders and name are composed as they were asked for; the suffix may be a different one."""
    return path.parts[-1 - len(folders) : -1] == folders and bool(
        {name, _stem(name)} & {path.name, _stem(path.name)} - {None}
    )


def _stem(name: str) -> str | None:
    """The name without its suffix, if a video may have that suffix; else None."""
    stem, dot, suffix = name.rpartition(".")
    suffix = suffix.lower()
    return stem if dot and (f".{suffix}" in FILM_SUFFIXES or suffix in OTHER_SUFFIXES) else None


def _the_only(name: str, files: list[Path]) -> Path:
    """The one file among paths that may be links to each other."""
    first, *others = files
    other = next((path for path in others if not os.path.samefile(path, first)), None)
    if other is not None:
        one, two, meant = told_apart(first, other, name)
        found = f"{one} and {two} are both {meant}"
        raise CaptionError(name, found, "Rename one of them, or give the folder that holds the right ones.")
    return first
