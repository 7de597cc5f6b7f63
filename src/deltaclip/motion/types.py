"""What the motion room hands on: one mask per frame, what is fed to the model in its place, and how things move."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["CAMERA", "Flow", "Motion", "check_rgb", "motion_from_mask"]

CAMERA = ("pan", "tilt", "zoom", "roll")
"""The columns of `Flow.camera`."""


@dataclass(frozen=True, slots=True, eq=False)
class Flow:
    """How a clip moves: what moves by itself against the background, and the camera.

    velocity: (T, h, w, 2) float32 on the grid on which motion is measured, in picture heights a second, to the right
    and down, so that neither frame rate nor size is in it. It is what the camera's motion does not explain: a car that
    the camera follows to the left moves to the left, although it stays in the middle of the picture.
    camera: (T, 4) float32, how the camera moves, as in CAMERA: pan and tilt in picture heights a second, to the right
    and up; zoom in natural logarithms of size a second, in; roll in radians a second, clockwise.
    confidence: (T,) float64 in 0..1, how far the motion to the frame before and to the frame after agree inside the
    mask. camera_confidence: (T,) float64 in 0..1, share of the picture that moves as the camera explains. Both are 0,
    and so are velocity and camera, in frames without a neighbour that can be followed.
    """

    velocity: NDArray[np.float32]
    camera: NDArray[np.float32]
    confidence: NDArray[np.float64]
    camera_confidence: NDArray[np.float64]

    def __post_init__(self) -> None:
        if self.velocity.ndim != 4 or self.velocity.shape[3] != 2 or self.velocity.dtype != np.float32:
            raise ValueError(f"velocity must be (T, h, w, 2) float32, not {self.velocity.shape} {self.velocity.dtype}")
        num_frames = len(self.velocity)
        if self.camera.shape != (num_frames, len(CAMERA)) or self.camera.dtype != np.float32:
            raise ValueError(f"camera must be ({num_frames}, {len(CAMERA)}) float32, not {self.camera.shape}")
        for name, values in (("confidence", self.confidence), ("camera_confidence", self.camera_confidence)):
            if values.shape != (num_frames,) or not ((values >= 0) & (values <= 1)).all():
                raise ValueError(f"{name} must be ({num_frames},) in 0..1, not {values}")

    def velocity_at(self, height: int, width: int) -> NDArray[np.float32]:
        """`velocity` at another size, bilinear: (T, height, width, 2) float32, still in picture heights a second."""
        import cv2

        scaled = [cv2.resize(field, (width, height), interpolation=cv2.INTER_LINEAR) for field in self.velocity]
        return np.asarray(scaled, np.float32).reshape(-1, height, width, 2)

    def __repr__(self) -> str:
        return f"Flow(velocity={self.velocity.shape}, camera={self.camera.shape})"


@dataclass(frozen=True, slots=True, eq=False)
class Motion:
    """Where each frame of a clip moves.

    alpha: (T, H, W) float32 in 0..1, what the model is fed, after any fallback.
    measured: (T, H, W) float32 in 0..1, the same before any fallback; for masks without shades the mask itself.
    mask: (T, H, W) bool, as measured, before any fallback.
    coverage: (T,) float64 in 0..1, the share of the frame that `mask` covers.
    confidence: (T,) float64 in 0..1, 0.0 if a fallback replaced the mask; 1.0 for masks that measure without doubt.
    fallback: T entries, the reason why `alpha` is not `mask`, or None if it is.
    flow: how it moves, None for masks that do not measure it.
    """

    alpha: NDArray[np.float32]
    measured: NDArray[np.float32]
    mask: NDArray[np.bool_]
    coverage: NDArray[np.float64]
    confidence: NDArray[np.float64]
    fallback: tuple[str | None, ...]
    flow: Flow | None = None

    def __post_init__(self) -> None:
        if self.alpha.ndim != 3 or self.alpha.dtype != np.float32:
            raise ValueError(f"alpha must be (T, H, W) float32, not {self.alpha.shape} {self.alpha.dtype}")
        if self.measured.shape != self.alpha.shape or self.measured.dtype != np.float32:
            raise ValueError(f"measured must be {self.alpha.shape} float32, not {self.measured.shape}")
        if self.mask.shape != self.alpha.shape or self.mask.dtype != np.bool_:
            raise ValueError(f"mask must be {self.alpha.shape} bool, not {self.mask.shape} {self.mask.dtype}")
        if self.alpha.size and not 0 <= self.alpha.min() <= self.alpha.max() <= 1:
            raise ValueError("alpha must be in 0..1")
        for name, values in (("coverage", self.coverage), ("confidence", self.confidence)):
            if values.shape != self.alpha.shape[:1] or values.dtype != np.float64:
                raise ValueError(f"{name} must be ({len(self.alpha)},) float64, not {values.shape} {values.dtype}")
            if not ((values >= 0) & (values <= 1)).all():
                raise ValueError(f"{name} must be in 0..1")
        if len(self.fallback) != len(self.alpha):
            raise ValueError(f"fallback must have one entry for each of {len(self.alpha)} frames")
        if self.flow is not None and len(self.flow.velocity) != len(self.alpha):
            raise ValueError(f"flow must be of {len(self.alpha)} frames, not {len(self.flow.velocity)}")

    def __repr__(self) -> str:
        replaced = sum(reason is not None for reason in self.fallback)
        return f"Motion(alpha={self.alpha.shape}, mask={self.mask.shape}, fallback on {replaced} of {len(self.alpha)})"


def check_rgb(rgb: NDArray[np.uint8]) -> None:
    """Raise ValueError unless `rgb` is (T, H, W, 3) uint8 with at least one frame of at least one pixel."""
    if rgb.ndim != 4 or rgb.shape[3] != 3 or rgb.dtype != np.uint8 or rgb.size == 0:
        raise ValueError(f"frames must be (T, H, W, 3) uint8 and not empty, not {rgb.shape} {rgb.dtype}")


def motion_from_mask(mask: NDArray[np.bool_], reasons: tuple[str | None, ...]) -> Motion:
    """Feed each mask as it is, or all ones if there is a reason not to.

    All ones, because that is what Alpha-CLIP saw for "no mask" in training; all zeros it never saw
    (Alpha-CLIP train/, `--common_pair`; its demo does the same).

    mask: (T, H, W) bool, as measured. reasons: T entries, None if the mask itself is fed.
    """
    replaced = np.array([reason is not None for reason in reasons])
    measured = mask.astype(np.float32)
    alpha = measured.copy()
    alpha[replaced] = 1.0
    return Motion(
        alpha=alpha,
        measured=measured,
        mask=mask,
        coverage=share(mask),
        confidence=np.where(replaced, 0.0, 1.0),
        fallback=reasons,
    )


def share(mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    """(T, H, W) bool -> (T,) float64: the part of each frame that is on, 0..1."""
    # Frame by frame: with axes numpy adds numbers up instead of counting bits, at eight times the price.
    counts = np.array([np.count_nonzero(frame) for frame in mask], np.float64)
    num_pixels: int = mask.shape[1] * mask.shape[2]
    return counts / num_pixels
