"""The server under load: questions in words over HTTP, alone, from many clients, and while an index job runs.

    python bench/serve.py --tokenizer bpe_simple_vocab_16e6.txt.gz --videos FOLDER [--moments 100000] [--json]

A library of made-up moments (as bench/search.py makes them) by a ViT-B/32 with random weights, and `deltaclip serve` in
a process of its own. Every question is a new text of 5 to 9 words; each third has motion words. Prints for each phase

    one       one client, --questions questions one after the other on one connection
    many      --clients clients at once, each with --each questions
    indexing  the same while a job indexes the videos of --videos

p50_ms, p95_ms, p99_ms   from sending a question to the last byte of its answer, by the clock
a_second                 answers
errors                   answers that are no 200, and connections that broke
fairness                 the slowest client's mean time by the fastest one's
cli_s                    `deltaclip search` as a process while the server runs, median of 5
ready_s, peak_mb         from the start of the server to its address; the most memory of its process
job                      what the index job did, and in how many seconds
"""

import argparse
import http.client
import json
import os
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from search import MOMENTS_OF_A_VIDEO, VIDEOS_AT_ONCE, new_videos, unit
from search_cold import VIT_B_32

from deltaclip.encoder import Encoder, MotionEncoder
from deltaclip.library import RememberedEncoder, RememberedMotionEncoder, open_store
from deltaclip.model import CheckpointRecord, Tokenizer, new_model, save_checkpoint

WORDS = [
    "a",
    "an",
    "the",
    "dog",
    "cat",
    "man",
    "woman",
    "child",
    "car",
    "boat",
    "horse",
    "ball",
    "river",
    "house",
    "tree",
    "jumps",
    "runs",
    "eats",
    "reads",
    "sits",
    "talks",
    "in",
    "on",
    "near",
]
MOVES = ("drives off to the left", "jumps up and down", "turns in a circle", "moves to the right", "zooms in")
START = "from deltaclip.cli import main; main()"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tokenizer", required=True)
    parser.add_argument("--videos", type=Path, required=True)
    parser.add_argument("--moments", type=int, default=100_000)
    parser.add_argument("--questions", type=int, default=300)
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--each", type=int, default=12)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        document = measured(Path(folder), given)
    print(json.dumps(document, indent=None if given.json else 2))


def measured(folder: Path, given: argparse.Namespace) -> dict[str, Any]:
    library = folder / "library"
    make_library(folder / "vit-b-32", library, given.tokenizer, given.moments)
    shutil.copytree(given.videos, folder / "videos")
    began = time.perf_counter()
    command = [sys.executable, "-c", START, "serve", "--library", str(library), "--root", str(folder), "--port", "0"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    url = server.stdout.readline().strip()
    document: dict[str, Any] = {"moments": given.moments, "ready_s": time.perf_counter() - began}
    try:
        ask_many(url, 1, 30, seed=1)  # warm
        document["one"] = ask_many(url, 1, given.questions, seed=2)
        document["many"] = ask_many(url, given.clients, given.each, seed=3)
        job = call(url, "POST", "/v1/jobs/index", {"paths": [str(folder / "videos")]})[1]
        while call(url, "GET", f"/v1/jobs/{job['job_id']}")[1]["done"] < 1:
            time.sleep(0.2)
        document["indexing"] = ask_many(url, given.clients, given.each, seed=4)
        state = call(url, "GET", f"/v1/jobs/{job['job_id']}")[1]
        document["indexing"]["job_at_the_end_of_the_phase"] = {name: state[name] for name in ("state", "done", "total")}
        while (state := call(url, "GET", f"/v1/jobs/{job['job_id']}")[1])["state"] in ("running", "waiting"):
            time.sleep(0.5)
        document["job"] = {name: state[name] for name in ("state", "done", "failed", "moments", "seconds", "error")}
        document["cli_s"] = statistics.median(cli_seconds(library, folder / "videos") for _ in range(5))
        document["peak_mb"] = peak_mb(server.pid)
        document["stages"] = stages(url)
    finally:
        server.send_signal(signal.SIGINT)
        server.wait()
    return document


def make_library(checkpoint: Path, library: Path, tokenizer: str, moments: int) -> None:
    save_checkpoint(checkpoint, new_model(VIT_B_32, seed=0), Tokenizer.from_source(tokenizer), CheckpointRecord())
    for file in checkpoint.iterdir():
        os.utime(file, (time.time() - 3600,) * 2)
    encoder, motion = Encoder.load(str(checkpoint)), MotionEncoder.load("motion")
    _ = encoder.background_vectors()
    rng = np.random.default_rng(0)
    topics = unit(rng.standard_normal((1000, encoder.dimension), np.float32))
    motion_topics = unit(rng.standard_normal((1000, motion.dimension), np.float32))
    store = open_store(library, create=True)
    with store.writing() as writer:
        writer.remember(RememberedEncoder.of(encoder), RememberedMotionEncoder.of(motion))
        videos = moments // MOMENTS_OF_A_VIDEO
        for first in range(0, videos, VIDEOS_AT_ONCE):
            writer.put(new_videos(first, min(VIDEOS_AT_ONCE, videos - first), topics, motion_topics))
    store.close()


def questions(seed: int, count: int) -> list[str]:
    chosen = random.Random(seed)
    made = []
    for number in range(count):
        words = [chosen.choice(WORDS) for _ in range(chosen.randint(5, 9))]
        made.append(" ".join([*words, *([chosen.choice(MOVES)] if number % 3 == 0 else [])]))
    return made


def ask_many(url: str, clients: int, each: int, seed: int) -> dict[str, Any]:
    """All clients at once, each on a connection of its own."""
    times: list[list[float]] = [[] for _ in range(clients)]
    errors: list[str] = []
    go = threading.Barrier(clients + 1)

    def client(number: int) -> None:
        connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=120)
        go.wait()
        for text in questions(1000 * seed + number, each):
            began = time.perf_counter()
            try:
                body = json.dumps({"text": text, "limit": 24})
                connection.request("POST", "/v1/search", body, {"Content-Type": "application/json"})
                response = connection.getresponse()
                content = response.read()
                if response.status != 200:
                    errors.append(content.decode()[:200])
            except (OSError, http.client.HTTPException) as error:
                errors.append(repr(error))
                connection.close()
            times[number].append(time.perf_counter() - began)
        connection.close()

    threads = [threading.Thread(target=client, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    go.wait()
    began = time.perf_counter()
    for thread in threads:
        thread.join()
    wall = time.perf_counter() - began
    every = [1000 * seconds for row in times for seconds in row]
    means = [statistics.mean(row) for row in times]
    p50, p95, p99 = (float(np.percentile(every, share)) for share in (50, 95, 99))
    told = {"questions": len(every), "p50_ms": p50, "p95_ms": p95, "p99_ms": p99, "a_second": len(every) / wall}
    return {**told, "errors": len(errors), "first_error": errors[:1], "fairness": max(means) / min(means)}


def call(url: str, method: str, path: str, body: object = None) -> tuple[int, Any]:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
    connection.request(method, path, None if body is None else json.dumps(body), {"Content-Type": "application/json"})
    response = connection.getresponse()
    content = json.loads(response.read())
    connection.close()
    return response.status, content


def stages(url: str) -> dict[str, float]:
    """Mean milliseconds of each stage, from /metrics."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
    connection.request("GET", "/metrics")
    sums: dict[str, dict[str, float]] = {}
    for line in connection.getresponse().read().decode().splitlines():
        for kind in ("sum", "count"):
            if line.startswith(f'deltaclip_stage_seconds_{kind}{{stage="'):
                name, value = line.partition('"')[2].split('"')[0], float(line.rpartition(" ")[2])
                sums.setdefault(name, {})[kind] = value
    return {name: 1000 * row["sum"] / row["count"] for name, row in sums.items() if row.get("count")}


def cli_seconds(library: Path, videos: Path) -> float:
    """Among videos that are there: a hit without a file sends `search` to the library itself."""
    began = time.perf_counter()
    words = ["search", f"a dog jumps {began}", "--library", str(library), "--folder", str(videos), "--json"]
    subprocess.run([sys.executable, "-c", START, *words], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def peak_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


if __name__ == "__main__":
    main()
