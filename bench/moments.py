"""How well motion finds a moment in a longer video: gestures of one scene joined, each sought by its wordings.

    python bench/moments.py --data DIR [--encoder NAME] [--folds N,N] [--seconds N ...] [--keep DIR]

DIR holds egogestar. The clips of a scene that have the size and frame rate of its first are joined in a random order
(seed 0) to videos of at most 30 s; a gesture that occurs twice in a video is not asked for. Each video is cut at
several lengths, as `evaluate moments --moment-seconds` does.
Prints one JSON object.
"""

import argparse
import csv
import json
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from deltaclip.captions import ActionClip, ActionSet, load_actions, load_moments
from deltaclip.encoder import MotionEncoder
from deltaclip.evaluation import MomentEncoders, evaluate_moments
from deltaclip.reader import SEGMENT_SECONDS
from deltaclip.video import Video, write_mp4

LONGEST_SECONDS = 30.0
SEED = 0

Bytes = NDArray[np.uint8]
Decoded = tuple[ActionClip, Bytes, float]
"""A clip, its frames (T, H, W, 3), and frames a second."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--encoder", default="motion", help="motion encoder (default: the bundled one)")
    parser.add_argument("--folds", type=lambda text: tuple(map(int, text.split(","))), default=(0,))
    parser.add_argument("--seconds", type=float, nargs="+", default=[SEGMENT_SECONDS, 8.0, 5.0, 3.0, 2.0])
    parser.add_argument("--keep", type=Path, help="folder for the joined videos (default: a temporary one)")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    encoder = MotionEncoder.load(options.encoder)
    with tempfile.TemporaryDirectory(prefix="deltaclip-bench-") as folder:
        place = options.keep or Path(folder)
        place.mkdir(parents=True, exist_ok=True)
        join(load_actions(options.data), options.folds, place)
        moments = load_moments(place)
        told: dict[str, Any] = {"encoder": [encoder.name, encoder.fingerprint], "folds": list(options.folds)}
        for seconds in options.seconds:
            document = evaluate_moments(MomentEncoders(None, encoder), moments, seconds).to_json()
            told[f"{seconds:g} s"] = {
                name: document[name] for name in ("R1", "distance_seconds", "intervals", "moments")
            }
            told |= {name: document[name] for name in ("videos", "queries", "not_understood")}
    print(json.dumps(told, indent=1))


def join(actions: ActionSet, folds: tuple[int, ...], folder: Path) -> None:
    """Writes the joined videos and their moments.csv."""
    random = np.random.default_rng(SEED)
    rows: list[tuple[str, str, float, float]] = []
    groups = dict.fromkeys(clip.group for clip in actions.clips if clip.fold in folds)
    for group in groups:
        own = [clip for clip in actions.clips if clip.group == group]
        clips = [own[at] for at in random.permutation(len(own))]
        for number, part in enumerate(_parts([_decoded(actions.folder, clip) for clip in clips])):
            name = f"{group}_{number}.mp4"
            write_mp4(folder / name, np.concatenate([frames for _, frames, _ in part]), round(part[0][2]))
            times = Counter(clip.label for clip, _, _ in part)
            start = 0.0
            for clip, frames, rate in part:
                end = start + len(frames) / round(rate)
                if times[clip.label] == 1:
                    rows += [(name, text, round(start, 3), round(end, 3)) for text in actions.wordings[clip.label]]
                start = end
    with (folder / "moments.csv").open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([("path", "sentence", "start", "end"), *rows])


def _parts(clips: list[Decoded]) -> Iterator[list[Decoded]]:
    """Clips of the size and rate of the first, in pieces of at most LONGEST_SECONDS."""
    _, first, rate = clips[0]
    part: list[Decoded] = []
    for clip in clips:
        if clip[1].shape[1:] != first.shape[1:] or round(clip[2]) != round(rate):
            continue
        if part and sum(len(frames) for _, frames, _ in [*part, clip]) / rate > LONGEST_SECONDS:
            yield part
            part = []
        part.append(clip)
    if part:
        yield part


def _decoded(folder: Path, clip: ActionClip) -> Decoded:
    with Video.open(folder / clip.path) as video:
        rate = len(video.frame_seconds) / (video.whole.end - video.whole.start)
    with av.open(str(folder / clip.path)) as container:
        return clip, np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]), rate


if __name__ == "__main__":
    main()
