"""What a child may take for a file: time, memory and processor time.

The parent keeps the first. Of the others, which the system keeps, Linux knows both, macOS the second, Windows neither.
"""

import math
import os
import sys
import time
from contextlib import suppress
from pathlib import Path

from deltaclip.errors import DeltaclipError

__all__ = ["BYTES_A_SECOND", "FILES_PER_CHILD", "MEMORY_LIMIT_VARIABLE", "MOST_STEPS", "STALL_LIMIT_VARIABLE"]
__all__ += ["bound_cpu", "bound_memory", "chosen_memory_bytes", "chosen_stall_seconds", "size_bytes", "usable_cores"]

STALL_SECONDS = 20.0
"""How long a decoder may make no progress: not one packet read, not one picture decoded. Only what hangs does."""
BYTES_A_SECOND = 20 * 2**20
"""Such a step may read the whole file, as seeking does in one without an index: the slowest disk that we wait for."""
MOST_STEPS = 30
"""How many times as long one item may take in all: a broken file may make a decoder go round for ever."""
FILES_PER_CHILD = 1000
"""After so many a child is replaced, for 1 ms a file. In one process 472 sound files and 1,197 odd ones left 140 MB,
with no trend: this is for what leaks more."""
STALL_LIMIT_VARIABLE = "DELTACLIP_STALL_LIMIT"
"""The environment variable that sets another STALL_SECONDS."""

MEMORY_BYTES = 3 * 2**30
"""What a file may take on top of what its reader takes anyway (0.1 GB). The largest picture that FFmpeg reads, of 256
million pixels, takes 0.8 GB; a film may hold 16 frames for reference, of 50 MB each at 8K. At most half of the memory
of the machine."""
MEMORY_LIMIT_VARIABLE = "DELTACLIP_MEMORY_LIMIT"
"""The environment variable that sets another limit, in MB."""
KILLED_FIRST = "500"
"""Of 1000: if memory runs out all the same, the system ends a child and not the parent, which holds the model."""


def chosen_memory_bytes() -> int:
    """MEMORY_BYTES or half of the machine's memory, unless the environment names another number.

    Raises DeltaclipError if that is no positive number.
    """
    text = os.environ.get(MEMORY_LIMIT_VARIABLE, "")
    if text:
        if not text.isascii() or not text.isdecimal() or int(text) < 1:
            found = f"the environment sets it to {text!r}, which is no positive number of MB"
            raise DeltaclipError(MEMORY_LIMIT_VARIABLE, found, "Set it to a number such as 4096, or unset it.")
        return int(text) * 2**20
    if not sys.platform.startswith("linux"):
        return MEMORY_BYTES
    return min(MEMORY_BYTES, os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2)


def chosen_stall_seconds() -> float:
    """STALL_SECONDS, unless the environment names another number."""
    text = os.environ.get(STALL_LIMIT_VARIABLE, "")
    if not text:
        return STALL_SECONDS
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise ValueError(f"{STALL_LIMIT_VARIABLE} is {text!r}: give a positive number of seconds")
    return seconds


def size_bytes(name: str) -> int:
    """The size of the file of that name; 0 if it is none: whoever opens it says why."""
    try:
        return os.path.getsize(name)
    except (OSError, ValueError):
        return 0


def usable_cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def bound_memory(more_bytes: int) -> None:
    """This process may take so much more than it has now; beyond that allocations fail."""
    if not sys.platform.startswith("linux"):
        return  # macOS ignores this limit
    import resource

    data_pages = int(Path("/proc/self/statm").read_text().split()[5])
    most = data_pages * resource.getpagesize() + more_bytes
    # Private writable memory, and not all addresses: libraries reserve many that they never use.
    resource.setrlimit(resource.RLIMIT_DATA, _below(most, resource.getrlimit(resource.RLIMIT_DATA)[1]))
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))  # no dump of each crash
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(KILLED_FIRST)


def bound_cpu(more_seconds: float) -> None:
    """This process is ended by SIGXCPU once it has used so much more processor time, unless it is allowed more then."""
    if os.name != "posix":
        return
    import resource

    most = math.ceil(time.process_time() + more_seconds)
    resource.setrlimit(resource.RLIMIT_CPU, _below(most, resource.getrlimit(resource.RLIMIT_CPU)[1]))


def _below(most: int, hard: int) -> tuple[int, int]:
    """The limit that is meant and the hard one, which nobody may pass: -1 is none."""
    return (most if hard < 0 else min(most, hard)), hard
