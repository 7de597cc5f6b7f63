"""Writing the files that a command was asked for."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deltaclip.errors import DeltaclipError

__all__ = ["writable"]


@contextmanager
def writable(path: Path) -> Iterator[None]:
    """Makes the folder of a file to be written; an error of the system becomes one that says what to do."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        remedy = "Give another place, or make room and permissions there."
        raise DeltaclipError(str(path), f"cannot be written ({error.strerror})", remedy) from error
