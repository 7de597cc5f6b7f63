"""What each setting of the masks is worth: DAVIS 2016, one setting turned at a time, everything else as shipped.

    python bench/motion_sweeps.py --data DIR [--json] [--sweeps NAME ...]

threshold    of `difference`, grey levels
gap          native frames from a sampled frame to its neighbours
rate         frames a second that are left: every frame between is gone, for samples and neighbours alike
neighbours   both, or only the one after or before
flow         side of the picture that flow is measured on, in sides of the grid
passes       how often a network judges: once, with context, with context again (the same second network)
radius       of the guided upsampling in cells; 0 is bilinear
feed         what the model is fed: soft alpha, binary, lifted to a floor

The weights are the shipped ones, fitted at the shipped settings: one that wins here may win more with a new fit, and
one that loses a little might not lose. Milliseconds are CPU time, one run a clip, median over clips.
"""

import argparse
import json
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from importlib import import_module
from pathlib import Path
from unittest.mock import patch

import cv2
import numpy as np
from davis import DavisClip, read_davis
from numpy.typing import NDArray

from deltaclip.motion import Motion, MotionSpec, see
from deltaclip.motion.subject_mask.context import context
from deltaclip.motion.subject_mask.evidence import Appearance, evidence
from deltaclip.motion.subject_mask.neighbours import Residual
from deltaclip.motion.subject_mask.network import Networks
from motion import score, summary

Run = Callable[[DavisClip], Motion]
Setting = Callable[[float], AbstractContextManager[None]]
Row = dict[str, float]

WHOLE = import_module("deltaclip.motion.subject_mask.whole")
FLOW_ROOMS = [import_module(f"deltaclip.motion.{name}") for name in ("flow", "subject_mask.neighbours")]
"""Modules that read FLOW_SCALE."""


@contextmanager
def flow_scale(scale: float) -> Iterator[None]:
    with ExitStack() as stack:
        for room in FLOW_ROOMS:
            stack.enter_context(patch.object(room, "FLOW_SCALE", scale))
        yield


@contextmanager
def passes(rounds: float) -> Iterator[None]:
    """0: the first network alone. 2: the second network judges again from its own first answer."""

    def judged(motion: Residual, picture: Appearance, networks: Networks) -> NDArray[np.float32]:
        shape = motion.length.shape
        logit = networks.evidence.logit(evidence(motion, picture), shape)
        for _ in range(int(rounds)):
            logit = networks.context.logit(context(logit, WHOLE.sigmoid(logit), motion, picture), shape)
        return WHOLE.sigmoid(logit)

    with patch.object(WHOLE, "subject_probability", judged):
        yield


@contextmanager
def radius(cells: float) -> Iterator[None]:
    with patch.object(WHOLE, "UPSAMPLE_RADIUS", int(cells)):
        yield


def table(clips: list[DavisClip], run: Run) -> Row:
    measured = []
    for clip in clips:
        start = time.process_time()
        motion = run(clip)
        measured.append(score(motion, clip.truth, 1000 * (time.process_time() - start)))
    return summary(measured)


def mask(word: str, sides: str = "both") -> Run:
    def run(clip: DavisClip) -> Motion:
        none = [None] * len(clip.rgb)
        before = none if sides == "after" else clip.before
        after = none if sides == "before" else clip.after
        return see(MotionSpec.parse(word), clip.rgb, before, after, clip.step_seconds)

    return run


def threshold(folder: Path, clips: list[DavisClip]) -> dict[str, Row]:
    return {f"{tau:g}": table(clips, mask(f"difference:threshold={tau}")) for tau in (0, 12.5, 25, 50, 100)}


def gap(folder: Path, clips: list[DavisClip]) -> dict[str, Row]:
    return {f"{frames}": table(read_davis(folder, gap=frames), mask("subject")) for frames in (1, 2, 3)}


def rate(folder: Path, clips: list[DavisClip]) -> dict[str, Row]:
    return {
        f"{word} at {left}": table(read_davis(folder, rate=left), mask(word))
        for left in (24, 12, 8, 6, 5, 4, 3, 2, 1)
        for word in ("subject", "difference")
    }


def neighbours(folder: Path, clips: list[DavisClip]) -> dict[str, Row]:
    return {sides: table(clips, mask("subject", sides)) for sides in ("both", "after", "before")}


def turned(setting: Setting, values: tuple[float, ...], clips: list[DavisClip]) -> dict[str, Row]:
    rows = {}
    for value in values:
        with setting(value):
            rows[f"{value:g}"] = table(clips, mask("subject"))
    return rows


def feed(folder: Path, clips: list[DavisClip]) -> dict[str, Row]:
    words = ("subject", "subject:binary", "subject:floor=0.2", "subject:binary,floor=0.2")
    return {word: table(clips, mask(word)) for word in words}


SWEEPS: dict[str, Callable[[Path, list[DavisClip]], dict[str, Row]]] = {
    "threshold": threshold,
    "gap": gap,
    "rate": rate,
    "neighbours": neighbours,
    "flow": lambda folder, clips: turned(flow_scale, (1.6, 2.0, 2.4, 3.0), clips),
    "passes": lambda folder, clips: turned(passes, (0, 1, 2), clips),
    "radius": lambda folder, clips: turned(radius, (0, 1, 2, 3), clips),
    "feed": feed,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--sweeps", nargs="+", choices=SWEEPS, default=list(SWEEPS), help="default: all")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    clips = read_davis(options.data)
    told = {name: SWEEPS[name](options.data, clips) for name in options.sweeps}
    if options.json:
        print(json.dumps(told, indent=1))
        return
    for name, rows in told.items():
        print(f"{name:<26}{'IoU':>8}{'soft':>8}{'precision':>11}{'recall':>8}{'cover':>8}{'ms':>8}")
        for value, row in rows.items():
            figures = f"{row['iou']:>8.3f}{row['soft_iou']:>8.3f}{row['precision']:>11.3f}{row['recall']:>8.3f}"
            print(f"  {value:<24}{figures}{row['coverage']:>8.1%}{row['ms_per_clip']:>8.1f}")


if __name__ == "__main__":
    main()
