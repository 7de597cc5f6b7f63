"""Which files `index` looks at: a walk through folders, by suffix, and whatever is named itself."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from deltaclip.library.results import Failure
from deltaclip.names import on_disk
from deltaclip.video.suffixes import VIDEO_SUFFIXES

__all__ = ["Candidates", "absolute_paths", "find_candidates"]


@dataclass(frozen=True, slots=True)
class Candidates:
    """files: absolute, sorted, each once. roots: the names given, absolute. failures: names that led nowhere."""

    files: tuple[Path, ...]
    roots: tuple[Path, ...]
    failures: tuple[Failure, ...]


def absolute_paths(paths: Iterable[str | os.PathLike[str]]) -> tuple[Path, ...]:
    """The names as absolute paths, each once; `~` means the home folder unless a file has that very name.

    Links stay as they are: the name under which somebody keeps a file is the name under which it is found.
    """
    if isinstance(paths, str):
        raise TypeError("paths is a list of paths, not one string")
    names = [os.fsdecode(path) for path in paths]
    if "" in names:
        # It would mean the current folder, and is in truth a shell variable that is not set.
        raise ValueError("a path is empty")
    known = (name if os.path.lexists(name) else os.path.expanduser(name) for name in names)
    return tuple(dict.fromkeys(on_disk(Path(os.path.abspath(name))) for name in known))


def find_candidates(paths: Iterable[str | os.PathLike[str]], library_folder: Path | None = None) -> Candidates:
    """Walks through the folders among `paths` and takes the other names as they are.

    Below a folder, hidden files and folders (and `._*`, which macOS leaves beside videos) are passed over, and so are
    other suffixes than VIDEO_SUFFIXES. Nothing in `library_folder` is taken. A name that does not exist and a folder
    that cannot be read are failures.
    """
    roots = absolute_paths(paths)
    found: dict[Path, None] = {}
    failures: list[Failure] = []
    for root in roots:
        if _is_below(root, library_folder):
            failures.append(Failure(root, "part of the library itself. Keep videos outside of its folder."))
        elif os.path.isdir(root):
            found.update(dict.fromkeys(_walk(root, library_folder, failures)))
        elif os.path.exists(root):
            found[root] = None
        else:
            failures.append(Failure(root, "does not exist. Check the name."))
    return Candidates(tuple(sorted(found, key=os.fsencode)), roots, tuple(failures))


def _walk(root: Path, library_folder: Path | None, failures: list[Failure]) -> Iterator[Path]:
    """Video files below a folder. Links to folders are followed after all real folders, each folder is entered once."""
    entered: set[tuple[int, int]] = set()
    folders, linked = [root], list[Path]()
    while folders or linked:
        folder = folders.pop() if folders else linked.pop()
        try:
            status = folder.stat()
            if (status.st_dev, status.st_ino) in entered or _is_below(folder, library_folder):
                continue
            entered.add((status.st_dev, status.st_ino))
            with os.scandir(folder) as entries:
                visible = sorted((entry for entry in entries if entry.name[0] != "."), key=lambda entry: entry.name)
            for entry in visible:
                # os.path answers False where the entry's own methods raise, as for a link to itself.
                if entry.is_dir(follow_symlinks=False):
                    folders.append(Path(entry.path))
                elif entry.is_symlink() and os.path.isdir(entry.path):
                    linked.append(Path(entry.path))
                elif entry.name.lower().endswith(VIDEO_SUFFIXES) and os.path.isfile(entry.path):
                    yield Path(entry.path)
        except OSError as err:
            failures.append(Failure(folder, f"a folder that cannot be read ({err.strerror}). Check its permissions."))


def _is_below(path: Path, folder: Path | None) -> bool:
    """Whether `path` is `folder` or lies in it, links resolved; False where there is no folder."""
    return folder is not None and Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder))
