"""Reading as `index` does, in children that report themselves if they weigh too much."""

import itertools
import os
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from deltaclip.errors import VideoError
from deltaclip.library import Failure, Library
from deltaclip.pipeline import Pipeline
from deltaclip.reader import Clip, ReaderSpec, read_moments
from tests.library.fakes import FakeEncoder, FakeMotionEncoder

__all__ = ["Outcome", "index_all", "read_and_weigh"]

LIMIT_MB, AT_REST_MB = 1000, 300
STALL_SECONDS = "10"


def read_and_weigh(path: Path, spec: ReaderSpec, segment_seconds: float) -> Iterator[Clip]:
    """`read_moments`; a failure of the file if this process ever held more than it may."""
    yield from read_moments(path, spec, segment_seconds)
    peak = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert peak is not None
    if int(peak[1]) > (LIMIT_MB + AT_REST_MB) * 1024:
        raise VideoError(str(path), f"weighs too much ({peak[0]})", "Keep the limit.")


@dataclass(frozen=True)
class Outcome:
    """What became of many files. given_up, died, heavy: failures of these kinds, which are among `failures`."""

    seen: int
    indexed: int
    failures: tuple[Failure, ...]
    given_up: list[Failure]
    died: list[Failure]
    heavy: list[Failure]
    unforeseen: list[Failure]
    longest_seconds: float

    def __str__(self) -> str:
        kinds = {name: len(getattr(self, name)) for name in ("failures", "given_up", "died", "heavy", "unforeseen")}
        told = ", ".join(f"{number} {name}" for name, number in kinds.items())
        return f"{self.seen} seen, {self.indexed} indexed, {told}, longest {self.longest_seconds:.1f} s"


def index_all(paths: Sequence[Path], library_path: Path, workers: int = 2) -> Outcome:
    """Indexes files, and asserts that each is counted once and that the library is whole."""
    moments = [time.monotonic()]
    encoders = FakeEncoder(), FakeMotionEncoder()
    with Library.open(library_path, *encoders, create=True, open_reader=partial(Pipeline, read_and_weigh)) as library:
        report = library.index(paths, lambda _: moments.append(time.monotonic()), workers=workers)
        assert library.verify().problems == ()
        assert library.failures() == report.failures
        assert [row.path for row in library.videos()] == sorted(paths, key=os.fsencode)
        failed = [row.path for row in library.videos() if row.status != "indexed"]
    assert [failure.path for failure in report.failures] == failed
    assert report.seen == report.indexed + report.failed == len(paths)

    def of(words: str) -> list[Failure]:
        return [failure for failure in report.failures if words in failure.reason]

    return Outcome(
        seen=report.seen,
        indexed=report.indexed,
        failures=report.failures,
        given_up=of("given up"),
        died=of("died"),
        heavy=of("weighs too much"),
        unforeseen=of("should not happen"),
        longest_seconds=max(after - before for before, after in itertools.pairwise(moments)),
    )
