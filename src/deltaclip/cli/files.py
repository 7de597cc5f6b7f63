"""Files that a command writes: checked before the work, and never replaced unless asked for."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import typer

from deltaclip.errors import CheckpointError, DeltaclipError

__all__ = ["refuse_file", "refuse_to_replace", "require_writable", "writable"]


def refuse_file(folder: Path, option: str) -> None:
    """Raises BadParameter if an output folder is a file, or would be inside a file."""
    there = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    if not there.is_dir():
        raise typer.BadParameter(f"{there} is a file; give a folder.", param_hint=f"'{option}'")


def refuse_to_replace(out: Path, overwrite: bool, *, resumable: bool = False) -> None:
    """Raises CheckpointError if `out` is not empty: it may be hours of training, or the encoder of a library.

    resumable: it has a run that --resume continues. BadParameter if it is a file.
    """
    refuse_file(out, "--out")
    if not overwrite and out.is_dir() and any(out.iterdir()):
        if resumable:
            remedy = "Continue it with --resume, or give a new folder, or --overwrite to start it anew."
            raise CheckpointError(str(out), "the folder has a training run", remedy)
        remedy = "Give a new folder, or --overwrite to replace a checkpoint."
        raise CheckpointError(str(out), "the folder is not empty", remedy)


def require_writable(path: Path, suffix: str | None = None) -> None:
    """Before the work whose result an output file is for: raises what `writable` raises."""
    with writable(path, suffix):
        pass


@contextmanager
def writable(path: Path, suffix: str | None = None) -> Iterator[None]:
    """Make the folder of an output file, and turn an error of the system into one that says what to do.

    suffix: that the name has to have. Raises DeltaclipError for a different one, and for the name of a video: a
    mistyped command must not write over it.
    """
    from deltaclip.library import VIDEO_SUFFIXES

    found = path.suffix.lower()
    if suffix is not None and found != suffix:
        raise DeltaclipError(str(path), f"an output file with the suffix {found or 'none'}", f"Give a {suffix} file.")
    if found in VIDEO_SUFFIXES:
        raise DeltaclipError(str(path), "the name of a video", "Give a different output file.")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        remedy = "Choose a different place, or check its permissions and free space."
        raise DeltaclipError(str(path), f"cannot be written ({error.strerror})", remedy) from error
