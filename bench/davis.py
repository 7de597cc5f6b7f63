"""Sequences of DAVIS 2016 as clips of sampled frames with their native neighbours and true masks."""

from dataclasses import dataclass, field
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["DavisClip", "read_davis"]

NUM_FRAMES = 12
SHORT_SIDE = 224

Bytes = NDArray[np.uint8]


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
    return [read_sequence(path, num_frames, gap) for path in sorted(folder.glob("*.mp4"))]


def read_sequence(path: Path, num_frames: int, gap: int) -> DavisClip:
    """`num_frames` frames at the middles of equal spans, scaled to SHORT_SIDE by area, as the masks are."""
    with av.open(str(path)) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    with np.load(path.with_suffix(".npz")) as stored:
        truth = np.unpackbits(stored["bits"], axis=-1, count=int(stored["shape"][2]))
    height, width = frames[0].shape[:2]
    scale = SHORT_SIDE / min(height, width)
    size = round(width * scale), round(height * scale)
    at = [int((index + 0.5) * len(frames) / num_frames) for index in range(num_frames)]

    def scaled(index: int) -> Bytes | None:
        if not 0 <= index < len(frames):
            return None
        return np.asarray(cv2.resize(frames[index], size, interpolation=cv2.INTER_AREA), np.uint8)

    return DavisClip(
        name=path.stem,
        rgb=np.stack([scaled(index) for index in at]),
        before=[scaled(index - gap) for index in at],
        after=[scaled(index + gap) for index in at],
        truth=np.stack(
            [cv2.resize(truth[i].astype(np.float32), size, interpolation=cv2.INTER_AREA) >= 0.5 for i in at]
        ),
    )
