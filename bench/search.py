"""Search in large libraries, beside FAISS called directly on the same float16 rows.

    python bench/search.py --json

Makes libraries of --moments (10,000, 100,000 and 1,000,000) made-up unit vectors through the Store interface, one after
the other, and measures each in a process of its own. Vectors are what those of videos are like: moments of a video lie
around its centre, and centres around those of --topics topics. Queries are near random moments, each once. Prints for
each size:

    p50_ms, p99_ms           `Library.search_vectors`, one query, ten hits: median and 99th percentile by the clock
    faiss_p50_ms             one IndexScalarQuantizer (float16, inner product) in memory, ten hits, by turns with ours
    faiss_shards_p50_ms      the same as threaded shards, one for each core
    numpy_p50_ms             ours without the float16 files
    cpu_ms, faiss_cpu_ms, numpy_cpu_ms  medians of the processor's time, which other work disturbs less
    ratio, shards_ratio, cpu_ratio  medians of the ratios of a turn, ours to FAISS
    open_s                   Library.open, FAISS imported and its files mapped, up to the hits of an empty search
    first_search_s           the first whole search behind that, which finds the pages of the mapped files
    both_p50_ms, motion_p50_ms  by appearance and motion, and by motion alone
    folder_ms, glob_ms, coverage_ms  one query with such a filter, which lets about a tenth of the moments through
    peak_mb, mapped_mb       most memory of the process before FAISS is called directly, and how much of it is pages of
                             mapped files, which the system takes back when it needs them
    write_s, halves_s        seconds for making the library, and for the float16 files of all of it
    bytes                    of the folder

The hits of every query are compared with those of numpy without the float16 files: `same` says whether all were.
"""

import argparse
import itertools
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deltaclip.library import (
    Content,
    Filter,
    Library,
    MotionQuery,
    NewMoment,
    NewVideo,
    RememberedEncoder,
    RememberedMotionEncoder,
    Stamp,
    open_store,
)
from deltaclip.library.sqlite import half_files
from deltaclip.provenance import VECTOR_VERSION

MOMENTS_OF_A_VIDEO = 13
VIDEOS_AT_ONCE = 512
FOLDERS = 10
DIMENSION, MOTION_DIMENSION = 512, 128
SPREAD_OF_TOPICS, SPREAD_OF_MOMENTS = 1.0, 0.6
"""Lengths of what is added to a topic for a video, and to a video for a moment: cosines of about 0.37 and 0.74."""


def unit(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def near(random: np.random.Generator, centres: NDArray[np.float32], spread: float) -> NDArray[np.float32]:
    """Unit rows around others, (N, D)."""
    noise = random.standard_normal(centres.shape, np.float32)
    return unit(centres + spread * unit(noise))


def new_videos(
    first: int, count: int, topics: NDArray[np.float32], motion_topics: NDArray[np.float32]
) -> list[NewVideo]:
    random = np.random.default_rng(first)
    chosen = random.integers(len(topics), size=count)
    looks = near(random, topics[chosen], SPREAD_OF_TOPICS).repeat(MOMENTS_OF_A_VIDEO, axis=0)
    moves = motion_topics[chosen].repeat(MOMENTS_OF_A_VIDEO, axis=0)
    looks, moves = near(random, looks, SPREAD_OF_MOMENTS), near(random, moves, SPREAD_OF_TOPICS)
    coverage = random.random(len(looks))
    made = []
    for n in range(count):
        number = first + n
        rows = range(n * MOMENTS_OF_A_VIDEO, (n + 1) * MOMENTS_OF_A_VIDEO)
        moments = [
            NewMoment(15.0 * at, 15.0 * at + 15, float(coverage[row]), looks[row], moves[row])
            for at, row in enumerate(rows)
        ]
        stamp = Stamp(10**7, 10**18 + number * 10**9, 10**18)
        content = Content(stamp, number.to_bytes(16, "big"), number.to_bytes(16, "little"))
        path = Path(f"/home/somebody/Videos/{number % FOLDERS}/{number:07}.mp4")
        made.append(NewVideo(path, content, "indexed", None, moments))
    return made


def make_library(folder: Path, moments: int, num_topics: int) -> dict[str, float]:
    """Seconds it took."""
    random = np.random.default_rng(0)
    topics = unit(random.standard_normal((num_topics, DIMENSION), np.float32))
    motion_topics = unit(random.standard_normal((num_topics, MOTION_DIMENSION), np.float32))
    videos, begun = moments // MOMENTS_OF_A_VIDEO, time.perf_counter()
    store = open_store(folder, create=True)
    with store.writing() as writer:
        writer.remember(
            RememberedEncoder("random", "random", DIMENSION, "subject", 12, "uniform", 77, VECTOR_VERSION),
            RememberedMotionEncoder("random", "random", MOTION_DIMENSION),
        )
        for first in range(0, videos, VIDEOS_AT_ONCE):
            writer.put(new_videos(first, min(VIDEOS_AT_ONCE, videos - first), topics, motion_topics))
        written = time.perf_counter()
    store.close()
    return {"write_s": round(written - begun, 2), "halves_s": round(time.perf_counter() - written, 2)}


def memory_mb() -> dict[str, float]:
    """Of this process, on Linux: the most there was, and how much is of mapped files now."""
    told = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    kib = {name: int(told[key].split()[0]) for name, key in (("peak_mb", "VmHWM"), ("mapped_mb", "RssFile"))}
    return {name: round(value / 1024, 1) for name, value in kib.items()}


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Milliseconds by the clock, and of the processor."""
    clock, processor = time.perf_counter(), time.process_time()
    work()
    return 1000 * (time.perf_counter() - clock), 1000 * (time.process_time() - processor)


def median(of: Sequence[float]) -> float:
    return round(statistics.median(of), 2)


def without_halves(work: Callable[[], Any]) -> Any:
    fewest, half_files.FEWEST_ROWS = half_files.FEWEST_ROWS, sys.maxsize
    try:
        return work()
    finally:
        half_files.FEWEST_ROWS = fewest


def measure(folder: Path, rounds: int) -> dict[str, Any]:
    """All of one library, in a process that has done nothing else."""
    begun = time.perf_counter()
    library = Library.open(folder)
    nobody = np.eye(1, DIMENSION, dtype=np.float32)[0]
    library.search_vectors(nobody, where=Filter(folder=Path("/nobody")))
    told: dict[str, Any] = {"open_s": round(time.perf_counter() - begun, 3)}
    told["first_search_s"] = round(timed(lambda: library.search_vectors(nobody))[0] / 1000, 3)
    file = next(folder.glob("vectors-*.f32"))
    row_bytes, random = 4 * DIMENSION, np.random.default_rng(7)
    some = random.integers(file.stat().st_size // row_bytes, size=rounds).tolist()
    # Not mapped: pages of the bench itself would count as the library's.
    near_these = np.stack([np.fromfile(file, np.float32, DIMENSION, offset=row_bytes * row) for row in some])
    queries = near(random, near_these, SPREAD_OF_TOPICS)
    for each in queries:
        library.search_vectors(each)
    told |= memory_mb() if sys.platform == "linux" else {}
    told |= beside_faiss(library, np.memmap(file, np.float32, "r").reshape(-1, DIMENSION), queries)
    told |= other_ways(library, folder, queries[: max(rounds // 5, 3)])
    library.close()
    return told


def beside_faiss(library: Library, rows: NDArray[np.float32], queries: NDArray[np.float32]) -> dict[str, Any]:
    """One query after the other, each by ours, by FAISS in two ways, and by ours without its files.

    In random order: on a busy machine, what comes behind long work is interrupted more often.
    """
    one, shards = faiss_of(rows)
    random, same = np.random.default_rng(9), True
    told: dict[str, list[tuple[float, float]]] = {name: [] for name in ("ours", "faiss", "shards", "numpy")}
    for query in queries:
        hits = list[Any]()

        def search(query: NDArray[np.float32] = query, hits: list[Any] = hits) -> None:
            hits.append(library.search_vectors(query))

        ways: dict[str, Callable[[], tuple[float, float]]] = {
            "ours": lambda search=search: timed(search),
            "faiss": lambda query=query: timed(lambda: one.search(query[None], 10)),
            "shards": lambda query=query: timed(lambda: shards.search(query[None], 10)),
            "numpy": lambda search=search: without_halves(lambda: timed(search)),
        }
        for name in random.permutation(list(ways)).tolist():
            told[name].append(ways[name]())
        same = same and hits[0] == hits[1]
    clock = {name: [each for each, _ in times] for name, times in told.items()}
    processor = {name: [each for _, each in times] for name, times in told.items()}
    return {
        "p50_ms": median(clock["ours"]),
        "p99_ms": round(float(np.percentile(clock["ours"], 99)), 2),
        "cpu_ms": median(processor["ours"]),
        "faiss_p50_ms": median(clock["faiss"]),
        "faiss_cpu_ms": median(processor["faiss"]),
        "faiss_shards_p50_ms": median(clock["shards"]),
        "ratio": _ratio(clock["ours"], clock["faiss"]),
        "cpu_ratio": _ratio(processor["ours"], processor["faiss"]),
        "shards_ratio": _ratio(clock["ours"], clock["shards"]),
        "numpy_p50_ms": median(clock["numpy"]),
        "numpy_cpu_ms": median(processor["numpy"]),
        "same": same,
    }


def _ratio(ours: list[float], theirs: list[float]) -> float:
    return median([a / b for a, b in zip(ours, theirs, strict=True)])


def other_ways(library: Library, folder: Path, queries: NDArray[np.float32]) -> dict[str, float]:
    """By motion, and with filters."""
    asked = MotionQuery(near(np.random.default_rng(8), np.eye(1, MOTION_DIMENSION, dtype=np.float32), 1.0))
    store = open_store(folder, create=False)
    ways: dict[str, Callable[[NDArray[np.float32]], object]] = {
        "both_p50_ms": lambda each: store.find(each[None], 10, motion=asked),
        "motion_p50_ms": lambda each: store.find(None, 10, motion=asked),
        "folder_ms": lambda each: library.search_vectors(each, where=Filter(folder=Path("/home/somebody/Videos/3"))),
        "glob_ms": lambda each: library.search_vectors(each, where=Filter(glob="*3.mp4")),
        "coverage_ms": lambda each: library.search_vectors(each, where=Filter(min_coverage=0.9)),
    }
    told = {
        name: median([timed(lambda each=each, way=way: way(each))[0] for each in queries]) for name, way in ways.items()
    }
    store.close()
    return told


def faiss_of(rows: NDArray[np.float32]) -> tuple[Any, Any]:  # Any: FAISS ships no types
    """FAISS as its users call it: one index of all rows in memory, and one shard of them for each core."""
    import faiss

    from deltaclip.pipeline import usual_workers

    def index_of(first: int, last: int) -> Any:
        index = faiss.IndexScalarQuantizer(DIMENSION, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT)
        for start in range(first, last, 65_536):
            index.add_sa_codes(rows[start : min(start + 65_536, last)].astype(np.float16).view(np.uint8))
        return index

    cores = usual_workers()
    edges = np.linspace(0, len(rows), cores + 1).astype(int).tolist()
    shards = faiss.IndexShards(DIMENSION, True, True)
    kept = [index_of(first, last) for first, last in itertools.pairwise(edges)]
    for index in kept:
        shards.add_shard(index)
    shards.referenced_objects = kept
    return index_of(0, len(rows)), shards


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="one json object")
    parser.add_argument("--moments", type=int, nargs="+", default=[10_000, 100_000, 1_000_000], help="sizes")
    parser.add_argument("--topics", type=int, default=2000, help="centres of videos (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=100, help="queries (default: %(default)s)")
    parser.add_argument("--folder", type=Path, help="keep the libraries here, and use those that are there")
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.measure is not None:
        print(json.dumps(measure(options.measure, options.rounds)))
        return
    base, told = options.folder or Path(tempfile.mkdtemp()), dict[str, dict[str, Any]]()
    try:
        for moments in options.moments:
            folder = base / str(moments)
            made = {} if Library.exists(folder) else make_library(folder, moments, options.topics)
            command = [sys.executable, __file__, "--measure", str(folder), "--rounds", str(options.rounds)]
            answer = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
            size = sum(file.stat().st_size for file in folder.iterdir())
            told[str(moments)] = {**json.loads(answer), **made, "bytes": size}
            if options.folder is None:
                shutil.rmtree(folder)
    finally:
        if options.folder is None:
            shutil.rmtree(base, ignore_errors=True)
    if options.json:
        print(json.dumps(told))
        return
    for moments, figures in told.items():
        print(f"{int(moments):,} moments")
        for name, value in figures.items():
            print(f"  {name:<22}{value}")


if __name__ == "__main__":
    main()
