"""How busy each stage of a run was."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["STAGES", "Stages"]

STAGES = ("decode", "mask", "encode", "store")
"""decode: from file to pictures. mask: measuring motion and fitting pictures to the model. encode: pictures to vectors.
store: writing what came of it. The first two run in the child processes."""
IN_CHILDREN = STAGES[:2]


class Stages:
    """Seconds that each stage has worked. Any thread may add to it."""

    def __init__(self, workers: int = 1, encoders: int = 1) -> None:
        """workers: child processes that decode and measure masks side by side. encoders: that encode side by side."""
        self._workers, self._encoders = workers, encoders
        self._lock = threading.Lock()
        self._seconds = dict.fromkeys(STAGES, 0.0)

    def add(self, stage: str, seconds: float) -> None:
        """Counts work that was done. stage: one of STAGES."""
        with self._lock:
            self._seconds[stage] += seconds

    @contextmanager
    def working(self, stage: str) -> Iterator[None]:
        """Counts the time of its block."""
        begun = time.perf_counter()
        try:
            yield
        finally:
            self.add(stage, time.perf_counter() - begun)

    def busy(self, wall_seconds: float) -> dict[str, float]:
        """Each stage's share of a run of `wall_seconds` in which it worked, 0 to 1; the mean of several at once."""
        if wall_seconds <= 0:
            return dict.fromkeys(STAGES, 0.0)
        beside = dict.fromkeys(STAGES, 1) | dict.fromkeys(IN_CHILDREN, self._workers) | {"encode": self._encoders}
        of_all = {stage: wall_seconds * beside[stage] for stage in STAGES}
        return {stage: min(self._seconds[stage] / of_all[stage], 1.0) for stage in STAGES}

    def take(self) -> dict[str, float]:
        """The seconds that were counted since the last call."""
        with self._lock:
            taken = self._seconds
            self._seconds = dict.fromkeys(STAGES, 0.0)
        return taken
