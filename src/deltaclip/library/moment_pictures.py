"""Pictures of one moment as JPEG, drawn where the file is read: a small one that shows its motion, or several."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from deltaclip.library.results import RememberedEncoder
from deltaclip.motion import Motion, MotionSpec, encode_jpeg, overlay
from deltaclip.reader import read_moment_pictures

__all__ = ["SHOWN_WITHOUT_MASKS", "Thumbnails", "draw_frames", "draw_thumbnails", "shown_motion", "telling"]

SHOWN_WITHOUT_MASKS = MotionSpec("subject")
"""The mask that is shown if the encoder takes none: so that one can still see what moved."""
FRAMES = 12
"""Frames looked at of a moment if no encoder says how many."""
TALLEST = 1.5
"""Heights of a picture in widths, at most."""
QUALITY = 85
"""Of JPEG, 0..100."""


@dataclass(frozen=True, slots=True, repr=False)
class Thumbnails:
    """One frame of a moment as two JPEG files of one size.

    plain: as it is. outlined: with what moves bright and the rest dim; as it is if no frame of the moment has a mask.
    fallback: why none has, else None.
    """

    plain: bytes
    outlined: bytes
    fallback: str | None

    def __repr__(self) -> str:
        sizes = f"plain={len(self.plain):,} bytes, outlined={len(self.outlined):,} bytes"
        return f"Thumbnails({sizes}, fallback={self.fallback!r})"


def shown_motion(made_by: RememberedEncoder | None) -> tuple[MotionSpec, int]:
    """The mask to show of moments that this encoder found, and how many frames it looked at."""
    if made_by is None:
        return SHOWN_WITHOUT_MASKS, FRAMES
    return SHOWN_WITHOUT_MASKS if made_by.motion is None else MotionSpec.parse(made_by.motion), made_by.num_frames


def telling(measured: Motion) -> int:
    """The frame that shows motion best: of those with a mask the one of middle coverage, else the middle one."""
    masked = [number for number, reason in enumerate(measured.fallback) if reason is None]
    if not masked:
        return len(measured.fallback) // 2
    return sorted(masked, key=lambda number: measured.coverage[number])[len(masked) // 2]


def draw_thumbnails(
    path: Path, start: float, end: float, motion: MotionSpec, num_frames: int, width: int
) -> Thumbnails:
    """The telling one of the frames of a moment, `width` pixels wide unless it is then too tall. Raises VideoError."""
    frames, measured = read_moment_pictures(path, start, end, motion, num_frames, _box(width))
    assert measured is not None
    best = telling(measured)
    picture = _scaled(frames.rgb[best], width)
    fallback = measured.fallback[best]
    plain = _jpeg(picture)
    outlined = plain if fallback else _jpeg(_outlined(picture, measured.alpha[best]))
    return Thumbnails(plain, outlined, fallback)


def draw_frames(path: Path, start: float, end: float, motion: MotionSpec | None, count: int, width: int) -> list[bytes]:
    """`count` frames at the middles of equal spans of a moment, as JPEG.

    motion: the mask to outline; a frame without one stays as it is. None outlines nothing.
    """
    frames, measured = read_moment_pictures(path, start, end, motion, count, _box(width))
    pictures = [_scaled(picture, width) for picture in frames.rgb]
    if measured is not None:
        pictures = [
            picture if reason else _outlined(picture, alpha)
            for picture, alpha, reason in zip(pictures, measured.alpha, measured.fallback, strict=True)
        ]
    return [_jpeg(picture) for picture in pictures]


def _box(width: int) -> tuple[int, int]:
    return width, round(width * TALLEST)


def _scaled(rgb: NDArray[np.uint8], width: int) -> NDArray[np.uint8]:
    """(H, W, 3) as large as fits into the box of that width."""
    height, wide = rgb.shape[:2]
    scale = min(width / wide, _box(width)[1] / height)
    size = max(round(wide * scale), 1), max(round(height * scale), 1)
    return np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.uint8)


def _outlined(rgb: NDArray[np.uint8], alpha: NDArray[np.float32]) -> NDArray[np.uint8]:
    """With what moves bright; alpha: (h, w) of any size."""
    scaled = cv2.resize(alpha, rgb.shape[1::-1], interpolation=cv2.INTER_AREA)
    return overlay(rgb, np.asarray(scaled, np.float32).reshape(rgb.shape[:2]))


def _jpeg(rgb: NDArray[np.uint8]) -> bytes:
    return encode_jpeg(rgb, QUALITY)
