"""Runs over two nodes of this machine in which something is killed every few seconds, and what is left of the library.

    PYTHONPATH=. python bench/cluster_kills.py [--kills 20] [--clips 64] [--seed 0] [--json]

Each run indexes the same drawn clips into a new library, with `deltaclip cluster index` and the bundled encoder. At
random moments, with SIGKILL: a task that reads (worker), an encoder (encoder), the second node with all that runs on it
(node), or the command itself (driver), which is then started again. A row of the table is a run that came to its end:
clips in the library, how many of them are there more than once, moments that are not those of an undisturbed run to
1e-6, files that failed, and problems that `verify` finds; all but the first have to be 0. Needs the extra `cluster`.
"""

import argparse
import json
import random
import tempfile
import time
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from tests.cluster.nodes import Nodes, ended, write_clips

from deltaclip.encoder import Encoder
from deltaclip.library import Library

KINDS = ("worker", "encoder", "node", "driver")
TITLES = {"worker": "read_on_node", "encoder": "EncoderOnNode"}
LONGEST_WAIT = 20.0
"""Seconds between two kills at most."""


@dataclass(frozen=True, slots=True)
class Row:
    kills: dict[str, int]
    seconds: float
    clips: int
    twice: int
    different: int
    failed: int
    problems: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--clips", type=int, default=64)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    draw, rows = random.Random(args.seed), list[Row]()
    with tempfile.TemporaryDirectory() as place:
        clips, folder = Path(place) / "clips", Path(place)
        write_clips(clips, args.clips)
        usual = folder / "usual"
        with Library.open(usual, Encoder.load("shapes"), create=True) as library:
            library.index([clips])
        nodes_folder = folder / "nodes"
        nodes_folder.mkdir()
        with Nodes(nodes_folder) as nodes:
            while (done := total(rows)) < args.kills:
                address = f"lance://{folder / f'run {len(rows)}'}"
                rows.append(one_run(nodes, clips, address, usual, draw, args.kills - done))
                if not args.json:
                    print(words(rows[-1]), flush=True)
    if args.json:
        print(json.dumps([asdict(row) for row in rows]))
    else:
        print(f"{total(rows)} kills in {len(rows)} runs of {args.clips} clips")


def one_run(nodes: Nodes, clips: Path, address: str, usual: Path, draw: random.Random, most: int) -> Row:
    """One library, from nothing to all clips, with at most so many kills on the way."""
    begun, kills = time.monotonic(), Counter[str]()
    run = nodes.index(clips, store=address)
    next_kill = time.monotonic() + draw.uniform(0, LONGEST_WAIT)
    while run.poll() is None:
        time.sleep(0.05)
        if time.monotonic() < next_kill or kills.total() == most:
            continue
        kind = draw.choice(KINDS)
        if kind == "driver":
            run.kill()
            run.communicate()
            run = nodes.index(clips, store=address)
        elif kind == "node":
            nodes.kill_node()
        elif not nodes.kill_worker(TITLES[kind], run):
            break
        kills[kind] += 1
        next_kill = time.monotonic() + draw.uniform(0, LONGEST_WAIT)
    report = ended(run)
    seconds = time.monotonic() - begun
    with Library.open(address) as mine, Library.open(usual) as other:
        found = Counter((moment.path, moment.start) for moment in mine.moments())
        wanted = {(moment.path, moment.start): moment.vector for moment in other.moments()}
        different = sum(
            not np.allclose(moment.vector, wanted[moment.path, moment.start], atol=1e-6) for moment in mine.moments()
        )
        different += len(wanted.keys() - found.keys())
        return Row(
            dict(kills),
            seconds,
            mine.status().videos,
            sum(number > 1 for number in found.values()),
            different,
            report["failed"],
            len(mine.verify().problems),
        )


def total(rows: list[Row]) -> int:
    return sum(sum(row.kills.values()) for row in rows)


def words(row: Row) -> str:
    killed = ", ".join(f"{number} {kind}" for kind, number in sorted(row.kills.items())) or "none"
    return (
        f"{killed:40} {row.seconds:6.0f} s   {row.clips} clips, {row.twice} twice, {row.different} different, "
        f"{row.failed} failed, {row.problems} problems"
    )


if __name__ == "__main__":
    main()
