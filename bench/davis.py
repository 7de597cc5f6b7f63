"""Sequences of DAVIS 2016 as clips of sampled frames with their native neighbours and true masks."""

from dataclasses import dataclass, field
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["NATIVE_RATE", "DavisClip", "Native", "read_davis", "read_native", "sample", "thinned"]

NATIVE_RATE = 24
"""Frames a second of the files."""
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
    """One sequence: rgb (T, H, W, 3) uint8, T neighbours before and after (None past an end), truth (T, H, W) bool.

    step_seconds: how far away the neighbours are.
    """

    name: str
    rgb: Bytes = field(repr=False)
    before: list[Bytes | None] = field(repr=False)
    after: list[Bytes | None] = field(repr=False)
    truth: NDArray[np.bool_] = field(repr=False)
    step_seconds: float


def read_davis(folder: Path, num_frames: int = NUM_FRAMES, gap: int = 1, rate: float = NATIVE_RATE) -> list[DavisClip]:
    """Every NAME.mp4 with NAME.npz in `folder`, by name. gap: frames from a sampled one to its neighbours.

    rate: frames a second that are left of the 24 (`thinned`).
    """
    paths = sorted(folder.glob("*.mp4"))
    if not paths:
        raise SystemExit(f"{folder}: no NAME.mp4 in it; give the folder of the sequences with --data")
    natives = (thinned(read_native(path), rate) for path in paths)
    return [sample(native, num_frames, gap, rate) for native in natives]


def thinned(native: Native, rate: float) -> Native:
    """What is left of a sequence at `rate` frames a second: no other frame exists, for samples and neighbours alike."""
    if rate == NATIVE_RATE:
        return native
    step = NATIVE_RATE / rate
    kept = [round(number * step) for number in range(int((len(native.rgb) - 1) / step) + 1)]
    return Native(native.name, [native.rgb[index] for index in kept], native.truth[kept])


def read_native(path: Path) -> Native:
    """All frames of NAME.mp4 and the masks of NAME.npz beside it (`bits`, `shape`)."""
    with av.open(str(path)) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    with np.load(path.with_suffix(".npz")) as stored:
        truth = np.unpackbits(stored["bits"], axis=-1, count=int(stored["shape"][2]))
    return Native(path.stem, frames, truth)


def sample(native: Native, num_frames: int = NUM_FRAMES, gap: int = 1, rate: float = NATIVE_RATE) -> DavisClip:
    """`num_frames` frames at the middles of equal spans, scaled to SHORT_SIDE by area, as the masks are.

    rate: frames a second of `native`.
    """
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
        step_seconds=gap / rate,
    )
