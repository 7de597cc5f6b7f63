"""The parameters of FDA-CLIP's dynamic regions, apart from what measures them: a `MotionSpec` needs no OpenCV."""

from dataclasses import dataclass

__all__ = ["PAPER", "STUDIED_THRESHOLDS", "DifferenceSpec"]


@dataclass(frozen=True, slots=True)
class DifferenceSpec:
    """The parameters of the paper's mask.

    threshold: grey levels, 0..255; a pixel moves when it changes by more. Source: the paper, best on MSVD.
    kernel: side of the square that closes and opens, odd pixels. Our choice: a third of a 16 pixel patch.
    min_area_at_224: smallest component kept if the short side is 224, pixels. Our choice: 40 % of such a patch.
    """

    threshold: int | float = 25
    kernel: int = 5
    min_area_at_224: float = 100.0

    def __post_init__(self) -> None:
        if not 0 <= self.threshold <= 255:
            raise ValueError(f"threshold must be 0..255, not {self.threshold}")
        if self.kernel < 1 or self.kernel % 2 == 0:
            raise ValueError(f"kernel must be odd and positive, not {self.kernel}")
        if self.min_area_at_224 < 0:
            raise ValueError(f"min_area_at_224 must not be negative, not {self.min_area_at_224}")


PAPER = DifferenceSpec()
STUDIED_THRESHOLDS = (0.0, 12.5, 25.0, 50.0, 100.0)
"""Grey levels of 255 over which studies go, for the paper's figure 2. Our source on the paper proposes these; the
paper's own list is not public."""
