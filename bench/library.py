"""A large library: opening it for one search, and searching it while a different process writes to it.

    python bench/library.py --json

Makes a library of random unit vectors (200,000 moments of 512 numbers, and 128 of motion, in videos of 13) through the
Store interface, or takes the one that an earlier run left in --folder, and measures, --runs times each:

    open_search_ms           in a new process, from Library.open to the hits of one search, imports excluded
    open_search_cold_ms      the same with none of the vectors in memory (Linux: they are read from the disk)
    search_ms                one more search in the same process, by appearance
    motion_search_ms         the same by motion alone
    both_search_ms           the same by both
    memory_mb                what a search by both needs at most beside the mapped files
    after_commit_ms          a search in this process, after a different process has committed one more video
    after_commit_missing_ms  the same while a tenth of all videos is missing, so that their rows are hidden
    four_queries_ms          a search by four vectors at once
    threads                  searches a second with one thread and with four
    while_writing            the same with one thread while a different process commits videos as fast as it can
    put_ms                   writing one video of 13 moments: rows, vectors, and both on the disk
    bytes                    of the folder

    forty_queries_ms         a search by forty vectors, as a video of ten minutes is

Each time has the median and the least by the clock, and the median of the processor's, which other work on the machine
disturbs less.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deltaclip.library import (
    Content,
    Library,
    MotionQuery,
    NewMoment,
    NewVideo,
    RememberedEncoder,
    RememberedMotionEncoder,
    Stamp,
    open_store,
)
from deltaclip.provenance import VECTOR_VERSION

MOMENTS_OF_A_VIDEO = 13
VIDEOS_AT_ONCE = 64
ONE_SEARCH = """
import json, sys, time
import numpy as np
from deltaclip.library import Library
import deltaclip.library.sqlite
query = np.random.default_rng(1).normal(size=int(sys.argv[2]))
query /= np.linalg.norm(query)
clock, processor = time.perf_counter(), time.process_time()
with Library.open(sys.argv[1]) as library:
    hits = library.search_vectors(query)
    print(json.dumps([time.perf_counter() - clock, time.process_time() - processor, len(hits)]))
"""
COMMITS = """
import sys
sys.path.insert(0, sys.argv[3])
from library import new_video
from deltaclip.library import open_store
store = open_store(sys.argv[1], create=False)
with store.writing() as writer:
    for number, _ in enumerate(sys.stdin):
        writer.put([new_video(f"added/{number % 100}.mp4", number, int(sys.argv[2]), int(sys.argv[4]))])
        print(number, flush=True)
"""


def unit_rows(seed: int, count: int, dimension: int) -> NDArray[np.float32]:
    """(count, dimension), random."""
    rows = np.random.default_rng(seed).standard_normal((count, dimension), np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def new_video(name: str, seed: int, dimension: int, motion_dimension: int) -> NewVideo:
    """A video of 13 moments with random vectors; without motion vectors if motion_dimension is 0."""
    rows = unit_rows(seed, MOMENTS_OF_A_VIDEO, dimension)
    moves = unit_rows(seed + 1, MOMENTS_OF_A_VIDEO, motion_dimension) if motion_dimension else None
    moments = [
        NewMoment(15.0 * n, 15.0 * n + 15, 0.1, row, None if moves is None else moves[n]) for n, row in enumerate(rows)
    ]
    content = Content(Stamp(10**7, 10**18, 10**18), seed.to_bytes(16, "big"), seed.to_bytes(16, "little"))
    return NewVideo(Path(f"/home/somebody/Videos/{name}"), content, "indexed", None, moments)


def make_library(folder: Path, moments: int, dimension: int, motion_dimension: int) -> float:
    """Seconds it took."""
    begun = time.perf_counter()
    encoder = RememberedEncoder("random", "random", dimension, "subject", 12, "uniform", 77, VECTOR_VERSION)
    store = open_store(folder, create=True)
    with store.writing() as writer:
        motion = RememberedMotionEncoder("random", "random", motion_dimension) if motion_dimension else None
        writer.remember(encoder, motion)
        for first in range(0, moments // MOMENTS_OF_A_VIDEO, VIDEOS_AT_ONCE):
            last = min(first + VIDEOS_AT_ONCE, moments // MOMENTS_OF_A_VIDEO)
            numbers = range(first, last)
            writer.put([new_video(f"{n % 97}/{n:06}.mp4", n, dimension, motion_dimension) for n in numbers])
    store.close()
    return time.perf_counter() - begun


def forget_pages(folder: Path) -> None:
    """Has the system drop what it keeps in memory of the files, so that they are read from the disk."""
    for file in folder.iterdir():
        with file.open("rb") as opened:
            os.posix_fadvise(opened.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def in_new_processes(folder: Path, dimension: int, runs: int, *, cold: bool = False) -> list[tuple[float, float]]:
    """Seconds of clock and processor from opening to hits."""
    told = []
    for _ in range(runs):
        if cold:
            forget_pages(folder)
        command = [sys.executable, "-c", ONE_SEARCH, str(folder), str(dimension)]
        answer = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        clock, processor, hits = json.loads(answer.stdout)
        assert hits == 10
        told.append((clock, processor))
    return told


def in_ms(seconds: Sequence[tuple[float, float]]) -> dict[str, float]:
    """seconds: of the clock and of the processor."""
    clock, processor = zip(*seconds, strict=True)
    told = {"median": statistics.median(clock), "least": min(clock), "cpu": statistics.median(processor)}
    return {name: round(1000 * value, 1) for name, value in told.items()}


def timed(work: Callable[[], object], runs: int, before: Callable[[], object] = lambda: None) -> dict[str, float]:
    seconds = []
    for _ in range(runs):
        before()
        clock, processor = time.perf_counter(), time.process_time()
        work()
        seconds.append((time.perf_counter() - clock, time.process_time() - processor))
    return in_ms(seconds)


@contextmanager
def committing(folder: Path, dimension: int, motion_dimension: int) -> Iterator[Callable[[], object]]:
    """A process that commits one video each time that the function is called."""
    command = [sys.executable, "-c", COMMITS, str(folder), str(dimension), str(Path(__file__).parent)]
    command.append(str(motion_dimension))
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None
    assert process.stdout is not None

    def commit() -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write("\n")
        process.stdin.flush()
        process.stdout.readline()

    try:
        commit()
        yield commit
    finally:
        process.stdin.close()
        process.wait()
        process.stdout.close()


def searches_a_second(library: Library, query: NDArray[np.float32], threads: int, seconds: float) -> float:
    counts = [0] * threads
    end = time.perf_counter() + seconds

    def work(number: int) -> None:
        while time.perf_counter() < end:
            library.search_vectors(query)
            counts[number] += 1

    workers = [threading.Thread(target=work, args=(number,)) for number in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return sum(counts) / seconds


def by_motion(folder: Path, query: NDArray[np.float32], motion_dimension: int, runs: int) -> dict[str, Any]:
    """Searches by motion and by both, through the store."""
    asked = MotionQuery(unit_rows(2, 1, motion_dimension))
    store = open_store(folder, create=False)
    for each in (None, query):
        store.find(each, 10, motion=asked)
    told: dict[str, Any] = {
        "motion_search_ms": timed(lambda: store.find(None, 10, motion=asked), runs),
        "both_search_ms": timed(lambda: store.find(query, 10, motion=asked), runs),
    }
    tracemalloc.start()
    store.find(query, 10, motion=asked)
    told["memory_mb"] = round(tracemalloc.get_traced_memory()[1] / 1e6, 1)
    tracemalloc.stop()
    store.close()
    return told


def measure(folder: Path, dimension: int, motion_dimension: int, runs: int) -> dict[str, Any]:
    """Everything about a library that is there; it has the same videos afterwards."""
    told: dict[str, Any] = {"bytes": sum(file.stat().st_size for file in folder.iterdir())}
    told["open_search_ms"] = in_ms(in_new_processes(folder, dimension, runs + 1)[1:])
    if hasattr(os, "posix_fadvise"):
        told["open_search_cold_ms"] = in_ms(in_new_processes(folder, dimension, runs, cold=True))
    query = np.random.default_rng(1).standard_normal((40, dimension), np.float32)
    query /= np.linalg.norm(query, axis=1, keepdims=True)
    with Library.open(folder) as library:
        library.search_vectors(query)
        told["search_ms"] = timed(lambda: library.search_vectors(query[0]), runs)
        told["four_queries_ms"] = timed(lambda: library.search_vectors(query[:4]), runs)
        told["forty_queries_ms"] = timed(lambda: library.search_vectors(query), runs)
        if motion_dimension:
            told |= by_motion(folder, query[:1], motion_dimension, runs)
        told["threads"] = {str(n): searches_a_second(library, query[0], n, 3) for n in (1, 4)}
        with committing(folder, dimension, motion_dimension) as commit:
            told["after_commit_ms"] = timed(lambda: library.search_vectors(query[0]), runs, before=commit)
            told["while_writing"] = _while(commit, lambda: searches_a_second(library, query[0], 1, 3))
            told["put_ms"] = timed(commit, 10 * runs)
            del told["put_ms"]["cpu"]  # that of this process, which waits
        told["after_commit_missing_ms"] = _with_missing(folder, dimension, motion_dimension, library, query[0], runs)
        library.remove(["/home/somebody/Videos/added"])
    return told


def _while(commit: Callable[[], object], work: Callable[[], float]) -> float:
    done = threading.Event()

    def write() -> None:
        while not done.is_set():
            commit()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        return work()
    finally:
        done.set()
        writer.join()


def _with_missing(
    folder: Path, dimension: int, motion_dimension: int, library: Library, query: NDArray[np.float32], runs: int
) -> dict[str, float]:
    store = open_store(folder, create=False)
    missing = store.videos()[::10]

    def mark(are: bool) -> None:
        with store.writing() as writer:
            writer.set_missing(missing, are)

    mark(True)
    with committing(folder, dimension, motion_dimension) as commit:
        told = timed(lambda: library.search_vectors(query), runs, before=commit)
    mark(False)
    store.close()
    return told


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="one json object")
    parser.add_argument("--moments", type=int, default=200_000, help="of the library (default: %(default)s)")
    parser.add_argument("--dimension", type=int, default=512, help="of a vector (default: %(default)s)")
    parser.add_argument(
        "--motion-dimension", type=int, default=128, help="of a motion vector; 0: there are none (default: %(default)s)"
    )
    parser.add_argument("--runs", type=int, default=7, help="of each measurement (default: %(default)s)")
    parser.add_argument("--folder", type=Path, help="keep the library here (default: a temporary folder)")
    options = parser.parse_args(arguments)
    folder = options.folder or Path(tempfile.mkdtemp()) / "library"
    told: dict[str, Any] = {"moments": options.moments, "dimension": options.dimension}
    try:
        if not Library.exists(folder):
            told["make_seconds"] = make_library(folder, options.moments, options.dimension, options.motion_dimension)
        told |= measure(folder, options.dimension, options.motion_dimension, options.runs)
    finally:
        if options.folder is None:
            shutil.rmtree(folder.parent)
    if options.json:
        print(json.dumps(told))
    else:
        for name, value in told.items():
            print(f"{name:<24}{round(value, 1) if isinstance(value, float) else value}")


if __name__ == "__main__":
    main()
