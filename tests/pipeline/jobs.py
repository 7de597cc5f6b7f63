"""What the children of a pipeline do in the tests: top-level functions, as Pipeline wants them."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from deltaclip.errors import CaptionError, VideoError
from deltaclip.processes import own_work, pulse


def read(path: Path, amount: int = 1, seconds: float = 0.0) -> Iterator[object]:
    """One of many ways in which reading a file can go; its name says which."""
    kind = path.name
    if kind == "bad":
        raise VideoError(str(path), "not a video", "Leave it out.")
    if kind == "damaged":
        yield "first"
        raise VideoError(str(path), "damaged after 1 s", "Fetch it again.", 1.0)
    if kind == "ours":
        raise CaptionError(str(path), "no such column", "Name another.")
    if kind == "theirs":
        raise ZeroDivisionError("by nought")
    if kind == "dies":
        os.kill(os.getpid(), signal.SIGKILL)
    if kind == "hangs":
        time.sleep(1000)
    for number in range(amount):
        time.sleep(seconds)
        pulse()
        if kind == "pid":
            yield os.getpid()
        elif kind == "counted":
            with path.with_suffix(".log").open("a") as file:
                file.write(f"{number}\n")
        if kind != "pid":
            yield np.full((100, 100), number, np.uint8)


def measured(path: Path) -> str:
    """Half a second of each stage."""
    time.sleep(0.5)
    with own_work():
        time.sleep(0.5)
    return path.name
