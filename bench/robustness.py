"""How the masks bear noise, flicker, pan, shake and compression at growing strength: DAVIS 2016.

    python bench/robustness.py --data DIR --png docs/images/robustness.png [--json]

Whole sequences are disturbed at their own 480 pixels and rate, then sampled as in bench/motion.py, so that frames and
neighbours go through the same disturbance and the truth moves with the picture.

noise    fresh grey noise a channel, standard deviation in grey levels of 255
flicker  brightness times 1 + strength x sin(2.1 n) at native frame n
pan      a window of three quarters of the sides goes to and fro sideways, pixels of the sequence a native frame
shake    the same window at a random place each native frame, standard deviation in pixels
crf      written again as H.264 at 24 frames a second with this quality

Pan and shake at 0 show the same window at rest: compare with that, not with the whole picture. Frames whose truth fills
less than 0.2 % of the window are left out (their number is told). IoU of what is fed above a half, mean over frames,
then over clips, with its standard error; what falls back counts with its mask of all ones.
"""

import argparse
import json
import tempfile
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import av
import cv2
import numpy as np
from davis import DavisClip, Native, read_native, sample
from matplotlib.figure import Figure
from numpy.typing import NDArray

from deltaclip.motion import MotionSpec, see
from deltaclip.video import write_mp4

STRENGTHS: dict[str, tuple[float, ...]] = {
    "noise": (0, 2, 4, 8, 16),
    "flicker": (0, 0.05, 0.1, 0.2, 0.3),
    "pan": (0, 1, 2, 4, 8),
    "shake": (0, 1, 2, 4),
    "crf": (18, 28, 35, 42),
}
LABELS = {
    "noise": "noise: deviation, grey levels",
    "flicker": "flicker: change of brightness",
    "pan": "added pan, pixels a frame",
    "shake": "shake: deviation, pixels",
    "crf": "compression: H.264 CRF",
}
MASKS = ("subject", "difference")
COLOURS = {"subject": "#0b6e99", "difference": "#b3541e"}
WINDOW = 0.75
SMALLEST_TRUTH = 0.002
FRAMES_PER_SECOND = 24

Bytes = NDArray[np.uint8]
Row = dict[str, dict[str, float]]


def noise(native: Native, deviation: float, random: np.random.Generator) -> Native:
    def noisy(frame: Bytes) -> Bytes:
        grain = np.float32(deviation) * random.standard_normal(frame.shape, np.float32)
        return np.clip(np.round(frame + grain), 0, 255).astype(np.uint8)

    return Native(native.name, [noisy(frame) for frame in native.rgb], native.truth)


def flicker(native: Native, change: float, random: np.random.Generator) -> Native:
    lit = [
        np.clip(np.round(frame * np.float32(1 + change * np.sin(2.1 * number))), 0, 255).astype(np.uint8)
        for number, frame in enumerate(native.rgb)
    ]
    return Native(native.name, lit, native.truth)


def pan(native: Native, speed: float, random: np.random.Generator) -> Native:
    """From the middle to the right end, then to the left end, and so on, at one speed."""
    reach = native.rgb[0].shape[1] * (1 - WINDOW) / 2 - 1
    way = speed * np.arange(len(native.rgb))
    right = reach - np.abs((way + reach) % (4 * reach) - 2 * reach)
    return windowed(native, np.stack([right, 0 * right], 1))


def shake(native: Native, deviation: float, random: np.random.Generator) -> Native:
    height, width = native.rgb[0].shape[:2]
    ends = np.array((width, height)) * (1 - WINDOW) / 2 - 1
    places = random.normal(0, 1, (len(native.rgb), 2)) * deviation
    return windowed(native, np.clip(places, -ends, ends))


def windowed(native: Native, places: NDArray[np.float64]) -> Native:
    """What a window sees whose middle is off the picture's by `places` (N, 2), pixels right and down."""
    height, width = native.rgb[0].shape[:2]
    size = round(width * WINDOW), round(height * WINDOW)
    centres = [((width - 1) / 2 + right, (height - 1) / 2 + down) for right, down in places.tolist()]
    rgb = [cv2.getRectSubPix(frame, size, centre) for frame, centre in zip(native.rgb, centres, strict=True)]
    truth = [
        cv2.getRectSubPix(255 * mask, size, centre) > 127 for mask, centre in zip(native.truth, centres, strict=True)
    ]
    return Native(native.name, [np.asarray(frame, np.uint8) for frame in rgb], np.stack(truth).astype(np.uint8))


def crf(native: Native, quality: float, random: np.random.Generator) -> Native:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip.mp4"
        write_mp4(path, np.stack(native.rgb), FRAMES_PER_SECOND, int(quality))
        with av.open(str(path)) as container:
            read = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    height, width = native.rgb[0].shape[:2]
    return Native(native.name, [frame[:height, :width] for frame in read], native.truth)


DISTURBANCES: dict[str, Callable[[Native, float, np.random.Generator], Native]] = {
    "noise": noise,
    "flicker": flicker,
    "pan": pan,
    "shake": shake,
    "crf": crf,
}


def iou(clip: DavisClip, mask: str) -> tuple[float, int]:
    """Of the frames that show the subject, and how many were left out; NaN where none does."""
    motion = see(MotionSpec.parse(mask), clip.rgb, clip.before, clip.after, clip.step_seconds)
    shown = clip.truth.mean((1, 2)) >= SMALLEST_TRUTH
    fed = motion.alpha > 0.5
    each = (fed & clip.truth).sum((1, 2)) / np.maximum((fed | clip.truth).sum((1, 2)), 1)
    return float(each[shown].mean()) if shown.any() else float("nan"), int((~shown).sum())


def measure(path: Path, kinds: list[str]) -> dict[str, dict[str, tuple[float, int]]]:
    """One sequence: "kind strength" -> mask -> IoU and frames left out."""
    cv2.setNumThreads(1)
    native = read_native(path)
    told = {}
    for kind in kinds:
        for strength in STRENGTHS[kind]:
            disturbed = DISTURBANCES[kind](native, strength, np.random.default_rng(0))
            clip = sample(disturbed)
            told[f"{kind} {strength:g}"] = {mask: iou(clip, mask) for mask in MASKS}
    return told


def document(folder: Path, kinds: list[str]) -> dict[str, dict[str, Row]]:
    """kind -> strength -> mask -> IoU, its standard error, clips, frames left out."""
    with ProcessPoolExecutor(2) as pool:
        clips = list(pool.map(partial(measure, kinds=kinds), sorted(folder.glob("*.mp4"))))
    told: dict[str, dict[str, Row]] = {}
    for kind in kinds:
        told[kind] = {}
        for strength in STRENGTHS[kind]:
            row: Row = {}
            for mask in MASKS:
                found = [clip[f"{kind} {strength:g}"][mask] for clip in clips]
                values = np.array([value for value, _ in found if value == value])
                error = values.std(ddof=1) / len(values) ** 0.5
                row[mask] = {
                    "iou": round(float(values.mean()), 4),
                    "iou_se": round(float(error), 4),
                    "clips": len(values),
                    "frames_left_out": sum(left for _, left in found),
                }
            told[kind][f"{strength:g}"] = row
    return told


def draw(told: dict[str, dict[str, Row]], path: Path) -> None:
    """One panel a disturbance: IoU over its strength, a band of one standard error."""
    figure = Figure(figsize=(2.6 * len(told), 2.7))
    panels = figure.subplots(1, len(told), sharey=True, squeeze=False)
    for panel, (kind, rows) in zip(panels[0], told.items(), strict=True):
        strengths = [float(strength) for strength in rows]
        for mask in MASKS:
            mean = np.array([row[mask]["iou"] for row in rows.values()])
            error = np.array([row[mask]["iou_se"] for row in rows.values()])
            panel.plot(strengths, mean, "o-", color=COLOURS[mask], markersize=3.5, label=mask)
            panel.fill_between(strengths, mean - error, mean + error, color=COLOURS[mask], alpha=0.15, linewidth=0)
        panel.set_xlabel(LABELS[kind], fontsize=8)
        panel.set_ylim(0, 0.8)
        panel.tick_params(labelsize=8)
        panel.grid(alpha=0.25)
        panel.spines[["top", "right"]].set_visible(False)
    panels[0, 0].set_ylabel("IoU with the true mask", fontsize=8)
    panels[0, 0].legend(frameon=False, fontsize=8)
    figure.tight_layout()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110, metadata={"Software": None})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--kinds", nargs="+", choices=STRENGTHS, default=list(STRENGTHS), help="default: all")
    parser.add_argument("--png", type=Path, help="draw the curves here")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    told = document(options.data, options.kinds)
    if options.png:
        draw(told, options.png)
    if options.json:
        print(json.dumps(told, indent=1))
        return
    for kind, rows in told.items():
        print(f"{kind:<10}" + "".join(f"{mask:>22}" for mask in MASKS) + "   frames left out")
        for strength, row in rows.items():
            figures = "".join(f"{row[mask]['iou']:>14.3f} +-{row[mask]['iou_se']:.3f}" for mask in MASKS)
            print(f"  {strength:<8}{figures}{row[MASKS[0]]['frames_left_out']:>10.0f}")


if __name__ == "__main__":
    main()
