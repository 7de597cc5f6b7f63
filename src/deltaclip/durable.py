"""Files that are whole or not there, whatever happens while they are written; and one writer at a time."""

import errno
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

__all__ = ["FULL", "PARTIAL", "one_writer", "replace_durably", "write_bytes_whole", "write_whole"]

FULL = (errno.ENOSPC, errno.EFBIG, errno.EDQUOT)
"""The errors of a disk without room, of a limit on the size of a file, and of a quota."""
PARTIAL = ".partial"
"""Ends the name of a file that is being written."""


def write_whole(path: Path, write: Callable[[IO[bytes]], object]) -> None:
    """Writes a file beside its place, syncs it to disk, and renames it: after a kill the old or the new is there.

    The folder is made. A link stays a link; a pipe or device, such as /dev/stdout, is written to as it is.
    Raises OSError if there is no room or permission, and whatever `write` raises; the old file is untouched then.
    """
    target = Path(os.path.realpath(path))
    if target.exists() and not target.is_file():
        with path.open("wb") as stream:
            write(stream)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = None
    try:
        with tempfile.NamedTemporaryFile(dir=target.parent, prefix=".", suffix=PARTIAL, delete=False) as stream:
            beside = Path(stream.name)
            write(stream)
            beside.chmod(target.stat().st_mode & 0o777 if target.exists() else _new_file_mode())
            replace_durably(stream, beside, target)
    finally:
        if beside is not None:
            beside.unlink(missing_ok=True)


def write_bytes_whole(path: Path, content: bytes) -> None:
    """`write_whole` for bytes that are at hand."""
    write_whole(path, lambda stream: stream.write(content))


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


@contextmanager
def one_writer(lock_file: Path, in_use: Callable[[str], Exception]) -> Iterator[None]:
    """Holds a lock, which the system frees however its holder ends.

    in_use: makes the error that is raised at once if somebody else holds it; it is given the holder's process id, or
    "unknown". Raises OSError if no lock can be made there.
    """
    from filelock import FileLock, Timeout  # 40 ms, and every command imports this module

    lock = FileLock(lock_file)
    try:
        lock.acquire(timeout=0)
    except Timeout as err:
        raise in_use(_holder(lock_file)) from err
    note = _holder_file(lock_file)
    try:
        with suppress(OSError):  # the lock holds without it
            note.write_text(str(os.getpid()))
        yield
    finally:
        with suppress(OSError):
            note.unlink()
        lock.release()


def _holder_file(lock_file: Path) -> Path:
    """Beside the lock: some versions of filelock empty the lock file whenever they try to take it."""
    return lock_file.with_name(f"{lock_file.name}.pid")


def _holder(lock_file: Path) -> str:
    """The process that holds a lock. Only read while it is held, so that a killed holder's id is never shown."""
    try:
        return _holder_file(lock_file).read_text().strip() or "unknown"
    except OSError:
        return "unknown"


def _new_file_mode() -> int:
    """As `open` gives a new file; temporary files are private. The mask can only be read by setting it."""
    mask = os.umask(0o022)
    os.umask(mask)
    return 0o666 & ~mask
