"""Clips a second from the frame cache beside decoding the files again, and what a cached clip weighs.

python -m bench.cache --videos DIR [--json]

Both ways take 6 frames of each video at a short side of 224, in one process with one thread, by turns, so that a busy
machine slows both. `mask` is the kept alpha of `subject` on one side and its measuring on the other; `frames` is the
pictures alone; `difference` makes the paper's mask of the six frames on both sides.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from deltaclip.errors import VideoError
from deltaclip.frame_cache import CacheSettings, FrameCache, random_places, write_cache
from deltaclip.library.candidates import find_candidates
from deltaclip.motion import MotionSpec
from deltaclip.reader import read_whole

FRAMES, SIZE = 6, 224


def from_cache(cache: FrameCache, rng: np.random.Generator, motion: str | None, video: str) -> None:
    """One clip as a training takes it."""
    frames = cache.clip(video, random_places(cache.settings.num_frames, FRAMES, rng))
    if motion is not None:
        frames.see(motion)


def from_file(videos: Mapping[str, Path], motion: str | None, video: str) -> None:
    """The same without a cache."""
    spec = None if motion is None else MotionSpec.parse(motion)
    read_whole(videos[video], spec, FRAMES, SIZE)


def rate(work: Callable[[str], None], videos: Sequence[str]) -> float:
    """Clips a second of one pass over the videos."""
    begun = time.perf_counter()
    for video in videos:
        work(video)
    return len(videos) / (time.perf_counter() - begun)


def agreement(paths: Sequence[Path]) -> float:
    """Mean absolute difference of `subject`'s alpha for the same 12 frames, measured among 36 and alone: 0..1.

    The 12 middles of equal spans are every third of the 36, so that the frames and their neighbours are the same; what
    differs is what the rule knows of the rest of the video.
    """
    apart = []
    for path in paths:
        (_, among, _), (_, alone, _) = (read_whole(path, MotionSpec("subject"), frames, SIZE) for frames in (36, 12))
        assert among is not None
        assert alone is not None
        apart.append(float(np.abs(among.alpha[1::3] - alone.alpha).mean()))
    return statistics.mean(apart)


def main() -> None:
    """Writes a cache, reads it and the files by turns, and prints what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--videos", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=None)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    videos = {path.name: path for path in find_candidates([options.videos]).files}
    document: dict[str, object] = {"videos": len(videos), "rounds": options.rounds}
    with tempfile.TemporaryDirectory() as folder:
        report = write_cache(Path(folder) / "cache", videos, CacheSettings(size=SIZE), workers=options.workers)
        document["written_clips_per_second"] = round(report.written / report.seconds, 2)
        document["megabytes_per_clip"] = round(report.size_bytes / report.written / 1e6, 3)
        cache, rng = FrameCache.open(Path(folder) / "cache"), np.random.default_rng(0)
        cv2.setNumThreads(1)
        for name, motion in (("frames", None), ("mask", "subject"), ("difference", "difference")):
            cached = partial(from_cache, cache, rng, motion)
            decoded = partial(from_file, videos, motion)
            pairs = [(rate(cached, cache.videos), rate(decoded, cache.videos)) for _ in range(options.rounds)]
            ratios = [one / other for one, other in pairs]
            document[name] = {
                "cache_clips_per_second": round(statistics.median(one for one, _ in pairs), 1),
                "file_clips_per_second": round(statistics.median(other for _, other in pairs), 1),
                "ratio": round(statistics.median(ratios), 1),
                "ratio_range": [round(min(ratios), 1), round(max(ratios), 1)],
            }
        document["subject_among_36_or_12_apart"] = round(agreement([videos[video] for video in cache.videos]), 4)
    document["failures"] = [failure.path for failure in report.failures]
    print(json.dumps(document) if options.json else "\n".join(f"{key:28} {document[key]}" for key in document))


if __name__ == "__main__":
    try:
        main()
    except VideoError as error:
        sys.exit(str(error))
