"""What a file's content is told by: its size and sampled blocks of its bytes, never its name or its times."""

import hashlib
import stat
from dataclasses import dataclass
from pathlib import Path

from deltaclip.errors import VideoError

__all__ = ["Content", "content_of"]

BLOCK_BYTES = 64 * 1024
NUM_BLOCKS = 16
"""Files up to NUM_BLOCKS * BLOCK_BYTES (1 MiB) are hashed whole, larger ones at this many places from head to tail."""


@dataclass(frozen=True, slots=True)
class Content:
    """size_bytes: of the file. key: 16 bytes, equal for equal contents."""

    size_bytes: int
    key: bytes


def content_of(path: Path) -> Content:
    """The content key of a file: a digest of its size and of blocks spread evenly over it, head and tail among them.

    Times of change are not asked: copying and unpacking set them at will, and a changed file may keep them. Of a file
    above 1 MiB a change between the blocks that leaves its size alone goes unseen; video files that are written anew
    differ at their head, where their index or first pictures lie.
    Raises VideoError for what is missing, unreadable or no plain file.
    """
    try:
        # Before opening: a named pipe would wait for a writer for ever.
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise VideoError(str(path), "not a plain file", "Give a video file, not a pipe or device.")
        digest = hashlib.blake2b(status.st_size.to_bytes(8, "little"), digest_size=16)
        with path.open("rb") as file:
            for offset in _block_offsets(status.st_size):
                file.seek(offset)
                digest.update(file.read(BLOCK_BYTES))
    except OSError as err:
        raise VideoError(str(path), f"cannot be read ({err.strerror})", "Check the file and its permissions.") from err
    return Content(status.st_size, digest.digest())


def _block_offsets(size_bytes: int) -> list[int]:
    """Where the blocks begin: one after the other in a small file, else evenly from the head to the tail."""
    if size_bytes <= NUM_BLOCKS * BLOCK_BYTES:
        return list(range(0, size_bytes, BLOCK_BYTES))
    last = size_bytes - BLOCK_BYTES
    return [last * number // (NUM_BLOCKS - 1) for number in range(NUM_BLOCKS)]
