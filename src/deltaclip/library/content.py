"""How a file's content is identified: by its size, sampled blocks, and a digest of every byte, never by its name."""

import hashlib
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, TypeVar

from deltaclip.errors import VideoError
from deltaclip.object_paths import ELSEWHERE, TO_LOOK_AT, is_elsewhere, video_path

__all__ = ["ChangedError", "Content", "Stamp", "TouchedError", "content_of", "digested", "require_unchanged"]
__all__ += ["sample_of", "twice_if_touched", "with_digest"]

Result = TypeVar("Result")

BLOCK_BYTES = 64 * 1024
NUM_BLOCKS = 16
"""Files up to NUM_BLOCKS * BLOCK_BYTES (1 MiB) are sampled in full, larger ones at this many places."""
READ_BYTES = 1024 * 1024
KEY_BYTES = 16


class ChangedError(VideoError):
    """A file that was written to while it was read: what was read is the content of no file."""


class TouchedError(ChangedError):
    """A file of which only ctime changed: a backup made a hard link to it, or its permissions were changed.

    Or it was written to and its mtime restored. Reading it once more tells.
    """


@dataclass(frozen=True, slots=True)
class Stamp:
    """What the file system says about a file.

    mtime_ns: when its bytes changed; any program may set it. ctime_ns: when anything about it changed, which no program
    can set on POSIX systems; on Windows when it was created.
    """

    size_bytes: int
    mtime_ns: int
    ctime_ns: int

    @classmethod
    def of(cls, path: Path) -> "Stamp":
        """As it is now. Raises VideoError if the file is missing or not a plain file."""
        if is_elsewhere(path):
            raise VideoError(str(video_path(path)), ELSEWHERE, TO_LOOK_AT)
        with _reading(path):
            status = path.stat()
        # Before it is opened: a named pipe would wait for a writer for ever.
        if not stat.S_ISREG(status.st_mode):
            raise VideoError(str(path), "not a plain file", "Give a video file, not a folder, pipe or device.")
        return cls(status.st_size, status.st_mtime_ns, status.st_ctime_ns)


@dataclass(frozen=True, slots=True)
class Content:
    """What is known about a file's bytes.

    sample: 16 bytes, of the size and of blocks spread over the file. Equal bytes have equal samples; different videos
    may share one, for example uncompressed ones that differ only between the blocks.
    digest: 16 bytes, of the size and of every byte; None until all of them were read. Of a file up to 1 MiB it equals
    the sample.
    """

    stamp: Stamp
    sample: bytes
    digest: bytes | None


def sample_of(path: Path) -> Content:
    """The content of a file as far as 1 MiB of it tells.

    Raises VideoError if the file is missing, unreadable or not a plain file.
    """
    stamp = Stamp.of(path)
    with _reading(path), path.open("rb") as file:
        sample = _digest(stamp, (_block(file, offset) for offset in _block_offsets(stamp.size_bytes)))
    return Content(stamp, sample, sample if stamp.size_bytes <= NUM_BLOCKS * BLOCK_BYTES else None)


def with_digest(path: Path, content: Content) -> Content:
    """`content` with the digest of every byte. Raises ChangedError if the file changed since it was sampled."""
    if content.digest is None:
        with _reading(path), path.open("rb", buffering=0) as file:
            blocks = iter(lambda: file.read(READ_BYTES), b"")
            content = replace(content, digest=_digest(content.stamp, blocks))
    require_unchanged(path, content.stamp)
    return content


def content_of(path: Path) -> Content:
    """The content of a file with its digest. Raises VideoError as `sample_of` and `with_digest` do."""
    return twice_if_touched(lambda: with_digest(path, sample_of(path)))


def digested(path: Path, content: Content) -> Content:
    """`with_digest`; of the file as it is now if it was only touched since it was sampled."""
    try:
        return with_digest(path, content)
    except TouchedError:
        return content_of(path)


def require_unchanged(path: Path, stamp: Stamp) -> None:
    """Raises ChangedError if the file changed since `stamp` was taken, TouchedError if only its ctime did."""
    now = Stamp.of(path)
    if now != stamp:
        kind = TouchedError if replace(now, ctime_ns=stamp.ctime_ns) == stamp else ChangedError
        raise kind(str(path), "changed while it was read", "Run the command again once it is complete.")


def twice_if_touched(read: Callable[[], Result]) -> Result:
    """What `read` returns; called a second time if its file was touched during the first. read: takes its own stamp."""
    try:
        return read()
    except TouchedError:  # nobody knows whether it was written to
        return read()


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Turns errors of the system into VideoError."""
    try:
        yield
    except OSError as err:
        raise VideoError(str(path), f"cannot be read ({err.strerror})", "Check the file and its permissions.") from err


def _digest(stamp: Stamp, blocks: Iterable[bytes]) -> bytes:
    digest = hashlib.blake2b(stamp.size_bytes.to_bytes(8, "little"), digest_size=KEY_BYTES)
    for block in blocks:
        digest.update(block)
    return digest.digest()


def _block(file: BinaryIO, offset: int) -> bytes:
    file.seek(offset)
    return file.read(BLOCK_BYTES)


def _block_offsets(size_bytes: int) -> list[int]:
    """Where the blocks begin: one after the other in a small file, else evenly from head to tail."""
    if size_bytes <= NUM_BLOCKS * BLOCK_BYTES:
        return list(range(0, size_bytes, BLOCK_BYTES))
    last = size_bytes - BLOCK_BYTES
    return [last * number // (NUM_BLOCKS - 1) for number in range(NUM_BLOCKS)]
