"""What a scene is: movers over time under a camera, as numbers.

Everything is in picture heights, seconds and radians, right, down and clockwise, from the middle of the world.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypedDict

import numpy as np

from deltaclip.motion_words.paths import PATHS, Floats, Random

__all__ = [
    "ACTS",
    "BODY",
    "CAMERAS",
    "FIDGET",
    "GROUPS",
    "IN_PLACE",
    "STEPS",
    "CameraPath",
    "Mover",
    "Pose",
    "Scene",
    "each_of",
    "still_pose",
]

STEPS = 240
"""Moments of a scene at which everything is known; between them it is interpolated."""
IN_PLACE = ("turn", "flip", "grow", "shrink", "shake", "swing", "wave", "clap", "spread", "close")
BODY = ("fall", "lie_down", "sit", "stand_up", "get_up", "jump", "walk", "run", "bend", "crouch")
FIDGET = "fidget"
"""Limbs go here and there, and no word says how."""
ACTS = (*PATHS, *IN_PLACE, *BODY, FIDGET)
"""What one mover may do."""
GROUPS = ("together", "apart", "meet", "cross", "follow", "in_turn", "several")
"""What several movers may do."""
CAMERAS = (
    "still",
    "shake",
    "pan_left",
    "pan_right",
    "tilt_up",
    "tilt_down",
    "zoom_in",
    "zoom_out",
    "roll_cw",
    "roll_ccw",
)
SHAPES = ("blob", "hand", "person", "box", "pair")


class Pose(TypedDict):
    """How a mover is held at each of STEPS moments; see `Mover`."""

    x: Floats
    y: Floats
    size: Floats
    angle: Floats
    wide: Floats
    high: Floats
    limb: Floats
    there: Floats


@dataclass(frozen=True, eq=False)
class Mover:
    """One mover over STEPS moments.

    act: a key of ACTS. shape: of SHAPES. x, y: its middle. size: its height. angle: clockwise. wide, high: factors of
    its width and height. limb: phase of its limbs, radians. there: whether it is to be seen. begin, end: moments
    between which it acts. profile: even, ease, speed_up or slow_down. enters, leaves: a side, or
    None. beside: it moves beside what sentences are about, which say nothing of it.
    """

    act: str
    shape: str
    x: Floats
    y: Floats
    size: Floats
    angle: Floats
    wide: Floats
    high: Floats
    limb: Floats
    there: Floats
    begin: int
    end: int
    profile: str = "even"
    enters: str | None = None
    leaves: str | None = None
    beside: bool = False


def each_of(mover: Mover, change: Callable[[Floats], Floats]) -> Pose:
    """How a mover is held, each of its arrays changed."""
    return Pose(
        x=change(mover.x),
        y=change(mover.y),
        size=change(mover.size),
        angle=change(mover.angle),
        wide=change(mover.wide),
        high=change(mover.high),
        limb=change(mover.limb),
        there=change(mover.there),
    )


@dataclass(frozen=True, eq=False)
class CameraPath:
    """kind: of CAMERAS, or follow. x, y: where it looks. zoom: log of size. roll: clockwise. Each (STEPS,)."""

    kind: str
    x: Floats
    y: Floats
    zoom: Floats
    roll: Floats


@dataclass(frozen=True, eq=False)
class Scene:
    """seconds: how long. aspect: width of the picture in its heights. group: of GROUPS, or None for fewer than two."""

    seconds: float
    aspect: float
    movers: tuple[Mover, ...]
    camera: CameraPath
    group: str | None = None


def still_pose(random: Random, shape: str, x: float, y: float, size: float) -> Pose:
    one = np.ones(STEPS)
    sway = 0.004 * np.sin(np.linspace(0, random.uniform(2, 20), STEPS) + random.uniform(0, 6))
    tilt = random.normal(0, 0.1 if shape == "person" else 0.4)
    return {
        "x": x + sway * size * random.random(),
        "y": y + sway * size * random.random(),
        "size": size * one,
        "angle": tilt * one,
        "wide": one.copy(),
        "high": one.copy(),
        "limb": np.zeros(STEPS),
        "there": one.copy(),
    }
