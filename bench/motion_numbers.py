"""How well `subject` tells which way a subject moves: left or right against the background, DAVIS 2016.

    python bench/motion_numbers.py --data DIR [--json]

Measured: the mean of the sideways velocity times the soft mask as measured, over 12 uniform frames of a sequence.
True: Farneback flow from each of these frames to the next inside the true mask, less an affine field fitted to the
flow outside of it, median over the mask, then over the frames. Sequences whose subject truly moves by half a pixel a
native frame or less do not count. Also given: the correlation of both over these sequences. The same data give the
same figures.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from davis import NATIVE_RATE, Native, read_native, sample
from numpy.typing import NDArray

from deltaclip.motion import subject

LEAST_PIXELS = 0.5
"""Of the true motion, sideways, a native frame."""


def true_sideways(native: Native, num_frames: int = 12) -> float:
    """Pixels a native frame, to the right, of the subject against its background."""
    found = []
    for number in range(num_frames):
        at = min(int((number + 0.5) * len(native.rgb) / num_frames), len(native.rgb) - 2)
        inside = native.truth[at] > 0
        if not inside.any():
            continue
        now, other = (cv2.cvtColor(native.rgb[index], cv2.COLOR_RGB2GRAY) for index in (at, at + 1))
        flow = np.asarray(cv2.calcOpticalFlowFarneback(now, other, None, 0.5, 5, 21, 3, 7, 1.5, 0), np.float64)
        found.append(float(np.median((flow[..., 0] - background(flow[..., 0], inside))[inside])))
    return float(np.median(found))


def background(plane: NDArray[np.float64], inside: NDArray[np.bool_]) -> NDArray[np.float64]:
    """The affine field that fits `plane` best outside of a mask, by least squares in which outliers are left out."""
    y, x = np.mgrid[: plane.shape[0], : plane.shape[1]]
    basis = np.stack([np.ones(plane.size), x.ravel() / plane.shape[1], y.ravel() / plane.shape[0]], axis=1)
    used = np.flatnonzero(~cv2.dilate(inside.astype(np.uint8), np.ones((21, 21))).astype(bool).ravel())[::7]
    values = plane.ravel()
    fit = np.zeros(3)
    for _ in range(5):
        fit = np.linalg.lstsq(basis[used], values[used], rcond=None)[0]
        off = abs(values[used] - basis[used] @ fit)
        used = used[off <= max(3 * float(np.median(off)), 0.1)]
    return (basis @ fit).reshape(plane.shape)


def measured_sideways(native: Native) -> float:
    """Picture heights a second, to the right: mean over the picture of velocity times mask, over the clip."""
    clip = sample(native)
    motion = subject(clip.rgb, clip.before, clip.after, clip.step_seconds)
    assert motion.flow is not None
    weight = motion.measured * (motion.flow.confidence > 0)[:, None, None]
    field = motion.flow.velocity_at(*weight.shape[1:])[..., 0]
    return float((field * weight).sum() / max(float(weight.sum()), 1.0))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    rows: dict[str, dict[str, Any]] = {}
    for path in sorted(options.data.glob("*.mp4")):
        native = read_native(path)
        true, height = true_sideways(native), native.rgb[0].shape[0]
        found = measured_sideways(native)
        rows[native.name] = {
            "true": round(true * NATIVE_RATE / height, 3),
            "measured": round(found, 3),
            "counts": bool(abs(true) > LEAST_PIXELS),
            "right": bool(true * found > 0),
        }
    counted = [row for row in rows.values() if row["counts"]]
    both = np.array([[row["true"], row["measured"]] for row in counted])
    told = {
        "right": sum(row["right"] for row in counted),
        "of": len(counted),
        "correlation": round(float(np.corrcoef(both.T)[0, 1]), 3),
        "sequences": rows,
    }
    if options.json:
        print(json.dumps(told, indent=1))
        return
    print(f"right: {told['right']} of {told['of']}, correlation {told['correlation']}")
    print(f"{'heights a second':<20}{'true':>8}{'measured':>10}")
    for name, row in rows.items():
        words = ("" if row["right"] else "  wrong") if row["counts"] else "  hardly sideways"
        print(f"{name:<20}{row['true']:>8.3f}{row['measured']:>10.3f}{words}")


if __name__ == "__main__":
    main()
