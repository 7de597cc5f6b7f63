"""Files: writing those that a command was asked for, and no others."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import typer

from deltaclip.errors import CheckpointError, DeltaclipError

__all__ = ["refuse_file", "refuse_to_replace", "writable"]


def refuse_file(folder: Path, option: str) -> None:
    """Raises BadParameter where a folder that is to be written is a file, or would lie in one."""
    there = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    if not there.is_dir():
        raise typer.BadParameter(f"{there} is a file; give a folder.", param_hint=f"'{option}'")


def refuse_to_replace(out: Path, overwrite: bool) -> None:
    """Raises CheckpointError where `out` holds something: hours of training, or what a library was made with.

    BadParameter where it is a file.
    """
    refuse_file(out, "--out")
    if not overwrite and out.is_dir() and any(out.iterdir()):
        remedy = "Give a new folder, or --overwrite to replace a checkpoint."
        raise CheckpointError(str(out), "the folder is not empty", remedy)


@contextmanager
def writable(path: Path) -> Iterator[None]:
    """Makes the folder of a file to be written; an error of the system becomes one that says what to do."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        remedy = "Give another place, or make room and permissions there."
        raise DeltaclipError(str(path), f"cannot be written ({error.strerror})", remedy) from error
