"""Search with real appearance and real captions: appearance alone, with motion words, in segments, and by relevance.

    python bench/real_search.py --data DIR [--encoder NAME] [--segments SECONDS ...]

DIR holds captioned/ (59 clips, 349 captions of people). Appearance: `real_encoder.py`, which says what to install;
12 frames a clip, both sides centred with the means of these clips and captions. Each caption ranks all clips, ties
count against it. Motion and its part beside appearance: the library's own rule (`library.nearest_by`).

appearance   R@1, R@5, MRR by appearance alone, `both` with motion words; `with_words` the same for captions with motion
             words alone, and by motion alone; `without_words`: how many captions keep all their scores.
segments     a clip scores as its best segment of so many seconds, as in a library, against one mean a clip.
relevance    captions in three equal bands of how far their first clip is above the rest (standard deviations of the
             scores of that caption): how many of them are right.

Intervals: 95%, bootstrap over clips with their captions, 2,000 samples, seed 0. Nothing else is random.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from real_encoder import RealEncoder, unit

from deltaclip.encoder import MotionEncoder
from deltaclip.library import AppearanceRows, MotionRows, nearest_by
from deltaclip.ranking import bootstrap_means, percentile_interval
from deltaclip.reader import Clip, read_moments, read_video

BANDS = 3

Json = dict[str, Any]
Scores = NDArray[np.float64]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--encoder", default="motion", help="motion encoder (default: the bundled one)")
    parser.add_argument("--segments", type=float, nargs="*", default=[2.5, 5.0], help="seconds (default: 2.5 5)")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    entries = json.loads((options.data / "captioned" / "captions.json").read_text("utf-8"))
    paths = [options.data / "captioned" / entry["file"] for entry in entries]
    texts = [text for entry in entries for text in entry["captions"]]
    owner = np.repeat(np.arange(len(entries)), [len(entry["captions"]) for entry in entries])
    looks, motion = RealEncoder(), MotionEncoder.load(options.encoder)
    clips = [read_video(path, looks.reader_spec) for path in paths]
    queries, _ = centred(looks.encode_texts(texts))
    videos, video_middle = centred(looks.encode_clips(clips))
    told: Json = {"clips": len(clips), "captions": len(texts), "motion_encoder": [motion.name, motion.fingerprint]}
    alone = queries.astype(np.float64) @ videos.astype(np.float64).T
    told |= with_motion(alone, queries, videos, owner, texts, clips, motion)
    told["segments"] = {
        f"{seconds:g} s": segments(paths, looks, queries, owner, video_middle, alone, seconds)
        for seconds in options.segments
    }
    told["relevance"] = relevance(alone, owner)
    print(json.dumps(told, indent=1))


def centred(rows: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Unit rows without their mean, and the mean."""
    middle = rows.mean(axis=0)
    return unit(rows - middle), middle


def figures(scores: Scores, owner: NDArray[np.int64]) -> Json:
    """R@1, R@5 and MRR of (Q, V) scores, with intervals."""
    ranks = own_ranks(scores, owner)
    values = {"R1": 100.0 * (ranks == 1), "R5": 100.0 * (ranks <= 5), "MRR": 1 / ranks}
    drawn = bootstrap_means(values, owner)
    pairs = {name: [round(each, 3) for each in percentile_interval(drawn[name])] for name in values}
    return {
        "captions": len(ranks),
        **{name: round(float(own_values.mean()), 3) for name, own_values in values.items()},
        "intervals": pairs,
    }


def own_ranks(scores: Scores, owner: NDArray[np.int64]) -> NDArray[np.int64]:
    own = scores[np.arange(len(scores)), owner]
    return np.asarray(np.count_nonzero(scores >= own[:, None], axis=1), np.int64)


def gain(scores: Scores, before: Scores, owner: NDArray[np.int64]) -> Json:
    """By how much R@1 of one ranking is above that of a different one, caption by caption."""
    first, second = (100.0 * (own_ranks(each, owner) == 1) for each in (scores, before))
    drawn = bootstrap_means({"R1": first - second}, owner)["R1"]
    return {
        "R1": round(float((first - second).mean()), 1),
        "interval": [round(each, 1) for each in percentile_interval(drawn)],
    }


def with_motion(
    alone: Scores,
    queries: NDArray[np.float32],
    videos: NDArray[np.float32],
    owner: NDArray[np.int64],
    texts: Sequence[str],
    clips: Sequence[Clip],
    motion: MotionEncoder,
) -> Json:
    moves = motion.encode_clips(clips)
    both, by_motion = np.empty_like(alone), np.full(alone.shape, np.nan)
    plain = np.empty_like(alone)
    weights = np.empty(len(texts))
    for row, text in enumerate(texts):
        question = motion.question(text)
        weights[row] = question.weight
        asked = AppearanceRows([videos], queries[row][None])
        plain[row] = scores_of(asked, None, len(clips))
        rows = None if question.vector is None else MotionRows([moves], question.vector[None], question.weight)
        both[row] = scores_of(asked, rows, len(clips))
        if question.vector is not None:
            by_motion[row] = moves.astype(np.float64) @ question.vector.astype(np.float64)
    has = ~np.isnan(by_motion).any(axis=1)
    return {
        "appearance": figures(plain, owner),
        "both": {**figures(both, owner), "gain": gain(both, plain, owner)},
        "with_words": {
            "appearance": figures(plain[has], owner[has]),
            "both": {**figures(both[has], owner[has]), "gain": gain(both[has], plain[has], owner[has])},
            "motion": figures(by_motion[has], owner[has]),
            "mean_weight": round(float(weights[has].mean()), 3),
        },
        "without_words": {"captions": int((~has).sum()), "unchanged": int((plain == both).all(axis=1)[~has].sum())},
    }


def scores_of(asked: AppearanceRows, rows: MotionRows | None, number: int) -> Scores:
    """The score of each of `number` moments, (number,), by the rule of the library."""
    ranked = nearest_by(asked, rows, number)
    scores = np.empty(number)
    scores[ranked.rows] = ranked.scores
    return scores


def segments(
    paths: Sequence[Path],
    looks: RealEncoder,
    queries: NDArray[np.float32],
    owner: NDArray[np.int64],
    middle: NDArray[np.float32],
    alone: Scores,
    seconds: float,
) -> Json:
    pieces = [list(read_moments(path, looks.reader_spec, seconds)) for path in paths]
    vectors = [unit(looks.encode_clips(own) - middle) for own in pieces]
    best = [(queries.astype(np.float64) @ own.astype(np.float64).T).max(axis=1) for own in vectors]
    scores = np.stack(best, axis=1)
    told = {"segments": sum(map(len, pieces)), **figures(scores, owner)}
    return {**told, "gain over one mean": gain(scores, alone, owner)}


def relevance(scores: Scores, owner: NDArray[np.int64]) -> Json:
    first = scores.argmax(axis=1)
    above = (scores.max(axis=1) - scores.mean(axis=1)) / scores.std(axis=1)
    bands: Json = {}
    for number, rows in enumerate(np.array_split(np.argsort(-above, kind="stable"), BANDS), 1):
        right = 100.0 * (first[rows] == owner[rows])
        drawn = bootstrap_means({"right": right}, owner[rows])["right"]
        bands[f"band {number}"] = {
            "above": [round(float(above[rows].min()), 2), round(float(above[rows].max()), 2)],
            "captions": len(rows),
            "right": round(float(right.mean()), 1),
            "interval": [round(each, 1) for each in percentile_interval(drawn)],
        }
    return bands


if __name__ == "__main__":
    main()
