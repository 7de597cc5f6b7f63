"""How the camera of a scene moves."""

import numpy as np

from deltaclip.motion_words.paths import Floats, Random
from deltaclip.motion_words.scene import CAMERAS, STEPS, CameraPath, Mover

__all__ = ["new_camera"]

DRIFTS, DRIFT_SPEED, MOST_DRIFT = 0.5, 0.03, 0.1
"""Share of the still cameras that drift a little, as in a hand; in heights a second and in heights at most."""
TREMOR, SHAKING = (0.0005, 0.01), (0.012, 0.05)
"""Of a camera that stands still in a hand, and of one that shakes: picture heights. 0.01 is about 0.1 a second."""


def new_camera(
    random: Random, seconds: float, movers: tuple[Mover, ...], still: float = 0.42, follow: bool = True
) -> CameraPath:
    """Mostly still or in a hand; sometimes it pans, tilts, zooms, rolls, or follows the mover."""
    t = np.linspace(0, 1, STEPS)
    zero = np.zeros(STEPS)
    chance = random.random()
    hand = _hand_held(random, seconds, random.choice([0, 0.003, 0.01], p=[0.5, 0.3, 0.2]))
    if chance < still:
        if random.random() < DRIFTS:
            x, y = _hand_held(random, seconds, float(np.exp(random.uniform(*np.log(TREMOR)))))
            far = min(DRIFT_SPEED * seconds, MOST_DRIFT) * random.uniform(-1, 1, 2)
            return CameraPath("still", x + far[0] * (t - 0.5), y + far[1] * (t - 0.5), zero, zero)
        return CameraPath("still", zero, zero, zero, zero)
    if chance < still + 0.14:
        x, y = _hand_held(random, seconds, float(np.exp(random.uniform(*np.log(SHAKING)))))
        return CameraPath("shake", x, y, zero, random.normal(0, 0.01) * x / 0.02)
    if (
        movers
        and follow
        and movers[0].act in ("line", "walk", "run", "wander", "wavy", "bounce")
        and random.random() < 0.45
    ):
        width = int(random.integers(15, 60)) | 1
        kernel = np.hanning(width + 2)[1:-1]
        smooth = [
            np.convolve(np.pad(v, width // 2, "edge"), kernel / kernel.sum(), "valid")
            for v in (movers[0].x, movers[0].y)
        ]
        return CameraPath("follow", smooth[0] + hand[0], smooth[1] + hand[1], zero, zero)
    kind = str(random.choice(CAMERAS[2:], p=[0.19, 0.19, 0.1, 0.1, 0.16, 0.16, 0.05, 0.05]))
    most = 0.5 if movers else 3.0
    amount = float(np.clip(np.exp(random.uniform(np.log(0.08), np.log(0.8))) * seconds, 0.15, most))
    way = (t if random.random() < 0.6 else (1 - np.cos(np.pi * t)) / 2) - 0.5
    x, y, zoom, roll = hand[0], hand[1], zero, zero
    if kind.startswith("pan"):
        x = x + (amount if kind == "pan_right" else -amount) * way
    elif kind.startswith("tilt"):
        y = y + (amount if kind == "tilt_down" else -amount) * way
    elif kind.startswith("zoom"):
        zoom = (min(amount, 1.2) if kind == "zoom_in" else -min(amount, 1.2)) * way
    else:
        roll = (min(amount, 1.0) if kind == "roll_cw" else -min(amount, 1.0)) * way
    return CameraPath(kind, x, y, zoom, roll)


def _hand_held(random: Random, seconds: float, size: float) -> tuple[Floats, Floats]:
    """Tremor of a hand: a few slow waves. size: picture heights."""
    t = np.linspace(0, seconds, STEPS)
    waves = [
        sum(random.normal() * np.sin(2 * np.pi * random.uniform(0.3, 2.5) * t + random.uniform(0, 6)) for _ in range(3))
        for _ in range(2)
    ]
    return size * np.asarray(waves[0]), size * np.asarray(waves[1])
