"""Taking videos out of a library by path, whether their files still exist or not."""

from collections.abc import Iterable
from pathlib import Path

from deltaclip.library.results import RemoveReport
from deltaclip.library.store import Store
from deltaclip.names import matched

__all__ = ["remove_paths"]


def remove_paths(store: Store, paths: Iterable[Path]) -> RemoveReport:
    """Removes files, and all files below folders. Raises as `Store.writing`."""
    removed, unknown = 0, list[Path]()
    with store.writing() as writer:
        for path in paths:
            rows = store.below(_known_as(store, path))
            writer.delete(rows)
            removed += len(rows)
            if not rows:
                unknown.append(path)
    return RemoveReport(removed, tuple(unknown))


def _known_as(store: Store, path: Path) -> Path:
    """The path as the library spells it: the letters of a name may be composed differently."""
    if str(path).isascii() or store.below(path):
        return path
    known = {str(Path(*row.path.parts[: len(path.parts)])) for row in store.videos()}
    return Path(matched([str(path)], known).get(str(path), path))
