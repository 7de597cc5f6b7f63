"""What it costs to bring a clip from the child process that decodes it, and how long an encoder takes to load.

python bench/clip.py VIDEO [--encoder FOLDER] [--json]

A child reads one clip of 12 frames at 224 pixels and sends it 300 times. megabytes: of the pickled clip. milliseconds:
median time between two clips. cpu: processor time a clip, in the child and in the parent. load_seconds: of
`Encoder.load` with its fingerprint, the first time (nothing is kept of the checkpoint) and the fifth.
"""

import argparse
import json
import pickle
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from deltaclip.encoder import Encoder
from deltaclip.motion import MotionSpec
from deltaclip.processes import Guard
from deltaclip.reader import Clip, ReaderSpec, read_video

COUNT, WARM_UP = 300, 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("video", type=Path)
    parser.add_argument("--encoder", type=Path, help="checkpoint folder; nothing in it is changed")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    document = _pipe(given.video) | ({} if given.encoder is None else {"load_seconds": _load(given.encoder)})
    print(json.dumps(document, indent=None if given.json else 2))


def again(path: Path) -> Iterator[tuple[Clip, float]]:
    """One clip again and again, with the processor time of this process so far."""
    clip = read_video(path, ReaderSpec(224, 12, MotionSpec("difference")))
    for _ in range(COUNT):
        yield clip, time.process_time()


def _pipe(path: Path) -> dict[str, Any]:
    sys.path.append(str(Path(__file__).parent))
    from clip import again  # as the child finds it

    arrived, theirs, ours, size = [], [], [], 0
    with Guard(again) as guard:
        for clip, child in guard.stream(str(path), path):
            arrived.append(time.perf_counter())
            theirs.append(child)
            ours.append(time.process_time())
            size = size or len(pickle.dumps(clip, protocol=5))
    count = COUNT - 1 - WARM_UP
    gaps = [1000 * (b - a) for a, b in zip(arrived[WARM_UP:], arrived[WARM_UP + 1 :], strict=False)]
    child, parent = (round(1000 * (each[-1] - each[WARM_UP]) / count, 2) for each in (theirs, ours))
    cpu = {"child": child, "parent": parent}
    return {
        "megabytes": round(size / 1e6, 2),
        "milliseconds": round(statistics.median(gaps), 2),
        "cpu_milliseconds": cpu,
    }


def _load(folder: Path) -> dict[str, float]:
    """Through links in a folder of its own, so that nothing is known of the files."""
    with tempfile.TemporaryDirectory(prefix="deltaclip-bench-") as place:
        for path in folder.iterdir():
            if not path.name.startswith("."):
                (Path(place) / path.name).symlink_to(path.resolve())
        seconds = []
        for _ in range(5):
            begun = time.perf_counter()
            Encoder.load(place, device="cpu", precision="float32").fingerprint  # noqa: B018 - it is computed when asked
            seconds.append(round(time.perf_counter() - begun, 2))
    return {"first": seconds[0], "fifth": seconds[-1]}


if __name__ == "__main__":
    main()
