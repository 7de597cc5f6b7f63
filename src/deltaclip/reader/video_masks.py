"""What moves in one video, as arrays: for people who want masks without an encoder."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deltaclip.checks import AnyPath, check_path, check_whole
from deltaclip.motion import MotionSpec
from deltaclip.names import on_disk
from deltaclip.reader.reading import guarded_calls, read_motion
from deltaclip.reader.types import MOTION_SIDE

__all__ = ["Masks", "masks"]


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Masks:
    """What moves in T frames of a video, at the middles of T equal spans.

    path: the file. motion: the mask, in the word of `motion.MotionSpec`. seconds: (T,) float64, on a player's clock.
    frames: (T, H, W, 3) uint8 RGB, not cropped. alpha: (T, H, W) float32 in 0..1, what an image encoder would be fed,
    all ones where a fallback replaced the mask. mask: (T, H, W) bool, as measured, before any fallback.
    coverage: (T,) float64, share of each frame that `mask` covers. confidence: (T,) float64 in 0..1, 0 at a fallback.
    fallback: T reasons why a frame's alpha is all ones, None for a frame whose mask is used.
    notes: sentences about the file, for example that its time stamps are broken.

    The mask "subject" also tells how things move; for all others the following are None.
    velocity: (T, H, W, 2) float32, picture heights a second, right and down, against the background: what the camera's
    own motion does not explain. camera: (T, 4) float32: pan (right) and tilt (up) in picture heights a second, zoom
    (in) in natural logarithms of size a second, roll (clockwise) in radians a second. velocity_confidence and
    camera_confidence: (T,) float64 in 0..1; 0, as are velocity and camera, in a frame without a neighbour that can be
    followed.
    """

    path: Path
    motion: str
    seconds: NDArray[np.float64]
    frames: NDArray[np.uint8]
    alpha: NDArray[np.float32]
    mask: NDArray[np.bool_]
    coverage: NDArray[np.float64]
    confidence: NDArray[np.float64]
    fallback: tuple[str | None, ...]
    notes: tuple[str, ...] = ()
    velocity: NDArray[np.float32] | None = None
    camera: NDArray[np.float32] | None = None
    velocity_confidence: NDArray[np.float64] | None = None
    camera_confidence: NDArray[np.float64] | None = None

    def __repr__(self) -> str:
        whole = sum(reason is not None for reason in self.fallback)
        return (
            f"Masks({self.path}, {self.motion!r}, frames={self.frames.shape}, mask={self.mask.shape}, "
            f"coverage={self.coverage.mean():.1%}, fallback on {whole} of {len(self.fallback)})"
        )


def masks(path: AnyPath, motion: str = "subject", *, num_frames: int = 12, short_side: int = MOTION_SIDE) -> Masks:
    """Measures what moves in a video file.

    motion: the mask: "subject", "difference" (the paper's), or a different one of `motion.MOTIONS`, with its options as
    in "difference:threshold=12.5". num_frames: T. short_side: pixels of the frames' short side at which motion is
    measured; masks of different sides do not mean the same. The file is decoded in a child process. A still picture has
    one moment, in which nothing moves, and `fallback` says so. Raises VideoError if the file cannot be read, also if it
    is damaged, ValueError for a mask or number that does not exist, TypeError for a wrong type.
    """
    file = on_disk(Path(check_path(path, "masks", "call it once for each")).expanduser())
    if not isinstance(motion, str):
        raise TypeError(f"motion is {motion!r}: give the name of a mask, such as 'subject'")
    spec = MotionSpec.parse(motion)
    count, side = check_whole(num_frames, "num_frames"), check_whole(short_side, "short_side", 8)
    with guarded_calls() as call:
        frames, found = call(read_motion, file, spec, count, side)
    flow = found.flow
    return Masks(
        path=file,
        motion=str(spec),
        seconds=frames.seconds,
        frames=frames.rgb,
        alpha=found.alpha,
        mask=found.mask,
        coverage=found.coverage,
        confidence=found.confidence,
        fallback=found.fallback,
        notes=frames.notes,
        velocity=None if flow is None else flow.velocity_at(*found.mask.shape[1:]),
        camera=None if flow is None else flow.camera,
        velocity_confidence=None if flow is None else flow.confidence,
        camera_confidence=None if flow is None else flow.camera_confidence,
    )
