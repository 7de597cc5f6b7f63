"""A large library: opening it for one search, and searching it while a different process writes to it.

    python bench/library.py --json

Makes a library of random unit vectors (200,000 moments of 512 numbers in videos of 13) through the Store interface, or
takes the one that an earlier run left in --folder, and measures, --runs times each:

    open_search_ms           in a new process, from Library.open to the hits of one search, imports excluded
    open_search_cold_ms      the same with none of the vectors in memory (Linux: they are read from the disk)
    search_ms                one more search in the same process
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
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deltaclip.library import Content, Library, NewMoment, NewVideo, RememberedEncoder, Stamp, open_store
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
        writer.put([new_video(f"added/{number % 100}.mp4", number, int(sys.argv[2]))])
        print(number, flush=True)
"""


def new_video(name: str, seed: int, dimension: int) -> NewVideo:
    """A video of 13 moments with random vectors."""
    rows = np.random.default_rng(seed).standard_normal((MOMENTS_OF_A_VIDEO, dimension), np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    moments = [NewMoment(15.0 * n, 15.0 * n + 15, 0.1, row) for n, row in enumerate(rows)]
    content = Content(Stamp(10**7, 10**18, 10**18), seed.to_bytes(16, "big"), seed.to_bytes(16, "little"))
    return NewVideo(Path(f"/home/somebody/Videos/{name}"), content, "indexed", None, moments)


def make_library(folder: Path, moments: int, dimension: int) -> float:
    """Seconds it took."""
    begun = time.perf_counter()
    encoder = RememberedEncoder("random", "random", dimension, "subject", 12, "uniform", 77, VECTOR_VERSION)
    store = open_store(folder, create=True)
    with store.writing() as writer:
        writer.remember(encoder)
        for first in range(0, moments // MOMENTS_OF_A_VIDEO, VIDEOS_AT_ONCE):
            last = min(first + VIDEOS_AT_ONCE, moments // MOMENTS_OF_A_VIDEO)
            writer.put([new_video(f"{n % 97}/{n:06}.mp4", n, dimension) for n in range(first, last)])
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
def committing(folder: Path, dimension: int) -> Iterator[Callable[[], object]]:
    """A process that commits one video each time that the function is called."""
    command = [sys.executable, "-c", COMMITS, str(folder), str(dimension), str(Path(__file__).parent)]
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


def measure(folder: Path, dimension: int, runs: int) -> dict[str, Any]:
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
        told["threads"] = {str(n): searches_a_second(library, query[0], n, 3) for n in (1, 4)}
        with committing(folder, dimension) as commit:
            told["after_commit_ms"] = timed(lambda: library.search_vectors(query[0]), runs, before=commit)
            told["while_writing"] = _while(commit, lambda: searches_a_second(library, query[0], 1, 3))
            told["put_ms"] = timed(commit, 10 * runs)
            del told["put_ms"]["cpu"]  # that of this process, which waits
        told["after_commit_missing_ms"] = _with_missing(folder, dimension, library, query[0], runs)
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
    folder: Path, dimension: int, library: Library, query: NDArray[np.float32], runs: int
) -> dict[str, float]:
    store = open_store(folder, create=False)
    missing = store.videos()[::10]

    def mark(are: bool) -> None:
        with store.writing() as writer:
            writer.set_missing(missing, are)

    mark(True)
    with committing(folder, dimension) as commit:
        told = timed(lambda: library.search_vectors(query), runs, before=commit)
    mark(False)
    store.close()
    return told


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="one json object")
    parser.add_argument("--moments", type=int, default=200_000, help="of the library (default: %(default)s)")
    parser.add_argument("--dimension", type=int, default=512, help="of a vector (default: %(default)s)")
    parser.add_argument("--runs", type=int, default=7, help="of each measurement (default: %(default)s)")
    parser.add_argument("--folder", type=Path, help="keep the library here (default: a temporary folder)")
    options = parser.parse_args(arguments)
    folder = options.folder or Path(tempfile.mkdtemp()) / "library"
    told: dict[str, Any] = {"moments": options.moments, "dimension": options.dimension}
    try:
        if not Library.exists(folder):
            told["make_seconds"] = make_library(folder, options.moments, options.dimension)
        told |= measure(folder, options.dimension, options.runs)
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
