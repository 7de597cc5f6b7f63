"""What the motion room hands on: one mask per frame, and what is fed to the model in its place."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Motion", "check_rgb", "motion_from_mask"]


@dataclass(frozen=True, slots=True, eq=False)
class Motion:
    """Where each frame of a clip moves.

    alpha: (T, H, W) float32 in 0..1, what the model is fed, after any fallback.
    measured: (T, H, W) float32 in 0..1, the same before any fallback; for masks without shades the mask itself.
    mask: (T, H, W) bool, as measured, before any fallback.
    coverage: (T,) float64 in 0..1, the share of the frame that `mask` covers.
    confidence: (T,) float64 in 0..1, 0.0 if a fallback replaced the mask; 1.0 for masks that measure without doubt.
    fallback: T entries, the reason why `alpha` is not `mask`, or None if it is.
    """

    alpha: NDArray[np.float32]
    measured: NDArray[np.float32]
    mask: NDArray[np.bool_]
    coverage: NDArray[np.float64]
    confidence: NDArray[np.float64]
    fallback: tuple[str | None, ...]

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
    counts = np.asarray(np.count_nonzero(mask, axis=(1, 2)), np.float64)
    num_pixels: int = mask.shape[1] * mask.shape[2]
    return counts / num_pixels
