"""What moves in a moment as lines and numbers, small enough to be sent and drawn over the playing video."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from deltaclip.motion import Flow, Motion, MotionSpec
from deltaclip.reader import read_moment_motion

__all__ = ["MOST_OUTLINED", "Outlines", "trace_outlines"]

MOST_OUTLINED = 120
"""Frames of one call: 24 s at five a second."""
LEAST_AREA = 0.0005
"""Share of the picture below which a piece of a mask is a speck."""
TOLERANCE = 0.008
"""Picture heights by which a simplified line may be off: two pixels of those on which motion is measured."""
DIGITS = 3
"""Of a number: a pixel of 1000."""


@dataclass(frozen=True, slots=True, repr=False)
class Outlines:
    """What moves in T frames of a moment.

    seconds: (T,) when, on a player's clock of the file; each holds until half way to the next. polygons: of each frame
    the closed lines around what moves, each (x, y) points in 0..1 of the upright picture, right and down; a hole is a
    line of its own, so they are to be filled by the even-odd rule. arrows: of each frame (x, y, u, v): the middle of
    what moves, in 0..1, and its mean velocity against the background in picture heights a second, right and down; None
    if it is not known. cameras: pan, tilt, zoom and roll as in `motion.Flow`, None if not known. coverage: share 0..1
    of each frame that moves. fallback: why a frame has no mask, or None; such a frame has no polygons.
    """

    seconds: tuple[float, ...]
    polygons: tuple[tuple[tuple[tuple[float, float], ...], ...], ...]
    arrows: tuple[tuple[float, float, float, float] | None, ...]
    cameras: tuple[tuple[float, float, float, float] | None, ...]
    coverage: tuple[float, ...]
    fallback: tuple[str | None, ...]

    def __repr__(self) -> str:
        return f"Outlines({len(self.seconds)} frames, {sum(map(len, self.polygons))} polygons)"


def trace_outlines(path: Path, start: float, end: float, motion: MotionSpec, num_frames: int) -> Outlines:
    """Of frames at the middles of equal spans of start <= second < end. Raises VideoError."""
    frames, measured = read_moment_motion(path, start, end, motion, num_frames)
    kept = [reason is None for reason in measured.fallback]
    return Outlines(
        seconds=tuple(frames.seconds.round(DIGITS).tolist()),
        polygons=tuple(_polygons(mask) if keep else () for mask, keep in zip(measured.measured, kept, strict=True)),
        arrows=_arrows(measured, kept),
        cameras=_cameras(measured.flow, len(kept)),
        coverage=tuple(measured.coverage.round(DIGITS).tolist()),
        fallback=measured.fallback,
    )


def _polygons(mask: NDArray[np.float32]) -> tuple[tuple[tuple[float, float], ...], ...]:
    """The lines around mask >= 0.5, (H, W) in 0..1, without specks."""
    height, width = mask.shape
    # Doubled, so that a line runs along the edges of pixels and not through their middles.
    inside = np.ascontiguousarray(mask >= 0.5, np.uint8).repeat(2, axis=0).repeat(2, axis=1)
    contours, _ = cv2.findContours(inside, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    polygons = []
    for contour in contours:
        if cv2.contourArea(contour) < LEAST_AREA * inside.size:
            continue
        line = cv2.approxPolyDP(contour, TOLERANCE * 2 * height, closed=True)[:, 0]
        if len(line) > 2:
            points = ((line + 0.5) / (2 * width, 2 * height)).round(DIGITS).tolist()
            polygons.append(tuple((x, y) for x, y in points))
    return tuple(polygons)


def _arrows(measured: Motion, kept: list[bool]) -> tuple[tuple[float, float, float, float] | None, ...]:
    flow = measured.flow
    if flow is None:
        return (None,) * len(kept)
    height, width = flow.velocity.shape[1:3]
    arrows: list[tuple[float, float, float, float] | None] = []
    for number, keep in enumerate(kept):
        mask = np.asarray(cv2.resize(measured.measured[number], (width, height), interpolation=cv2.INTER_AREA))
        total = float(mask.sum())
        if not keep or total == 0 or flow.confidence[number] == 0:
            arrows.append(None)
            continue
        x = float((mask * (np.arange(width) + 0.5)).sum()) / total / width
        y = float((mask * (np.arange(height)[:, None] + 0.5)).sum()) / total / height
        u, v = ((flow.velocity[number] * mask[..., None]).sum((0, 1)) / total).tolist()
        arrows.append((round(x, DIGITS), round(y, DIGITS), round(u, DIGITS), round(v, DIGITS)))
    return tuple(arrows)


def _cameras(flow: Flow | None, num_frames: int) -> tuple[tuple[float, float, float, float] | None, ...]:
    if flow is None:
        return (None,) * num_frames
    cameras: list[tuple[float, float, float, float] | None] = []
    for camera, confidence in zip(flow.camera, flow.camera_confidence, strict=True):
        pan, tilt, zoom, roll = (round(float(value), DIGITS) for value in camera)
        cameras.append(None if confidence == 0 else (pan, tilt, zoom, roll))
    return tuple(cameras)
