"""How well each motion mask finds the moving subject: DAVIS 2016, 12 uniform frames a clip.

    python bench/motion.py --data DIR [--json] [--networks FILE] [--gap N] [--rate N] [--runs N] [--checks]

DIR holds NAME.mp4 and NAME.npz (`bits`, `shape`). A frame that falls back counts with its mask of all ones. IoU,
precision, recall and coverage of what is fed above a half, and soft IoU of what is fed (sum of the smaller of alpha and
truth over sum of the larger), are means over a clip's frames, then over clips, with their standard errors. A clip's
camera is still, slow or moving by the speed of the background that our own fit measures, in pixels at 480 wide: below
1, below 3, or more. Milliseconds are CPU time of one core from decoded frames, the median of the runs, then of clips.
"""

import argparse
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from davis import NATIVE_RATE, DavisClip, read_davis
from numpy.typing import NDArray
from stills import STILLS, still_clip

from deltaclip.motion import MOTIONS, Motion, MotionSpec, see, subject
from deltaclip.motion.camera import camera_field, fit_camera
from deltaclip.motion.flow import dense_flow, flow_picture, grid_picture, grid_size, new_flow
from deltaclip.motion.subject_mask import networks_from_json
from deltaclip.motion.subject_mask.decision import CUT

MEASURES = ("iou", "soft_iou", "precision", "recall", "coverage")
CAMERAS = ("still", "slow", "moving")
STILL_BELOW, SLOW_BELOW = 1.0, 3.0
"""Pixels a frame at REFERENCE_WIDTH, median over the clip."""
REFERENCE_WIDTH = 480


@dataclass(frozen=True)
class Measured:
    """One clip under one mask: the measures, milliseconds, and how many frames fell back for which reason."""

    iou: float
    soft_iou: float
    precision: float
    recall: float
    coverage: float
    ms: float
    fallbacks: dict[str, int]


def measure(clip: DavisClip, name: str, runs: int, networks: str | None) -> Measured:
    """Compare what is fed with the truth."""
    taken, motion = [], None
    for _ in range(runs):
        start = time.process_time()
        motion = run_mask(clip, name, networks)
        taken.append(time.process_time() - start)
    return score(motion, clip.truth, 1000 * float(np.median(taken)))


def score(motion: Motion, true: NDArray[np.bool_], ms: float) -> Measured:
    """The measures of one clip. true: (T, H, W)."""
    fed = motion.alpha > 0.5
    shared, mask, truth = (each.sum((1, 2)) for each in (fed & true, fed, true))
    smaller, larger = (each(motion.alpha, true).sum((1, 2)) for each in (np.minimum, np.maximum))
    return Measured(
        iou=float(np.mean(shared / np.maximum(mask + truth - shared, 1))),
        soft_iou=float(np.mean(smaller / np.maximum(larger, 1))),
        precision=float(np.mean(shared / np.maximum(mask, 1))),
        recall=float(np.mean(shared / np.maximum(truth, 1))),
        coverage=float(fed.mean()),
        ms=ms,
        fallbacks={str(reason): motion.fallback.count(reason) for reason in set(motion.fallback) - {None}},
    )


def run_mask(clip: DavisClip, name: str, networks: str | None) -> Motion:
    if name == "subject" and networks is not None:
        return subject(clip.rgb, clip.before, clip.after, clip.step_seconds, networks_from_json(networks))
    return see(MotionSpec.parse(name), clip.rgb, clip.before, clip.after, clip.step_seconds)


def camera_speed(clip: DavisClip) -> float:
    """Median over the frames of the background's mean speed, pixels a frame at REFERENCE_WIDTH."""
    grid = grid_size(*clip.rgb.shape[1:3])
    flow = new_flow()
    pairs = [(now, after) for now, after in zip(clip.rgb, clip.after, strict=True) if after is not None]
    small = [[grid_picture(flow_picture(frame, grid), grid) for frame in pair] for pair in pairs]
    fields = [dense_flow(flow, now, after) for now, after in small]
    background = camera_field(fit_camera(np.stack(fields))[0], *grid)
    return float(np.median(np.hypot(background[..., 0], background[..., 1]).mean((1, 2)))) * REFERENCE_WIDTH / grid[1]


def camera_kind(speed: float) -> str:
    return CAMERAS[0] if speed < STILL_BELOW else CAMERAS[1] if speed < SLOW_BELOW else CAMERAS[2]


def summary(measured: list[Measured]) -> dict[str, float]:
    """Means of the measures over clips, their standard errors, and the median of milliseconds."""
    table: dict[str, float] = {}
    for name in MEASURES:
        values = np.array([getattr(clip, name) for clip in measured])
        table[name] = round(float(values.mean()), 4)
        error = values.std(ddof=1) / len(values) ** 0.5 if len(values) > 1 else 0.0
        table[f"{name}_se"] = round(float(error), 4)
    table["ms_per_clip"] = round(float(np.median([clip.ms for clip in measured])), 2)
    return table


def document(clips: list[DavisClip], names: list[str], runs: int, networks: str | None) -> dict[str, Any]:
    """Everything that is measured: means of each mask, the same by camera, and each clip."""
    speeds = {clip.name: camera_speed(clip) for clip in clips}
    kinds = {name: camera_kind(speed) for name, speed in speeds.items()}
    all_of = {name: {clip.name: measure(clip, name, runs, networks) for clip in clips} for name in names}
    masks = {}
    for name, measured in all_of.items():
        masks[name] = summary(list(measured.values()))
        by_camera = {kind: [each for clip, each in measured.items() if kinds[clip] == kind] for kind in CAMERAS}
        masks[name]["by_camera"] = {
            kind: {"clips": len(some), **summary(some)} for kind, some in by_camera.items() if some
        }
    each = {
        clip.name: {
            "camera_px": round(speeds[clip.name], 2),
            "camera": kinds[clip.name],
            "true_coverage": round(float(clip.truth.mean()), 4),
            "iou": {name: round(all_of[name][clip.name].iou, 4) for name in names},
            "fallbacks": {name: all_of[name][clip.name].fallbacks for name in names},
        }
        for clip in clips
    }
    return {"masks": masks, "clips": each}


def checks(clips: list[DavisClip], networks: str | None) -> dict[str, Any]:
    """Where `subject` must not find anything: still pictures of each kind, and frames between two cuts."""
    table: dict[str, Any] = {}
    for kind in STILLS:
        kept: list[float] = []
        for seed, clip in enumerate(clips):
            now, before, after = still_clip(clip.rgb[6], kind, 100 + seed)
            own = networks and networks_from_json(networks)
            motion = subject(now, list(before), list(after), clip.step_seconds, own)
            kept += [c for c, reason in zip(motion.coverage, motion.fallback, strict=True) if reason is None]
        largest = round(float(max(kept, default=0.0)), 4)
        above = sum(bool(c > 0.02) for c in kept)
        table[kind] = {"frames": 12 * len(clips), "kept": len(kept), "above_2_percent": above, "largest": largest}
    found = false = 0
    for clip, other in zip(clips, clips[1:] + clips[:1], strict=True):
        side = (clip.rgb.shape[2], clip.rgb.shape[1])
        stranger = np.asarray(cv2.resize(other.rgb[3], side), np.uint8)
        cut = [[*frames[:5], stranger, *frames[6:]] for frames in (clip.before, clip.after)]
        found += subject(clip.rgb, *cut, clip.step_seconds).fallback[5] == CUT
        false += subject(clip.rgb, clip.before, clip.after, clip.step_seconds).fallback.count(CUT)
    return {"stills": table, "cuts": {"found": found, "of": len(clips), "false": false, "in_frames": 12 * len(clips)}}


def show(told: dict[str, Any]) -> None:
    """The same as tables for people."""
    print(
        f"{'mask':<26}{'IoU':>16}{'soft':>7}{'precision':>11}{'recall':>8}{'cover':>8}{'ms':>8}"
        + "".join(f"{kind:>9}" for kind in CAMERAS)
    )
    for name, row in told["masks"].items():
        figures = f"{row['precision']:>11.3f}{row['recall']:>8.3f}{row['coverage']:>8.1%}{row['ms_per_clip']:>8.1f}"
        cameras = "".join(f"{row['by_camera'].get(kind, {}).get('iou', float('nan')):>9.3f}" for kind in CAMERAS)
        print(f"{name:<26}{row['iou']:>8.3f} +-{row['iou_se']:.3f}{row['soft_iou']:>7.3f}{figures}{cameras}")
    print()
    for name, clip in told["clips"].items():
        ious = "  ".join(f"{mask} {iou:.3f}" for mask, iou in clip["iou"].items())
        print(f"{name:<20}{clip['camera']:<8}{clip['camera_px']:>6.1f} px  {ious}")
    if "checks" in told:
        print(json.dumps(told["checks"], indent=1))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument(
        "--masks", nargs="+", default=list(MOTIONS), help="names, also with options as difference:threshold=12.5"
    )
    parser.add_argument("--gap", type=int, default=1, help="native frames between a frame and its neighbours")
    parser.add_argument(
        "--rate", type=float, default=NATIVE_RATE, help="frames a second to thin to first (default %(default)s)"
    )
    parser.add_argument("--runs", type=int, default=3, help="for the milliseconds (default %(default)s)")
    parser.add_argument("--networks", type=Path, help="a weights file for `subject` in place of the shipped one")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--checks", action="store_true", help="also still pictures and cuts, for `subject`")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    networks = None if options.networks is None else options.networks.read_text("utf-8")
    clips = read_davis(options.data, gap=options.gap, rate=options.rate)
    told = document(clips, options.masks, options.runs, networks)
    if options.checks:
        told["checks"] = checks(clips, networks)
    if options.json:
        print(json.dumps(told, indent=1))
    else:
        show(told)


if __name__ == "__main__":
    main()
