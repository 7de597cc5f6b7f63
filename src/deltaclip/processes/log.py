"""What a child writes to stderr, which is where C libraries say what is wrong with a file: its last lines are kept."""

import os
import re
from collections import deque
from collections.abc import Callable
from multiprocessing import reduction
from typing import Any

__all__ = ["Log"]

MOST_LINES = 20
MOST_BYTES = 64 * 1024
"""Read at once: as much as a pipe holds. A child that writes more while nobody reads loses it, and does not wait."""
MOST_READS = 16
MOST_LETTERS = 160
_ADDRESS = re.compile(r" @ 0x[0-9a-f]+")
_NOISE = re.compile(r"\s*Last message repeated \d+ times|.*Format not on whitelist .*")
"""Lines that say nothing, or that only list what FFmpeg was told."""


class Log:
    """The last lines that a child wrote; also those of one that crashed."""

    def __init__(self) -> None:
        self._lines = deque[str](maxlen=MOST_LINES)
        self._begun = b""
        self._read, self._write = os.pipe()
        for descriptor in (self._read, self._write):
            os.set_blocking(descriptor, False)

    def __reduce__(self) -> "tuple[Callable[[Any], _Stderr], tuple[Any]]":
        """On its way to a child that is being spawned, which gets the end that is written to."""
        return _Stderr, (reduction.DupFd(self._write),)

    def fileno(self) -> int:
        """Ready when there is something to `read`, or when the child has ended."""
        return self._read

    def close(self) -> None:
        os.close(self._read)
        self.leave()

    def leave(self) -> None:
        """Gives the end that is written to up: it is the child's alone from now on."""
        if self._write >= 0:
            os.close(self._write)
            self._write = -1

    def clear(self) -> None:
        """Forgets what was written up to now."""
        self.read()
        self._lines.clear()
        self._begun = b""

    def read(self) -> bool:
        """Takes what was written. Returns whether more can come: False once the child has ended."""
        for _ in range(MOST_READS):  # a child that writes without end must not keep its parent here
            try:
                data = os.read(self._read, MOST_BYTES)
            except BlockingIOError:
                return True
            if not data:
                return False
            *lines, self._begun = (self._begun + data).replace(b"\r", b"\n").split(b"\n")
            self._begun = self._begun[-MOST_BYTES:]
            self._lines += [line.decode("utf-8", "replace") for line in lines]
        return True

    def last(self, count: int = 2) -> list[str]:
        """The last different lines, without addresses in memory, which differ from run to run."""
        lines = [*self._lines, self._begun.decode("utf-8", "replace")]
        cleaned = ["".join(filter(str.isprintable, _ADDRESS.sub("", line))).strip() for line in lines]
        kept = dict.fromkeys(line[:MOST_LETTERS].rstrip(".") for line in cleaned if line and not _NOISE.fullmatch(line))
        return [*kept][-count:]


class _Stderr:
    """The child's side of a log."""

    def __init__(self, descriptor: Any) -> None:
        self._descriptor = descriptor.detach()

    def take(self) -> None:
        """From now on what this process writes to stderr goes there."""
        os.dup2(self._descriptor, 2)
        os.close(self._descriptor)
