"""Drawn things that move by themselves: blobs that deform, animals with limbs, vehicles with wheels, rigid polygons."""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["PATCH", "Mover", "new_mover", "paint"]

Bytes = NDArray[np.uint8]
Floats = NDArray[np.float32]
Random = np.random.Generator
Cloth = Callable[[], Bytes]
"""Gives the surface of the next part, (PATCH, PATCH, 3)."""

PATCH = 128
"""Side of a part's surface in pixels; it spans -1.5..1.5 of the part's own unit."""
CORNERS = 40


@dataclass(frozen=True)
class Part:
    """One piece: an outline that deforms, on a joint that swings.

    radii: (CORNERS,) distance of the outline from the middle; ripple, waves, period: how it deforms, 0 for rigid.
    joint: place on the body, in its units. size: (along, across). angle, swing: radians. turns: a frame, for wheels.
    """

    patch: Bytes
    radii: Floats
    ripple: float
    waves: int
    period: float
    phase: float
    joint: tuple[float, float]
    size: tuple[float, float]
    angle: float
    swing: float
    turns: float


@dataclass(frozen=True)
class Mover:
    """Parts, drawn in order. `radius` is the body's unit in pixels."""

    parts: tuple[Part, ...]
    radius: float


def new_mover(random: Random, radius: float, cloth: Cloth) -> Mover:
    """One of four kinds, about `radius` pixels large."""
    kind = random.choice(["blob", "animal", "vehicle", "rigid"], p=[0.25, 0.4, 0.2, 0.15])
    return Mover(
        tuple({"blob": blob, "animal": animal, "vehicle": vehicle, "rigid": rigid}[kind](random, cloth)), radius
    )


def part(random: Random, cloth: Cloth, radii: Floats, **pose: object) -> Part:
    plain = {
        "ripple": 0.0,
        "waves": 3,
        "period": 20.0,
        "phase": random.uniform(0, 6.3),
        "joint": (0.0, 0.0),
        "size": (1.0, 1.0),
        "angle": 0.0,
        "swing": 0.0,
        "turns": 0.0,
    }
    return Part(patch=cloth(), radii=radii, **{**plain, **pose})


def outline(random: Random, roughness: float) -> Floats:
    angles = np.linspace(0, 2 * np.pi, CORNERS, endpoint=False)
    radii = np.ones(CORNERS)
    for waves in range(2, 7):
        radii += roughness / waves * random.normal() * np.cos(waves * angles + random.uniform(0, 6.3))
    return np.clip(radii, 0.3, 1.45).astype(np.float32)


def box_outline(power: float) -> Floats:
    angles = np.linspace(0, 2 * np.pi, CORNERS, endpoint=False)
    return ((abs(np.cos(angles)) ** power + abs(np.sin(angles)) ** power) ** (-1 / power)).astype(np.float32)


def blob(random: Random, cloth: Cloth) -> list[Part]:
    return [
        part(
            random,
            cloth,
            outline(random, 0.6),
            ripple=random.uniform(0, 0.25),
            waves=int(random.integers(2, 5)),
            period=random.uniform(10, 40),
            size=(1.0, random.uniform(0.4, 1.2)),
            angle=random.uniform(-3, 3),
        )
    ]


def animal(random: Random, cloth: Cloth) -> list[Part]:
    upright = random.random() < 0.5
    length, girth = random.uniform(0.8, 1.1), random.uniform(0.35, 0.6)
    stride = random.uniform(8, 30)
    limbs = []
    for number in range(int(random.integers(2, 6))):
        across = random.uniform(0.08, 0.2)
        at = (
            (random.uniform(-0.6, 0.6), girth * 0.7)
            if not upright
            else (random.choice([-0.6, 0.7]) * length, girth * random.choice([-0.6, 0.6]))
        )
        limbs.append(
            part(
                random,
                cloth,
                box_outline(3),
                joint=at,
                size=(random.uniform(0.4, 0.75), across),
                period=stride,
                phase=number * 2.2,
                angle=np.pi / 2 if not upright else random.uniform(-1, 1),
                swing=random.uniform(0.1, 0.8),
            )
        )
    body = part(
        random, cloth, outline(random, 0.25), size=(length, girth), ripple=random.uniform(0, 0.06), period=stride
    )
    head = part(
        random,
        cloth,
        outline(random, 0.2),
        joint=(length * 1.05, -girth * random.uniform(0, 0.8)),
        size=(0.33, 0.28),
        swing=random.uniform(0, 0.3),
        period=stride,
    )
    turn = -np.pi / 2 if upright else 0.0
    return [turned(each, turn) for each in (*limbs, body, head)]


def turned(each: Part, by: float) -> Part:
    x, y = each.joint
    joint = (x * np.cos(by) - y * np.sin(by), x * np.sin(by) + y * np.cos(by))
    return Part(
        **{
            **{name: getattr(each, name) for name in Part.__dataclass_fields__},
            "joint": joint,
            "angle": each.angle + by,
        }
    )


def vehicle(random: Random, cloth: Cloth) -> list[Part]:
    long, high = random.uniform(1, 1.4), random.uniform(0.3, 0.6)
    body = part(random, cloth, box_outline(random.uniform(4, 12)), size=(long, high))
    cabin = part(
        random, cloth, box_outline(6), joint=(random.uniform(-0.4, 0.4), -high), size=(long * 0.55, high * 0.5)
    )
    wheels = [
        part(
            random,
            cloth,
            box_outline(2),
            joint=(side * long * 0.6, high * 0.9),
            size=(0.22, 0.22),
            turns=random.uniform(0.05, 0.4),
        )
        for side in (-1, 1)
    ]
    return [cabin, body, *wheels]


def rigid(random: Random, cloth: Cloth) -> list[Part]:
    return [
        part(
            random,
            cloth,
            outline(random, 1.2),
            size=(1.0, random.uniform(0.4, 1.0)),
            angle=random.uniform(-3, 3),
            turns=random.normal(0, 0.03),
        )
    ]


def paint(
    picture: Floats, mover: Mover, place: tuple[float, float], scale: float, turn: float, time: float, mirror: bool
) -> Floats:
    """Draw into (H, W, 3) float32 in place; returns what is covered, (H, W) float32 in 0..1."""
    covered = np.zeros(picture.shape[:2], np.float32)
    flip = np.diag([-1.0 if mirror else 1.0, 1.0])
    cos, sin = np.cos(turn), np.sin(turn)
    body = mover.radius * scale * np.array([[cos, -sin], [sin, cos]]) @ flip
    for each in mover.parts:
        wave = np.sin(2 * np.pi * time / each.period + each.phase)
        angle = each.angle + each.swing * wave + each.turns * time
        cos, sin = np.cos(angle), np.sin(angle)
        own = np.array([[cos, -sin], [sin, cos]])
        limb = each.swing > 0
        joint = np.array(each.joint) + (own @ (each.size[0] * 0.8, 0) if limb else 0)  # a limb hangs on its end
        matrix = body @ own @ np.diag(each.size)
        angles = np.linspace(0, 2 * np.pi, CORNERS, endpoint=False)
        radii = each.radii * (
            1 + each.ripple * np.sin(each.waves * angles + 2 * np.pi * time / each.period + each.phase)
        )
        corners = (radii * np.stack([np.cos(angles), np.sin(angles)])).T @ matrix.T + np.array(place) + body @ joint
        paint_part(picture, covered, each.patch, matrix, np.array(place) + body @ joint, corners)
    return covered


def paint_part(picture: Floats, covered: Floats, patch: Bytes, matrix: NDArray, at: NDArray, corners: NDArray) -> None:
    height, width = covered.shape
    left, top = np.maximum(np.floor(corners.min(0)).astype(int) - 1, 0)
    right, bottom = np.minimum(np.ceil(corners.max(0)).astype(int) + 2, (width, height))
    if right <= left or bottom <= top:
        return
    inside = np.zeros((bottom - top, right - left), np.uint8)
    cv2.fillPoly(inside, [np.round((corners - (left, top)) * 16).astype(np.int32)], 255, cv2.LINE_AA, shift=4)
    weight = inside.astype(np.float32)[..., None] / 255
    to_picture = matrix * (3 / PATCH)  # patch pixels, counted from its middle, to picture pixels
    shift = at - (left, top) - to_picture @ (PATCH / 2, PATCH / 2)
    drawn = cv2.warpAffine(
        patch, np.column_stack([to_picture, shift]), (right - left, bottom - top), borderMode=cv2.BORDER_REFLECT
    )
    window = picture[top:bottom, left:right]
    window += weight * (drawn - window)
    here = covered[top:bottom, left:right]
    np.maximum(here, weight[..., 0], out=here)
