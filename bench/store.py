"""Libraries in Lance tables beside the folder with SQLite and FAISS, as they grow.

    python bench/store.py --moments 10000 100000 1000000 --json

Makes the libraries of bench/search.py in both stores, each measured in a process of its own. Prints for each size:

    write_rows_s, last_rows_s   moments written a second, made-up vectors included; and in the last tenth of the batches
    bytes                    of the folder
    compact_s, probes, tuned_recall, motion_...  of `deltaclip cluster compact`; an index from --index-from on
    open_first_s             opening it, and the first search
    p50_ms, p99_ms           one query near a moment, ten hits
    both_p50_ms, folder_p50_ms  by appearance and motion; with a filter that lets a tenth of the moments through
    recall, both_recall      share of the ten hits of the SQLite store, whose search is exact; and by both
    peak_mb                  most memory of the process that searched
"""

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from deltaclip.library import Filter, MotionQuery, RememberedEncoder, RememberedMotionEncoder, open_store
from deltaclip.library.lance import LanceStore, compact_tables
from deltaclip.provenance import VECTOR_VERSION

sys.path.insert(0, str(Path(__file__).parent))
from search import DIMENSION, MOMENTS_OF_A_VIDEO, MOTION_DIMENSION, VIDEOS_AT_ONCE, near, new_videos, unit

STORES = ("sqlite", "lance")


def made(address: str, moments: int, topics: int) -> dict[str, Any]:
    random = np.random.default_rng(0)
    looks = unit(random.standard_normal((topics, DIMENSION), np.float32))
    moves = unit(random.standard_normal((topics, MOTION_DIMENSION), np.float32))
    store, videos, seconds = open_store(address, create=True), moments // MOMENTS_OF_A_VIDEO, list[float]()
    with store.writing() as writer:
        writer.remember(
            RememberedEncoder("random", "random", DIMENSION, "subject", 12, "uniform", 77, VECTOR_VERSION),
            RememberedMotionEncoder("random", "random", MOTION_DIMENSION),
        )
        for first in range(0, videos, VIDEOS_AT_ONCE):
            begun = time.perf_counter()
            writer.put(new_videos(first, min(VIDEOS_AT_ONCE, videos - first), looks, moves))
            seconds.append(time.perf_counter() - begun)
    store.close()
    last = seconds[-max(len(seconds) // 10, 2) : -1] or seconds
    rows = VIDEOS_AT_ONCE * MOMENTS_OF_A_VIDEO
    return {"write_rows_s": round(moments / sum(seconds)), "last_rows_s": round(rows * len(last) / sum(last))}


def compacted(address: str, index_from: int) -> dict[str, Any]:
    store, begun = LanceStore.open(address, create=False), time.perf_counter()
    report = compact_tables(store, keep_hours=0, indexed_rows=index_from)
    store.close()
    told = {"compact_s": round(time.perf_counter() - begun, 1), "probes": report.probes, "tuned_recall": report.recall}
    return told | {"motion_probes": report.motion_probes, "tuned_motion_recall": report.motion_recall}


def searched(address: str, questions: Path, rounds: int) -> dict[str, Any]:
    begun = time.perf_counter()
    store = open_store(address, create=False)
    asked = np.load(questions)
    looks, moves = asked["looks"], asked["moves"]
    store.find(looks[:1], 10)
    told: dict[str, Any] = {"open_first_s": round(time.perf_counter() - begun, 3)}
    where = Filter(folder=Path("/home/somebody/Videos/3"))
    ways: dict[str, Callable[[int], Any]] = {
        "": lambda n: store.find(looks[n : n + 1], 10),
        "both_": lambda n: store.find(looks[n : n + 1], 10, motion=MotionQuery(moves[n : n + 1])),
        "folder_": lambda n: store.find(looks[n : n + 1], 10, where=where),
    }
    for name, work in ways.items():
        times, hits = [], []
        for number in range(rounds):
            start = time.perf_counter()
            hits.append([f"{hit.path} {hit.start}" for hit in work(number)])
            times.append(1000 * (time.perf_counter() - start))
        told[f"{name}p50_ms"] = round(float(np.median(times)), 1)
        if not name:
            told["p99_ms"] = round(float(np.percentile(times, 99)), 1)
        told[f"{name}hits"] = hits
    store.close()
    return told | {"peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)}


def of_size(folder: Path, moments: int, options: argparse.Namespace) -> dict[str, Any]:
    """Both stores, and how much of the exact hits the other one finds."""
    questions, told = folder / "questions.npz", dict[str, Any]()
    for name in STORES:
        address = f"lance://{folder / name}" if name == "lance" else str(folder / name)
        told[name] = _child("made", address, moments, options.topics)
        if name == "sqlite":
            _write_questions(address, questions, options.rounds)
        else:
            told[name] |= _child("compacted", address, options.index_from)
        files = (each for each in (folder / name).rglob("*") if each.is_file())
        told[name]["bytes"] = sum(each.stat().st_size for each in files)
        told[name] |= _child("searched", address, questions, options.rounds)
    for key in ("", "both_", "folder_"):
        exact, found = (told[name].pop(f"{key}hits") for name in STORES)
        shares = [len({*one} & {*other}) / max(len(one), 1) for one, other in zip(exact, found, strict=True)]
        told["lance"][f"{key}recall"] = round(float(np.mean(shares)), 4)
        told["lance"][f"{key}same_order"] = sum(map(list.__eq__, exact, found))
    return told


def _write_questions(address: str, file: Path, rounds: int) -> None:
    store, random = open_store(address, create=False), np.random.default_rng(7)
    sides = store.sample(rounds, moves=True)
    assert sides.looks is not None
    assert sides.moves is not None
    np.savez(file, looks=near(random, sides.looks, 1.0), moves=near(random, sides.moves, 1.0))
    store.close()


def _child(work: str, *given: object) -> dict[str, Any]:
    words = [sys.executable, __file__, "--child", work, *map(str, given)]
    answer: dict[str, Any] = json.loads(subprocess.run(words, check=True, capture_output=True, text=True).stdout)
    return answer


def _run_child(work: str, address: str, *given: str) -> dict[str, Any]:
    if work == "made":
        return made(address, int(given[0]), int(given[1]))
    if work == "compacted":
        return compacted(address, int(given[0]))
    return searched(address, Path(given[0]), int(given[1]))


def main() -> None:
    parser = argparse.ArgumentParser(description="Lance tables beside SQLite and FAISS.")
    parser.add_argument("--moments", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--topics", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--index-from", type=int, default=100_000)
    parser.add_argument("--folder", type=Path, help="Where the libraries are made (default: a temporary folder).")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--child", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(_run_child(*options.child)))
        return
    told = {}
    for moments in options.moments:
        folder = Path(tempfile.mkdtemp(dir=options.folder))
        try:
            told[moments] = of_size(folder, moments, options)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        if not options.json:
            print(moments, *(f"{name}: {told[moments][name]}" for name in STORES), sep="\n  ")
    if options.json:
        print(json.dumps({"cores": os.cpu_count(), "sizes": told}))


if __name__ == "__main__":
    main()
