"""Finding the video files of a data set in the folder where somebody keeps them."""

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath

from deltaclip.captions.files import refused, unreadable
from deltaclip.errors import CaptionError
from deltaclip.video.suffixes import FILM_SUFFIXES

__all__ = ["VideoFiles", "find_videos"]

# Names of DiDeMo, from Flickr: 181 end in a bare dot, one in .null and one in .3gpp.
OTHER_SUFFIXES = ("", "null", "3gpp")


@dataclass(frozen=True, slots=True)
class VideoFiles:
    """found: id -> file, in the order of the ids. missing: the ids without a file, in their order."""

    found: Mapping[str, Path]
    missing: tuple[str, ...]


def find_videos(folder: Path, ids: Iterable[str]) -> VideoFiles:
    """The files of these ids, in `folder` or any folder below it.

    An id is the name of its file without the suffix, whatever the container. It may also be a path, as in `folder`
    data sets: absolute; or relative to `folder`; or relative to another folder, as that of the csv, and then the file
    is the one whose path ends in the same folders and name. A suffix in the id goes before others, but another
    container is taken where that one is not there. Letters count as they are: `A` is not `a`. Hidden files, and `._*`
    which macOS leaves beside videos, are passed over.

    Raises CaptionError where two files could be meant (links to one file are one), where two ids lead to one file,
    and where a folder cannot be read.
    """
    if not folder.is_dir():
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
            raise refused(path, f"is the file of two ids, {owners[path]} and {name}", remedy)
        owners[path] = name
        found[name] = path
    return VideoFiles(found, tuple(missing))


class _Shelf:
    """The files below a folder, by name and by name without suffix."""

    def __init__(self, folder: Path) -> None:
        self.folder = Path(os.path.abspath(folder))
        self._by_name: dict[str, list[Path]] = {}
        self._by_stem: dict[str, list[Path]] = {}
        for path in _walk(self.folder):
            self._by_name.setdefault(path.name, []).append(path)
            stem = _stem(path.name)
            if stem is not None:
                self._by_stem.setdefault(stem, []).append(path)

    def find(self, name: str) -> Path | None:
        """The file of an id, or None."""
        direct = self.folder / name  # the path itself where it is absolute
        if os.path.isfile(direct):
            return Path(os.path.normpath(direct))
        written = PurePath(name.replace("\\", "/"))  # as a csv from Windows has it
        if written.is_absolute():
            return None
        folders = tuple(part for part in written.parts[:-1] if part != "..")
        stem = _stem(written.name)
        for files in (
            self._by_name.get(written.name),
            self._by_stem.get(written.name),
            None if stem is None else self._by_stem.get(stem),
        ):
            fitting = [path for path in files or () if path.parts[-1 - len(folders) : -1] == folders]
            if fitting:
                return _the_only(name, fitting)
        return None


def _stem(name: str) -> str | None:
    """The name without its suffix, where a video may have that suffix; else None."""
    stem, dot, suffix = name.rpartition(".")
    suffix = suffix.lower()
    return stem if dot and (f".{suffix}" in FILM_SUFFIXES or suffix in OTHER_SUFFIXES) else None


def _the_only(name: str, files: list[Path]) -> Path:
    """The one file among paths that may be links to each other."""
    first, *others = files
    other = next((path for path in others if not os.path.samefile(path, first)), None)
    if other is not None:
        found = f"{first} and {other} are both {name}"
        raise CaptionError(name, found, "Rename one of them, or give the folder that holds the right ones.")
    return first


def _walk(root: Path) -> Iterator[Path]:
    """The files below a folder in the order of their names; links to folders are followed, each folder once."""
    entered: set[tuple[int, int]] = set()
    for place, folders, names in os.walk(root, followlinks=True, onerror=unreadable):
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
