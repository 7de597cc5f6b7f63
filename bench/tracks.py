"""Tracks of clips for `bench/motion_words.py`: of files and frames, forwards and backwards, and of drawn cameras.

Everything passes through the real estimator: `subject` on sampled frames with their native neighbours.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from davis import NATIVE_RATE, DavisClip
from numpy.typing import NDArray

from deltaclip.motion import Motion, MotionSpec, Track, see, track
from deltaclip.video import Frames, Video, uniform_seconds

__all__ = ["CAMERAS", "Moving", "drawn_camera", "of_davis", "of_file"]

NUM_FRAMES, SHORT_SIDE = 12, 224
Bytes = NDArray[np.uint8]

CAMERAS = ("pan_left", "pan_right", "tilt_up", "tilt_down", "zoom_in", "zoom_out", "still")
SPEEDS = (0.08, 0.5)
"""Picture heights a second of drawn pans and tilts; zooms change the size by 0.6 of it, as a natural logarithm."""
CLIP_SECONDS, NOISE = 3.0, 2.0


@dataclass(frozen=True)
class Moving:
    """A clip in memory, and what moves in it."""

    name: str
    frames: Frames = field(repr=False)
    motion: Motion = field(repr=False)

    @property
    def track(self) -> Track:
        return track(self.motion, self.frames.seconds)

    @property
    def backwards(self) -> "Moving":
        """The same clip shown from its end. Measured anew."""
        return _measured(self.name, self.frames.backwards())


def of_file(path: Path) -> Moving:
    """A whole file at the middles of equal spans, as `read_video` reads it."""
    with Video.open(path) as video:
        seconds = uniform_seconds(video.whole.start, video.whole.end, NUM_FRAMES)
        return _measured(path.name, video.frames_at(seconds, SHORT_SIDE, with_neighbours=True))


def of_davis(clip: DavisClip, num_native: int) -> Moving:
    """A sequence of `num_native` frames, sampled as `davis.sample` does."""
    seconds = (np.arange(len(clip.rgb)) + 0.5) * num_native / len(clip.rgb) / NATIVE_RATE
    return _measured(clip.name, Frames(clip.rgb, seconds, tuple(clip.before), tuple(clip.after), clip.step_seconds))


def drawn_camera(name: str, picture: Bytes, kind: str, seed: int) -> Moving:
    """A camera of CAMERAS over a still picture (H, W, 3), 24 frames a second, with noise of NOISE grey levels.

    The picture continues mirrored beyond its edges. Random: speed (SPEEDS, logarithmic) and noise.
    """
    random = np.random.default_rng(seed)
    speed = float(np.exp(random.uniform(*np.log(SPEEDS))))
    seconds = (np.arange(NUM_FRAMES) + 0.5) * CLIP_SECONDS / NUM_FRAMES
    shot = _camera(picture, kind, speed, random)
    before, rgb, after = ([shot(t + d / NATIVE_RATE) for t in seconds] for d in (-1, 0, 1))
    return _measured(name, Frames(np.stack(rgb), seconds, tuple(before), tuple(after), 1 / NATIVE_RATE))


def _camera(picture: Bytes, kind: str, speed: float, random: np.random.Generator) -> Callable[[float], Bytes]:
    scale = SHORT_SIDE / min(picture.shape[:2])
    picture = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA).astype(np.uint8)
    height, width = picture.shape[:2]
    right = {"pan_left": -1, "pan_right": 1}.get(kind, 0) * speed * height
    up = {"tilt_up": 1, "tilt_down": -1}.get(kind, 0) * speed * height
    zoom = {"zoom_in": 1, "zoom_out": -1}.get(kind, 0) * speed * 0.6

    def shot(seconds: float) -> Bytes:
        size = float(np.exp(zoom * (seconds - CLIP_SECONDS / 2)))
        # What the camera sees moves against it: to the left if it turns to the right, down if it turns up.
        matrix = np.array(
            [
                [size, 0, (1 - size) * width / 2 - right * seconds],
                [0, size, (1 - size) * height / 2 + up * seconds],
            ]
        )
        seen = cv2.warpAffine(picture, matrix, (width, height), borderMode=cv2.BORDER_REFLECT)
        return np.clip(seen + random.normal(0, NOISE, seen.shape), 0, 255).astype(np.uint8)

    return shot


def _measured(name: str, frames: Frames) -> Moving:
    return Moving(
        name, frames, see(MotionSpec("subject"), frames.rgb, frames.before, frames.after, frames.step_seconds)
    )
