"""What an encoder is fed of motion beside alpha, as planes of numbers: see `channels.EXTRAS`."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from deltaclip.motion.types import Motion

__all__ = ["extra_planes", "masked_velocity"]


def masked_velocity(motion: Motion) -> NDArray[np.float32]:
    """Velocity times the soft mask as measured: (T, H, W, 2) float32, picture heights a second, right and down.

    Zero in a frame that falls back: where the mask is not trusted nothing is said. Raises ValueError for a mask that
    measures no flow.
    """
    if motion.flow is None:
        raise ValueError("this mask measures no flow")
    kept = np.array([reason is None for reason in motion.fallback])
    weight = motion.measured * kept[:, None, None]
    return np.asarray(motion.flow.velocity_at(*weight.shape[1:]) * weight[..., None], np.float32)


def extra_planes(
    extras: Sequence[str], alpha: NDArray[np.float32], velocity: NDArray[np.float32] | None
) -> NDArray[np.float32]:
    """The planes of these extras in their order: (T, H, W, E) float32.

    alpha: (T, H, W) as fed, all ones in a frame that falls back. velocity: (T, H, W, 2) of `masked_velocity`, None
    without flow. Frame i of T is (i + 0.5) / T through the clip.
    """
    planes = [np.empty((*alpha.shape, 0), np.float32)]
    if "flow" in extras:
        if velocity is None:
            raise ValueError("flow needs the velocity of what moves")
        planes.append(velocity)
    if "time" in extras:
        through = (np.arange(len(alpha), dtype=np.float32) + np.float32(0.5)) / np.float32(len(alpha))
        through[(alpha == 1).all((1, 2))] = 0
        planes.append((alpha * through[:, None, None])[..., None])
    return np.concatenate(planes, axis=-1)
