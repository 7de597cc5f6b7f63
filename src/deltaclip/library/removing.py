"""Taking videos out of a library by path, whether their files still exist or not."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from deltaclip.library.disk import holds_anything, is_gone
from deltaclip.library.results import RemoveReport
from deltaclip.library.store import Store, VideoRow
from deltaclip.names import matched

__all__ = ["remove_paths", "videos_to_prune"]


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


def videos_to_prune(store: Store, roots: Sequence[Path]) -> list[VideoRow]:
    """The missing videos below the given paths, on this machine, whose files are certainly gone, each once.

    Those below a given path that is gone itself, or an empty folder, are kept: a disk that is not mounted looks so.
    """
    kept = [str(root) for root in roots if not holds_anything(root)]
    below = (row for root in roots for row in store.below(root))
    rows = {row.id: row for row in below if row.missing and is_gone(row.path)}
    return [
        row for row in rows.values() if not any(f"{row.path}{os.sep}".startswith(f"{root}{os.sep}") for root in kept)
    ]


def _known_as(store: Store, path: Path) -> Path:
    """The path as the library spells it: the letters of a name may be composed differently."""
    if str(path).isascii() or store.below(path):
        return path
    known = {str(Path(*row.path.parts[: len(path.parts)])) for row in store.videos()}
    return Path(matched([str(path)], known).get(str(path), path))
