"""Memory that a child process shares with its parent: arrays are copied through it and not through the pipe."""

import mmap
import os
import pickle
from collections.abc import Callable, Sequence
from multiprocessing import reduction
from typing import Any

__all__ = ["SharedMemory"]

SIZE_BYTES = 16 * 2**20
"""Room for one item; a clip of 12 frames is 2.4 MB at 224 pixels and 5.4 MB at 336. Larger ones take the pipe."""


class SharedMemory:
    """Room for the arrays of one item, without a name in any file system: nothing is left behind by a kill."""

    def __init__(self, descriptor: int) -> None:
        """Takes over `descriptor`, a file of SIZE_BYTES."""
        self._descriptor = descriptor
        self._bytes = mmap.mmap(descriptor, SIZE_BYTES)

    @classmethod
    def reserved(cls) -> "SharedMemory | None":
        """New memory, or None if the system has none to give or no way to reserve it (macOS, Windows).

        Reserved at once: writing to a page that does not exist and cannot be had ends a process by SIGBUS.
        """
        if not hasattr(os, "memfd_create"):
            return None
        try:
            descriptor = os.memfd_create("deltaclip")
        except OSError:
            return None
        try:
            os.posix_fallocate(descriptor, 0, SIZE_BYTES)
            return cls(descriptor)
        except (OSError, ValueError):
            os.close(descriptor)
            return None

    def __reduce__(self) -> tuple[Callable[[Any], "SharedMemory"], tuple[Any]]:
        """On its way to a child that is being spawned, which gets a descriptor of its own."""
        return _attached, (reduction.DupFd(self._descriptor),)

    def close(self) -> None:
        self._bytes.close()
        os.close(self._descriptor)

    def put(self, buffers: Sequence[pickle.PickleBuffer]) -> list[int] | None:
        """Copies the buffers in, one after the other. Returns their sizes, or None if they do not fit."""
        raw = [buffer.raw() for buffer in buffers]
        if sum(view.nbytes for view in raw) > SIZE_BYTES:
            return None
        start = 0
        for view in raw:
            self._bytes[start : start + view.nbytes] = view
            start += view.nbytes
        return [view.nbytes for view in raw]

    def take(self, sizes: Sequence[int]) -> list[bytearray]:
        """Copies of what `put` copied in, so that the room is free again."""
        copies, start = [], 0
        with memoryview(self._bytes) as whole:
            for size in sizes:
                copies.append(bytearray(whole[start : start + size]))
                start += size
        return copies


def _attached(descriptor: Any) -> SharedMemory:
    return SharedMemory(descriptor.detach())
