"""Fits the two small networks of `subject` and writes the weights file.

    python -m lab.fit_subject --out FILE                     on drawn clips: what the package ships
    python -m lab.fit_subject --davis DIR --out FILE         on DAVIS 2016, for those who have it (CC BY-NC 4.0)
    python -m lab.fit_subject --davis DIR --folds            and print held-out folds

The second network learns from answers of first networks that had not seen the clip (five folds), so that it does not
learn to trust a first answer that is too good.
"""

import argparse
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from bench.davis import read_davis
from bench.stills import STILLS, still_clip
from lab.draw_subjects import draw_clip
from numpy.typing import NDArray

from deltaclip.motion.flow import shrink
from deltaclip.motion.subject_mask import Network, Networks, networks_to_json
from deltaclip.motion.subject_mask.context import context
from deltaclip.motion.subject_mask.evidence import Appearance, evidence
from deltaclip.motion.subject_mask.neighbours import Neighbours, Residual
from deltaclip.motion.subject_mask.whole import judge, measure, sigmoid

__all__ = ["Seen", "fit", "see", "train"]

FOLDS = 5
HIDDEN = 16
ROUNDS = 60
RATE = 0.01
DECAY = 1e-3
CLIPS_A_STEP = 3
EVERY = 3
"""Of the cells only every third, both ways, from a random start, are looked at in a step."""
LOG_LOSS = 0.3
"""Weight of the balanced log loss beside 1 - soft Jaccard."""

FIRST_STILL = 100_000
"""Seed of the first picture that is shown as a still: far from the clips."""

Floats = NDArray[np.float32]
Maps = dict[str, Floats]


@dataclass(frozen=True)
class Seen:
    """A clip as the networks see it. mask: the true one; truth (K, h, w): share of each cell that it holds."""

    rgb: NDArray[np.uint8]
    mask: NDArray[np.bool_]
    motion: Residual
    picture: Appearance
    truth: Floats


def see(rgb: NDArray[np.uint8], before: Neighbours, after: Neighbours, truth: NDArray[np.bool_]) -> Seen:
    """Everything up to the networks, and the truth on the grid."""
    motion, picture = measure(rgb, before, after)
    grid = motion.length.shape[1:]
    return Seen(rgb, truth, motion, picture, np.stack([shrink(frame.astype(np.float32), grid) for frame in truth]))


def see_drawn(seed: int) -> Seen:
    clip = draw_clip(seed)
    return see(clip.rgb, list(clip.before), list(clip.after), clip.truth)


def see_still(picture: NDArray[np.uint8], kind: str, seed: int) -> Seen:
    now, before, after = still_clip(picture, kind, seed)
    return see(now, list(before), list(after), np.zeros(now.shape[:3], np.bool_))


def see_drawn_still(seed: int) -> Seen:
    return see_still(draw_clip(seed).rgb[6], STILLS[seed % len(STILLS)], seed)


def stacked(maps: Maps, shape: tuple[int, ...]) -> Floats:
    """(F, K, h, w) float32, in the order of the names."""
    return np.stack([np.broadcast_to(each, shape) for each in maps.values()]).astype(np.float32)


def first_numbers(seen: Seen) -> Maps:
    return evidence(seen.motion, seen.picture)


def second_numbers(seen: Seen, logit: Floats) -> Maps:
    return context(logit, sigmoid(logit), seen.motion, seen.picture)


def train(names: Sequence[str], numbers: list[Floats], truths: list[Floats], seed: int = 0) -> Network:
    """One network by Adam. numbers: (F, K, h, w) a clip; truths: (K, h, w) a clip."""
    random = np.random.default_rng(seed)
    mean = np.mean([clip.reshape(len(names), -1).mean(1) for clip in numbers], 0)
    square = np.mean([((clip.reshape(len(names), -1) - mean[:, None]) ** 2).mean(1) for clip in numbers], 0)
    deviation = (np.sqrt(square) + 1e-3).astype(np.float32)
    weights = first_weights(random, len(names))
    moments = [[0 * each for each in weights] for _ in range(2)]
    step = 0
    for number in range(ROUNDS):
        order = random.permutation(len(numbers))
        for first in range(0, len(order), CLIPS_A_STEP):
            slope = [0 * each for each in weights]
            for index in order[first : first + CLIPS_A_STEP]:
                down, right = random.integers(EVERY, size=2)
                cut = (..., slice(down, None, EVERY), slice(right, None, EVERY))
                part = numbers[index][cut].reshape(len(names), -1)
                inputs = np.clip((part - mean[:, None]) / deviation[:, None], -6, 6).astype(np.float32)
                truth = truths[index][cut].reshape(len(truths[index]), -1)
                slope = [a + b for a, b in zip(slope, gradients(weights, inputs, truth), strict=True)]
            step += 1
            rate = RATE * min(1, step / 20) * (0.5 * (1 + np.cos(np.pi * number / ROUNDS)) + 0.02)
            weights = adam(weights, slope, moments, step, rate)
    return Network(tuple(names), mean.astype(np.float32), deviation, *weights)


def first_weights(random: np.random.Generator, count: int) -> list[Floats]:
    hidden = random.standard_normal((count, HIDDEN)) / count**0.5
    output = random.standard_normal(HIDDEN) / HIDDEN**0.5 * 0.5
    return [each.astype(np.float32) for each in (hidden, np.zeros(HIDDEN), output, np.full(1, -2.0))]


def gradients(weights: list[Floats], inputs: Floats, truth: Floats) -> list[Floats]:
    """Of 1 - soft Jaccard a frame plus LOG_LOSS of a log loss balanced by the share of subject, for one clip."""
    hidden, hidden_bias, output, output_bias = weights
    units = np.maximum(hidden.T @ inputs + hidden_bias[:, None], 0)
    chance = sigmoid(output @ units + output_bias).reshape(truth.shape)
    shared = (chance * truth).sum(1, keepdims=True)
    both = chance.sum(1, keepdims=True) + truth.sum(1, keepdims=True) - shared + 5
    slope = -(truth * both - shared * (1 - truth)) / both**2 / len(truth) * chance * (1 - chance)
    balance = np.maximum(truth.mean(1, keepdims=True), 0.01) * truth.size * 4
    flat = (slope + LOG_LOSS * (chance - truth) / balance).reshape(-1).astype(np.float32)
    back = output[:, None] * flat * (units > 0)
    return [inputs @ back.T, back.sum(1), units @ flat, flat.sum(keepdims=True)]


def adam(
    weights: list[Floats], slope: list[Floats], moments: list[list[Floats]], step: int, rate: float
) -> list[Floats]:
    moved = []
    for index, weight in enumerate(weights):
        down = slope[index] / CLIPS_A_STEP + (DECAY * weight if index % 2 == 0 else 0)
        moments[0][index] = 0.9 * moments[0][index] + 0.1 * down
        moments[1][index] = 0.99 * moments[1][index] + 0.01 * down * down
        mean, square = moments[0][index] / (1 - 0.9**step), moments[1][index] / (1 - 0.99**step)
        moved.append((weight - rate * mean / (np.sqrt(square) + 1e-8)).astype(np.float32))
    return moved


def folds(count: int) -> list[list[int]]:
    return [list(range(first, count, FOLDS)) for first in range(FOLDS)]


def cross(maps: list[Maps], truths: list[Floats]) -> tuple[list[Network], list[Floats]]:
    """A network for each fold, fitted without it, and each clip's logit by the network that had not seen it."""
    names = list(maps[0])
    numbers = [stacked(each, truth.shape) for each, truth in zip(maps, truths, strict=True)]
    networks, logits = [], [np.zeros(0, np.float32)] * len(maps)
    for left_out in folds(len(maps)):
        kept = [index for index in range(len(maps)) if index not in left_out]
        networks.append(train(names, [numbers[i] for i in kept], [truths[i] for i in kept]))
        for index in left_out:
            logits[index] = networks[-1].logit(maps[index], truths[index].shape)
    return networks, logits


def whole(maps: list[Maps], truths: list[Floats]) -> Network:
    numbers = [stacked(each, truth.shape) for each, truth in zip(maps, truths, strict=True)]
    return train(list(maps[0]), numbers, truths)


def fit(seen: list[Seen], with_folds: bool = False) -> tuple[Networks, list[Networks]]:
    """Networks on all clips, and for each fold those that had not seen it (empty without `with_folds`)."""
    truths = [clip.truth for clip in seen]
    first = [first_numbers(clip) for clip in seen]
    first_folds, logits = cross(first, truths)
    second = [second_numbers(clip, logit) for clip, logit in zip(seen, logits, strict=True)]
    final = Networks(whole(first, truths), whole(second, truths))
    if not with_folds:
        return final, []
    second_folds, _ = cross(second, truths)
    return final, [Networks(*pair) for pair in zip(first_folds, second_folds, strict=True)]


def measures(networks: Networks, clip: Seen) -> NDArray[np.float64]:
    """Mean IoU, precision and recall of what is fed, over the frames that hold a subject: (3,)."""
    kept = clip.mask.any((1, 2))
    fed = (judge(clip.rgb, clip.motion, clip.picture, networks).alpha > 0.5)[kept]
    true = clip.mask[kept]
    shared = (fed & true).sum((1, 2))
    each = [shared / np.maximum(of.sum((1, 2)), 1) for of in (fed | true, fed, true)]
    return np.mean(each, axis=1)


def stills_kept(networks: Networks, clip: Seen) -> list[float]:
    """Coverage of the masks that a still picture keeps, where all should fall back."""
    motion = judge(clip.rgb, clip.motion, clip.picture, networks)
    return [share for share, reason in zip(motion.coverage, motion.fallback, strict=True) if reason is None]


def see_davis(folder: Path) -> list[Seen]:
    """The sequences of a folder and five still pictures, one of each kind."""
    clips = read_davis(folder)
    seen = [see(clip.rgb, clip.before, clip.after, clip.truth) for clip in clips]
    return seen + [see_still(clips[5 * i % len(clips)].rgb[6], kind, i) for i, kind in enumerate(STILLS)]


def see_all_drawn(count: int) -> list[Seen]:
    """`count` drawn clips and a tenth as many still pictures of others."""
    with ProcessPoolExecutor() as pool:
        clips = list(pool.map(see_drawn, range(count), chunksize=4))
        return clips + list(pool.map(see_drawn_still, range(FIRST_STILL, FIRST_STILL + count // 10), chunksize=2))


def report(name: str, networks_of: Callable[[int], Networks], seen: list[Seen]) -> None:
    """Print IoU, precision and recall of clips with a subject, and what clips without one keep."""
    found = np.stack([measures(networks_of(index), clip) for index, clip in enumerate(seen) if clip.mask.any()])
    overlap, precision, recall = found.mean(0)
    kept = [stills_kept(networks_of(index), clip) for index, clip in enumerate(seen) if not clip.mask.any()]
    wrong = [share for clip in kept for share in clip]
    error = found[:, 0].std(ddof=1) / len(found) ** 0.5
    print(
        f"{name}: IoU {overlap:.4f} +- {error:.4f}, P {precision:.4f}, R {recall:.4f} on {len(found)} clips; "
        f"of {len(kept)} clips without a subject"
    )
    print(f"  {len(wrong)} frames keep a mask, {sum(share > 0.02 for share in wrong)} of them above 2 %")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--davis", type=Path, help="fit on this folder instead of drawn clips")
    parser.add_argument("--clips", type=int, default=400, help="drawn clips (default %(default)s)")
    parser.add_argument(
        "--folds", action="store_true", help="also measure each clip with networks that had not seen it"
    )
    parser.add_argument("--out", type=Path, help="write the weights file here")
    options = parser.parse_args()
    seen = see_davis(options.davis) if options.davis else see_all_drawn(options.clips)
    final, held_out = fit(seen, options.folds)
    report("fitted", lambda index: final, seen)
    if held_out:
        report("held-out folds", lambda index: held_out[index % FOLDS], seen)
    if options.out:
        source = "DAVIS 2016 (CC BY-NC 4.0)" if options.davis else f"drawn clips 0 to {options.clips - 1}"
        options.out.write_text(networks_to_json(final, recipe(source)), "utf-8")


def recipe(source: str) -> dict[str, str | int | float]:
    """How the weights were made, for the weights file."""
    return {
        "made by": "python -m lab.fit_subject",
        "fitted on": source,
        "hidden units": HIDDEN,
        "rounds": ROUNDS,
        "rate": RATE,
        "decay": DECAY,
        "log loss": LOG_LOSS,
    }


if __name__ == "__main__":
    main()
