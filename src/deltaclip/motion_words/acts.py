"""Acts of a body or an object that hardly leaves its place: what each does to a pose."""

from collections.abc import Callable

import numpy as np

from deltaclip.motion_words.paths import Floats, Random
from deltaclip.motion_words.scene import FIDGET, STEPS, Pose

__all__ = ["DONE_IN_PLACE"]


def _turn(random: Random, parts: Pose, share: Floats, sign: int, size: float) -> None:
    total = random.uniform(0.35, 1.0) if random.random() < 0.4 else random.uniform(1.0, 7.0)
    parts["angle"] = parts["angle"] + sign * np.pi * total * share


def _flip(random: Random, parts: Pose, share: Floats, sign: int, size: float) -> None:
    turned = np.cos(np.pi * random.uniform(0.6, 4) * share + random.choice([0, np.pi / 2]))
    parts["wide" if random.random() < 0.75 else "high"] *= np.where(abs(turned) < 0.06, 0.06, turned)


def _grow(random: Random, parts: Pose, share: Floats, sign: int, size: float) -> None:
    parts["size"] = parts["size"] * np.exp(random.uniform(0.45, 1.5) * (share - 0.6))


def _shrink(random: Random, parts: Pose, share: Floats, sign: int, size: float) -> None:
    parts["size"] = parts["size"] * np.exp(-random.uniform(0.45, 1.5) * (share - 0.4))


def _spread(random: Random, parts: Pose, share: Floats, sign: int, size: float) -> None:
    parts["wide"] = parts["wide"] * np.exp(random.uniform(0.5, 1.2) * (share - 0.7))


def _close(random: Random, parts: Pose, share: Floats, sign: int, size: float) -> None:
    parts["wide"] = parts["wide"] * np.exp(-random.uniform(0.5, 1.2) * (share - 0.3))


def _shake(random: Random, parts: Pose, share: Floats, sign: int, size: float) -> None:
    active = (np.gradient(share) > 0).astype(float)
    waves = random.uniform(8, 30)
    t = np.linspace(0, 1, STEPS)
    parts["x"] = parts["x"] + active * size * random.uniform(0.02, 0.07) * np.sin(2 * np.pi * waves * t)
    parts["y"] = parts["y"] + active * size * random.uniform(0, 0.05) * np.sin(2 * np.pi * waves * 1.13 * t + 1)


def _swing(random: Random, parts: Pose, share: Floats, sign: int, size: float) -> None:
    """A pendulum: about a point above it."""
    swings, rope = random.uniform(1, 5), size * random.uniform(0.8, 2)
    angle = random.uniform(0.3, 0.9) * np.sin(2 * np.pi * swings * share + random.uniform(0, 6))
    parts["x"] = parts["x"] + rope * np.sin(angle)
    parts["y"] = parts["y"] + rope * (np.cos(angle) - 1)
    parts["angle"] = parts["angle"] - angle


def _wave(random: Random, parts: Pose, share: Floats, sign: int, size: float) -> None:
    """An arm goes to and fro while the body stays: the limb's phase is the arm's; see `bodies`."""
    parts["limb"] = -2 * np.pi * random.uniform(2, 7) * share - 1e-3


def _clap(random: Random, parts: Pose, share: Floats, sign: int, size: float) -> None:
    parts["limb"] = 2 * np.pi * random.uniform(2, 7) * share


def _fall(random: Random, parts: Pose, share: Floats, sign: int, size: float) -> None:
    """Tips over its feet, or collapses; it lies on the ground in the end."""
    if random.random() < 0.65:
        angle = sign * np.pi / 2 * share * random.uniform(0.8, 1.05)
        parts["x"] = parts["x"] + size / 2 * np.sin(angle)
        parts["y"] = parts["y"] + size / 2 * (1 - np.cos(angle))
        parts["angle"] = parts["angle"] + angle
    else:
        low = 1 - random.uniform(0.5, 0.75) * share
        parts["high"] = parts["high"] * low
        parts["wide"] = parts["wide"] * (1 + 0.8 * share)
        parts["y"] = parts["y"] + size / 2 * (1 - low)


def _lower(most: tuple[float, float]) -> Callable[[Random, Pose, Floats, int, float], None]:
    def act(random: Random, parts: Pose, share: Floats, sign: int, size: float) -> None:
        low = 1 - random.uniform(*most) * share
        parts["high"] = parts["high"] * low
        parts["y"] = parts["y"] + size / 2 * (1 - low)
        parts["x"] = parts["x"] + sign * size * random.uniform(0, 0.15) * share

    return act


def _rise(random: Random, parts: Pose, share: Floats, sign: int, size: float) -> None:
    _lower((0.25, 0.45))(random, parts, 1 - share, sign, size)


def _get_up(random: Random, parts: Pose, share: Floats, sign: int, size: float) -> None:
    _fall(random, parts, 1 - share, sign, size)


def _bend(random: Random, parts: Pose, share: Floats, sign: int, size: float) -> None:
    """The upper body goes forward and down, and mostly up again."""
    back = np.sin(np.pi * share) if random.random() < 0.6 else share
    angle = sign * random.uniform(0.6, 1.3) * back
    parts["x"] = parts["x"] + size * 0.3 * np.sin(angle)
    parts["y"] = parts["y"] + size * 0.3 * (1 - np.cos(angle))
    parts["angle"] = parts["angle"] + angle * 0.7


def _jump(random: Random, parts: Pose, share: Floats, sign: int, size: float) -> None:
    jumps = random.integers(1, 7)
    part = (share * jumps) % 1
    parts["y"] = parts["y"] - size * random.uniform(0.15, 0.5) * 4 * part * (1 - part)
    parts["limb"] = 2 * np.pi * share * jumps


def _fidget(random: Random, parts: Pose, share: Floats, sign: int, size: float) -> None:
    """Limbs and body go here and there, as of somebody who talks, eats or works with the hands."""

    def any_way(length: float) -> Floats:
        knots = random.normal(0, 1, int(random.integers(4, 14)))
        way = np.interp(np.linspace(0, len(knots) - 1, STEPS), np.arange(len(knots)), knots)
        width = STEPS // len(knots) | 1
        return length * np.convolve(np.pad(way, width // 2, "edge"), np.full(width, 1 / width), "valid")

    parts["limb"] = any_way(random.uniform(0.6, 2.5))
    parts["x"] = parts["x"] + size * any_way(random.uniform(0, 0.05))
    parts["y"] = parts["y"] + size * any_way(random.uniform(0, 0.03))
    parts["angle"] = parts["angle"] + any_way(random.uniform(0, 0.15))


DONE_IN_PLACE: dict[str, Callable[[Random, Pose, Floats, int, float], None]] = {
    "turn": _turn,
    "flip": _flip,
    "grow": _grow,
    "shrink": _shrink,
    "spread": _spread,
    "close": _close,
    "shake": _shake,
    "swing": _swing,
    "wave": _wave,
    "clap": _clap,
    "fall": _fall,
    "lie_down": _fall,
    "sit": _lower((0.2, 0.4)),
    "crouch": _lower((0.35, 0.55)),
    "stand_up": _rise,
    "get_up": _get_up,
    "bend": _bend,
    "jump": _jump,
    FIDGET: _fidget,
}
"""Act -> what changes a pose, given random, the pose, the share done at each moment (STEPS,), a side as 1 or -1,
and the height of the mover."""
