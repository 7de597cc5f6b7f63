"""Files that are whole or not there, whatever happens while they are written."""

import errno
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import IO

from deltaclip.errors import TrainingError

__all__ = ["FULL", "PARTIAL", "cannot_write", "replace_durably", "write_whole"]

FULL = (errno.ENOSPC, errno.EFBIG, errno.EDQUOT)
"""Of a disk without room, a limit on the size of a file, and a quota."""
PARTIAL = ".partial"
"""Ends the name of a file that is being written."""


def write_whole(path: Path, write: Callable[[IO[bytes]], object]) -> None:
    """Writes a file beside its place, makes sure it is on disk, and renames it: after any kill the old or the new.

    Raises TrainingError where there is no room or right to write; what was there stays.
    """
    beside = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".", suffix=PARTIAL, delete=False) as stream:
            beside = Path(stream.name)
            write(stream)
            beside.chmod(0o644)
            replace_durably(stream, beside, path)
    except (OSError, RuntimeError) as error:  # torch.save makes a RuntimeError of a full disk
        raise cannot_write(path, error) from error
    finally:
        if beside is not None:
            beside.unlink(missing_ok=True)


def cannot_write(path: Path, error: OSError | RuntimeError) -> TrainingError:
    """What a run says where one of its files cannot be written, and why."""
    full = isinstance(error, OSError) and error.errno in FULL
    found = "no space left to write it" if full else f"cannot be written ({str(error).splitlines()[0]})"
    remedy = "What was saved before is untouched. Make room or permissions there, then go on with --resume."
    return TrainingError(str(path), found, remedy)


def replace_durably(file: IO[bytes], part: Path, path: Path) -> None:
    """Closes a file written as `part` and gives it its name, both on disk before this returns."""
    file.flush()
    os.fsync(file.fileno())
    file.close()
    part.replace(path)
    if hasattr(os, "O_DIRECTORY"):  # elsewhere a folder cannot be synced, and need not be
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
