"""The files of a run: whole or not there, and an error that says how to continue."""

from collections.abc import Callable
from pathlib import Path
from typing import IO

from deltaclip.durable import FULL, write_whole
from deltaclip.errors import TrainingError

__all__ = ["cannot_write", "save_whole"]


def save_whole(path: Path, write: Callable[[IO[bytes]], object]) -> None:
    """`durable.write_whole` for a file of a run. Raises TrainingError if it cannot be written; the old file stays."""
    try:
        write_whole(path, write)
    except (OSError, RuntimeError) as error:  # torch.save makes a RuntimeError of a full disk
        raise cannot_write(path, error) from error


def cannot_write(path: Path, error: OSError | RuntimeError) -> TrainingError:
    """The error of a run that cannot write one of its files."""
    full = isinstance(error, OSError) and error.errno in FULL
    found = "no space left to write it" if full else f"cannot be written ({str(error).splitlines()[0]})"
    remedy = "What was saved before is untouched. Make room or permissions there, then continue with --resume."
    return TrainingError(str(path), found, remedy)
