"""What the guarded child does in the tests: top-level generator functions, as Guard wants them."""

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from deltaclip.errors import CaptionError, VideoError
from deltaclip.processes import own_work, pulse


def job(kind: str, amount: int = 0) -> Iterator[object]:
    """One of many ways in which work on a file can go."""
    yield kind
    if kind == "count":
        yield from range(amount)
    elif kind == "pid":
        yield os.getpid()
    elif kind == "hang":
        time.sleep(1000)
    elif kind == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    elif kind == "dies once":  # amount: whose proof lies in a file beside the tests
        proof = Path(os.environ["TESTS_PROOF"])
        yield "again" if proof.exists() else "first"
        yield amount
        if not proof.exists():
            proof.touch()
            os._exit(7)
        yield "last"
    elif kind == "says":
        for number in range(amount):
            os.write(2, b"[h264 @ 0x55d0c0ffee] line %d of many\n\n" % number)
        raise VideoError("says.mp4", "damaged", "Fetch it again.")
    elif kind == "says and dies":
        os.write(2, b"free(): invalid pointer\n    Last message repeated 7 times\n")
        os.abort()
    elif kind == "floods":
        for _ in range(amount):
            with contextlib.suppress(BlockingIOError):
                os.write(2, b"x" * 4096)
        yield "done"
    elif kind == "takes":
        yield len(np.ones(amount * 2**20, np.uint8))
    elif kind == "limits":
        import resource

        yield resource.getrlimit(resource.RLIMIT_CPU)[0] - time.process_time()
        yield resource.getrlimit(resource.RLIMIT_CORE)[0]
    elif kind == "exit":
        os._exit(7)
    elif kind == "ours":
        raise CaptionError("captions.json", "no such column", "Name another.")
    elif kind == "theirs":
        raise ZeroDivisionError("by nought")
    elif kind == "unportable":
        yield lambda: None
    elif kind == "large":
        yield from (np.full((amount, 1000), number, np.uint8) for number in range(3))
    elif kind == "interrupt":
        os.kill(os.getpid(), signal.SIGINT)
        yield "still here"
    elif kind == "orphan":
        os.kill(os.getppid(), signal.SIGKILL)
        time.sleep(1000)
    elif kind == "threads":
        import cv2

        yield cv2.getNumThreads()
    elif kind == "steps":
        for _ in range(amount):
            time.sleep(0.3)
            pulse()
        yield "done"
    elif kind == "measure":
        with own_work():
            time.sleep(4.5)
        yield "done"
    elif kind == "endless":
        while True:
            time.sleep(0.05)
            pulse()
    elif kind == "slow":
        for number in range(3):
            time.sleep(amount / 1000)
            yield number
