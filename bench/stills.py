"""One picture as a clip in which nothing moves by itself: as it is, noisy, flickering, panned, zoomed."""

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["STILLS", "still_clip"]

STILLS = ("clean", "noise", "flicker", "pan", "zoom")

Bytes = NDArray[np.uint8]


def still_clip(picture: Bytes, kind: str, seed: int, strength: float = 1.0) -> tuple[Bytes, Bytes, Bytes]:
    """Sampled frames, those before and those after, (12, H, W, 3) uint8 each, 6 native frames apart.

    At strength 1: noise of 6 grey levels; flicker of 8 %; a pan of 1.5 pixels and a zoom of 0.6 % a frame; all but
    `clean` and `noise` with noise of 2.
    """
    random = np.random.default_rng(seed)
    height, width = picture.shape[:2]

    def shot(time: int) -> Bytes:
        right = 1.5 * strength * (time - 36) * (kind == "pan")
        scale = 1 + 0.006 * strength * time * (kind == "zoom")
        matrix = np.array(
            [[scale, 0, (1 - scale) * width / 2 + right], [0, scale, (1 - scale) * height / 2]], np.float32
        )
        seen = cv2.warpAffine(picture, matrix, (width, height), borderMode=cv2.BORDER_REFLECT).astype(np.float32)
        seen *= 1 + 0.08 * strength * np.sin(2.1 * time) * (kind == "flicker")
        if kind != "clean":
            seen += random.normal(0, 6 * strength if kind == "noise" else 2, seen.shape)
        return np.clip(seen, 0, 255).astype(np.uint8)

    before, now, after = zip(*[[shot(6 * t + d) for d in (-1, 0, 1)] for t in range(12)], strict=True)
    return np.stack(now), np.stack(before), np.stack(after)
