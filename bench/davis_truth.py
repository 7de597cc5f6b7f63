"""What truly moves in a sequence of DAVIS 2016, by a second flow and the true masks: the subject, and the camera.

Farneback's dense flow between native neighbours, not ours; an affine motion fitted to it outside of the true mask is
the background; what is left inside the mask is the subject's.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from davis import NATIVE_RATE, Native
from numpy.typing import NDArray

__all__ = ["Truth", "true_motion"]

PAIRS = 24
"""Pairs of native neighbours that are looked at, at equal spans."""
MARGIN = 9
"""Pixels around the mask that belong to neither side: flow leaks over edges."""
FIT_ROUNDS = 4


@dataclass(frozen=True)
class Truth:
    """Medians over a sequence.

    right, down: of the subject against its background, pixels a native frame. pan, tilt: of the camera, picture heights
    a second, right and up. zoom: natural logarithm of size a second, in.
    """

    right: float
    down: float
    pan: float
    tilt: float
    zoom: float


def true_motion(native: Native) -> Truth:
    """By the rule above, at the size of the file."""
    at = np.unique(np.linspace(0, len(native.rgb) - 2, PAIRS).astype(int))
    rows = [row for index in at if (row := _pair(native, int(index))) is not None]
    height = native.rgb[0].shape[0]
    right, down, shift_x, shift_y, growth = np.median(rows, axis=0).tolist()
    per_second = NATIVE_RATE / height
    return Truth(right, down, -shift_x * per_second, shift_y * per_second, growth * NATIVE_RATE)


def _pair(native: Native, index: int) -> tuple[float, ...] | None:
    """Subject right and down, background right and down at the middle, growth of the background; None without both."""
    grey = [cv2.cvtColor(native.rgb[number], cv2.COLOR_RGB2GRAY) for number in (index, index + 1)]
    flow = cv2.calcOpticalFlowFarneback(grey[0], grey[1], None, 0.5, 5, 21, 5, 7, 1.5, 0)  # type: ignore[call-overload]
    mask = native.truth[index].astype(np.uint8)
    kernel = np.ones((2 * MARGIN + 1,) * 2, np.uint8)
    outside = cv2.dilate(mask, kernel) == 0
    if mask.sum() < 50 or outside.sum() < mask.size // 10:
        return None
    y, x = np.indices(mask.shape, np.float64)
    basis = np.stack([np.ones_like(x), x - x.mean(), y - y.mean()], axis=-1)
    fit = _affine(basis[outside], flow[outside].astype(np.float64))
    rest = flow[mask > 0] - basis[mask > 0] @ fit
    right, down = np.median(rest, axis=0)
    return float(right), float(down), *fit[0].tolist(), float((fit[1, 0] + fit[2, 1]) / 2)


def _affine(basis: NDArray[np.float64], flow: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N, 3) and (N, 2) -> (3, 2), least squares; each round leaves out what is farther off than twice the median."""
    kept = np.ones(len(flow), bool)
    fit = np.zeros((3, 2))
    for _ in range(FIT_ROUNDS):
        fit = np.linalg.lstsq(basis[kept], flow[kept], rcond=None)[0]
        off = np.linalg.norm(flow - basis @ fit, axis=1)
        kept = off <= max(2 * float(np.median(off)), 0.1)
    return fit
