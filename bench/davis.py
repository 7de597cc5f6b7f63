"""Sequences of DAVIS 2016 as clips of sampled frames with their native neighbours and true masks."""

from dataclasses import dataclass, field
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["DavisClip", "Native", "read_davis", "read_native", "sample"]

NUM_FRAMES = 12
SHORT_SIDE = 224

Bytes = NDArray[np.uint8]


@dataclass(frozen=True)
class Native:
    """A sequence as it is: N native frames (H, W, 3) uint8 and their true masks, uint8 (N, H, W) of 0 and 1."""

    name: str
    rgb: list[Bytes] = field(repr=False)
    truth: Bytes = field(repr=False)


@dataclass(frozen=True)
class DavisClip:
    """One sequence: rgb (T, H, W, 3) uint8, T neighbours before and after (None past an end), truth (T, H, W) bool."""

    name: str
    rgb: Bytes = field(repr=False)
    before: list[Bytes | None] = field(repr=False)
    after: list[Bytes | None] = field(repr=False)
    truth: NDArray[np.bool_] = field(repr=False)


def read_davis(folder: Path, num_frames: int = NUM_FRAMES, gap: int = 1) -> list[DavisClip]:
    """Every NAME.mp4 with NAME.npz in `folder`, by name. gap: native frames from a sampled one to its neighbours."""
    return [sample(read_native(path), num_frames, gap) for path in sorted(folder.glob("*.mp4"))]


def read_native(path: Path) -> Native:
    """All frames of NAME.mp4 and the masks of NAME.npz beside it (`bits`, `shape`)."""
    with av.open(str(path)) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    with np.load(path.with_suffix(".npz")) as stored:
        truth = np.unpackbits(stored["bits"], axis=-1, count=int(stored["shape"][2]))
    return Native(path.stem, frames, truth)


def sample(native: Native, num_frames: int = NUM_FRAMES, gap: int = 1) -> DavisClip:
    """`num_frames` frames at the middles of equal spans, scaled to SHORT_SIDE by area, as the masks are."""
    height, width = native.rgb[0].shape[:2]
    scale = SHORT_SIDE / min(height, width)
    size = round(width * scale), round(height * scale)
    at = [int((index + 0.5) * len(native.rgb) / num_frames) for index in range(num_frames)]

    def scaled(index: int) -> Bytes | None:
        if not 0 <= index < len(native.rgb):
            return None
        return np.asarray(cv2.resize(native.rgb[index], size, interpolation=cv2.INTER_AREA), np.uint8)

    def true(index: int) -> NDArray[np.bool_]:
        return cv2.resize(native.truth[index].astype(np.float32), size, interpolation=cv2.INTER_AREA) >= 0.5

    return DavisClip(
        name=native.name,
        rgb=np.stack([scaled(index) for index in at]),
        before=[scaled(index - gap) for index in at],
        after=[scaled(index + gap) for index in at],
        truth=np.stack([true(index) for index in at]),
    )
