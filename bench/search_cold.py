"""A cold `deltaclip search` in words: wall and CPU seconds and peak memory of whole processes, in turns.

    python bench/search_cold.py --tokenizer bpe_simple_vocab_16e6.txt.gz [--against OTHER_CHECKOUT/src] [--rounds N]

Libraries of 12 drawn clips, one by the bundled `shapes` and one by a ViT-B/32 with random weights. Each round runs both
ways once: `search TEXT` as it is, and `search TEXT` of the other checkout, else the same with --engine torch. The first
call of a way is not counted: it may have to load files into the page cache, and to load a checkpoint whole once.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from deltaclip.encoder import Encoder
from deltaclip.library import Library
from deltaclip.model import CheckpointRecord, ModelSpec, Tokenizer, new_model, save_checkpoint
from deltaclip.shapes import ShapesSpec, make_world, write_world

SOURCE = Path(__file__).parents[1] / "src"
VIT_B_32 = ModelSpec(224, 32, 768, 12, 512, 12, 512, 49408, 77, 49406, 49407, 0)
QUESTION = "the red circle moves to the left"
LAUNCHER = """
import os, sys, time
began = time.perf_counter()
silent = [(os.POSIX_SPAWN_OPEN, fd, os.devnull, os.O_WRONLY, 0) for fd in (1, 2)]
process = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ, file_actions=silent)
_, status, usage = os.wait4(process, 0)
wall, cpu, peak = time.perf_counter() - began, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024
print('{"status": %d, "wall_s": %f, "cpu_s": %f, "peak_mb": %f}' % (status, wall, cpu, peak))
"""
"""A small process between: the most memory of a process is at least what its parent had when it was started."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tokenizer", required=True, help="CLIP's byte pairs: a file, a folder or a hub name")
    parser.add_argument("--against", type=Path, help="src folder of another checkout")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        document = measured(Path(folder), given.tokenizer, given.against, given.rounds)
    if given.json:
        print(json.dumps(document, indent=2))
        return
    for name, ways in document.items():
        for way, row in ways.items():
            walls = f"{row['wall_s']:.2f} s ({row['fastest_wall_s']:.2f} to {row['slowest_wall_s']:.2f})"
            print(f"{name:10} {way:8} wall {walls}   CPU {row['cpu_s']:.2f} s   peak {row['peak_mb']:.0f} MB")


def measured(folder: Path, tokenizer: str, against: Path | None, rounds: int) -> dict[str, Any]:
    """Medians of each way by encoder."""
    checkpoint = folder / "vit-b-32"
    save_checkpoint(checkpoint, new_model(VIT_B_32, seed=0), Tokenizer.from_source(tokenizer), CheckpointRecord())
    for file in checkpoint.iterdir():  # what has just been written might be written again: nothing is kept of it
        os.utime(file, (time.time() - 3600,) * 2)
    write_world(folder / "videos", make_world(80, 12, ShapesSpec(size=160)))
    document = {}
    for name, encoder in (("shapes", "shapes"), ("ViT-B/32", str(checkpoint))):
        address = folder / name.replace("/", "-")
        with Library.open(address, Encoder.load(encoder), create=True) as library:
            library.index([folder / "videos"])
        words = ["search", QUESTION, "--json", "--library", str(address)]
        ways = {"numpy": (SOURCE, words), "torch": (SOURCE, [*words, "--engine", "torch"])}
        if against is not None:
            ways = {"numpy": (SOURCE, words), "against": (against, words)}
        runs: dict[str, list[dict[str, float]]] = {way: [] for way in ways}
        for number in range(rounds + 1):
            for way, (source, arguments) in ways.items():
                row = run(source.resolve(), arguments)
                if number:
                    runs[way].append(row)
        document[name] = {way: _middle(rows) for way, rows in runs.items()}
        shutil.rmtree(address)
    return document


def run(source: Path, arguments: list[str]) -> dict[str, float]:
    """One process: seconds on the clock and of the processors, and the most memory that it had."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", LAUNCHER, sys.executable, "-m", "deltaclip", *arguments],
        env={**os.environ, "PYTHONPATH": str(source)},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    found: dict[str, float] = json.loads(done.stdout)
    if found.pop("status"):
        raise SystemExit(f"deltaclip {' '.join(arguments)} failed; run it by hand")
    return found


def _middle(rows: list[dict[str, float]]) -> dict[str, float]:
    walls = [row["wall_s"] for row in rows]
    middle = {key: round(statistics.median(row[key] for row in rows), 3) for key in rows[0]}
    return {**middle, "fastest_wall_s": round(min(walls), 3), "slowest_wall_s": round(max(walls), 3)}


if __name__ == "__main__":
    main()
