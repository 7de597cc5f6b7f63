"""Ways through a picture, as polylines: what a finger draws in the air and how objects go about.

A way is (P, 2) float64, right and down, in units of its own half size; `along` walks it at even speed.
"""

from collections.abc import Callable
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

__all__ = ["PATHS", "Floats", "Random", "along", "length_of"]

Floats = NDArray[np.float64]
Random = np.random.Generator

BEND = 0.07
"""Standard deviation of the corners of a drawn figure: nobody draws it exactly."""


def along(points: Floats, shares: Floats) -> Floats:
    """Places on a polyline (P, 2) at shares of its length (N,), 0 to 1: (N, 2)."""
    steps = np.hypot(*np.diff(points, axis=0).T)
    way = np.concatenate([[0.0], np.cumsum(steps)])
    if way[-1] == 0:
        return np.repeat(points[:1], len(shares), axis=0)
    return np.stack([np.interp(shares * way[-1], way, points[:, axis]) for axis in (0, 1)], axis=1)


def length_of(points: Floats) -> float:
    """Of a polyline (P, 2)."""
    return float(np.hypot(*np.diff(points, axis=0).T).sum())


def _corners(*points: tuple[float, float]) -> Callable[[Random], Floats]:
    def draw(random: Random) -> Floats:
        made = np.array(points, float)
        return made * random.uniform(0.75, 1.25, 2) + random.normal(0, BEND, made.shape)

    return draw


def _line(random: Random) -> Floats:
    """In any direction, mostly along an axis, hardly bent."""
    quarter = random.integers(8) if random.random() < 0.5 else 2 * random.integers(4)
    angle = quarter * np.pi / 4 + random.normal(0, 0.13)
    way = np.linspace(-1, 1, 24)
    bow = random.normal(0, 0.08) * (1 - way**2)
    return np.stack([way * np.cos(angle) - bow * np.sin(angle), way * np.sin(angle) + bow * np.cos(angle)], axis=1)


def _circle(random: Random) -> Floats:
    """One to three rounds, either way, from any place, rarely quite round."""
    rounds = random.uniform(0.85, 1.25) if random.random() < 0.65 else random.uniform(1.5, 3.2)
    angle = np.linspace(0, 2 * np.pi * rounds, int(40 * rounds)) * random.choice([-1, 1]) + random.uniform(0, 2 * np.pi)
    return np.stack([np.cos(angle), np.sin(angle)], axis=1) * random.uniform(0.7, 1.0, 2)


def _spiral(random: Random) -> Floats:
    angle = np.linspace(0, 2 * np.pi * random.uniform(2, 3.5), 120) * random.choice([-1, 1]) + random.uniform(0, 6.3)
    radius = np.linspace(0.1, 1, 120)
    return (
        np.stack([np.cos(angle), np.sin(angle)], axis=1) * (radius if random.random() < 0.5 else radius[::-1])[:, None]
    )


def _eight(random: Random) -> Floats:
    angle = np.linspace(0, 2 * np.pi * random.uniform(0.9, 2), 120) * random.choice([-1, 1]) + random.uniform(0, 6.3)
    way = np.stack([np.sin(angle), np.sin(2 * angle) / 2], axis=1)
    return way if random.random() < 0.5 else way[:, ::-1]


def _arc(random: Random) -> Floats:
    angle = np.linspace(0, random.uniform(0.4, 0.8) * np.pi, 30) * random.choice([-1, 1]) + random.uniform(0, 2 * np.pi)
    return np.stack([np.cos(angle), np.sin(angle)], axis=1)


def _rectangle(random: Random) -> Floats:
    """The four sides, from any corner, either way round."""
    corners = np.array([(-1, -0.8), (1, -0.8), (1, 0.8), (-1, 0.8)]) * random.uniform(0.6, 1.2, 2)
    order = (random.integers(4) + np.arange(5) * random.choice([-1, 1])) % 4
    return np.asarray(corners[order] + random.normal(0, BEND, (5, 2)))


def _triangle(random: Random) -> Floats:
    corners = np.array([(0, -1), (0.95, 0.75), (-0.95, 0.75)])
    order = (random.integers(3) + np.arange(4) * random.choice([-1, 1])) % 3
    return np.asarray(corners[order] * random.uniform(0.7, 1.2, 2) + random.normal(0, BEND, (4, 2)))


def _star(random: Random) -> Floats:
    """Five points in one stroke, from any point, either way."""
    points = np.array([(-0.6, 0.9), (0, -1), (0.6, 0.9), (-0.95, -0.25), (0.95, -0.25)])
    start = random.integers(5) if random.random() < 0.4 else random.choice([0, 1])
    order = (start + np.arange(6) * random.choice([-1, 1])) % 5
    return np.asarray(points[order] * random.uniform(0.8, 1.2, 2) + random.normal(0, BEND, (6, 2)))


def _cross(random: Random, strokes: tuple[tuple[tuple[float, float], ...], ...]) -> Floats:
    """Two strokes in any order, each either way; the pen travels between them."""
    order = random.permutation(2)
    parts = [np.array(strokes[number])[:: random.choice([-1, 1])] for number in order]
    made = np.concatenate(parts) * random.uniform(0.75, 1.25, 2)
    return made + random.normal(0, BEND, made.shape)


def _x(random: Random) -> Floats:
    return _cross(random, (((-0.8, -0.8), (0.8, 0.8)), ((0.8, -0.8), (-0.8, 0.8))))


def _plus(random: Random) -> Floats:
    return _cross(random, (((0, -0.9), (0, 0.9)), ((-0.9, 0), (0.9, 0))))


def _zigzag(random: Random) -> Floats:
    """On a straight way, to and fro across it; for a few turns or many."""
    turns = random.integers(3, 9)
    way = np.stack([np.linspace(-1, 1, turns + 1), np.where(np.arange(turns + 1) % 2, 1.0, -1.0) * 0.5], axis=1)
    return _turned(way * np.array([1.2, random.uniform(0.4, 1.2)]), random)


def _wavy(random: Random) -> Floats:
    way = np.linspace(-1.2, 1.2, 90)
    return _turned(np.stack([way, random.uniform(0.2, 0.5) * np.sin(way * random.uniform(5, 12))], axis=1), random)


def _turned(way: Floats, random: Random) -> Floats:
    """Along an axis, either way, or anyhow."""
    angle = random.integers(4) * np.pi / 2 if random.random() < 0.75 else random.uniform(0, 2 * np.pi)
    cos, sin = np.cos(angle), np.sin(angle)
    return np.asarray(way @ np.array([[cos, sin], [-sin, cos]]))


def _to_and_fro(axis: int) -> Callable[[Random], Floats]:
    def draw(random: Random) -> Floats:
        turns = random.integers(2, 8)
        ends = np.where(np.arange(turns + 1) % 2, 1.0, -1.0) * random.choice([-1, 1])
        way = random.normal(0, 0.05, (turns + 1, 2))
        way[:, axis] += ends
        return np.concatenate([np.linspace(one, two, 12) for one, two in pairwise(way)])

    return draw


def _bounces(random: Random) -> Floats:
    """Arches over a ground: in one place, or on the way to a side."""
    count = random.integers(2, 7)
    share = np.linspace(0, count, 24 * count)
    height = -4 * (share % 1) * (1 - share % 1)
    way = random.choice([0, 0, -1, 1]) * np.linspace(-1, 1, len(share)) * random.uniform(0.5, 1.2)
    return np.stack([way, height + 0.5], axis=1)


def _arch(random: Random) -> Floats:
    """Thrown: up to a peak and down on the other side."""
    way = np.linspace(-1, 1, 40) * random.choice([-1, 1])
    return np.stack([way * random.uniform(0.8, 1.3), way**2 * random.uniform(0.8, 1.4) - 0.5], axis=1)


def _strokes(random: Random) -> Floats:
    """Two to five straight strokes in any directions: a figure without a name."""
    angles = random.uniform(0, 2 * np.pi, random.integers(2, 6))
    steps = np.stack([np.cos(angles), np.sin(angles)], axis=1) * random.uniform(0.5, 1.5, (len(angles), 1))
    way = np.concatenate([np.zeros((1, 2)), np.cumsum(steps, axis=0)])
    way -= way.mean(0)
    return np.asarray(way / max(abs(way).max(), 0.3))


def _two_strokes(random: Random) -> Floats:
    """One way and then a different one, each along an axis or a diagonal: there and back, up and then to the side."""
    first, second = (
        random.choice(8, 2, replace=False) if random.random() < 0.5 else random.choice([0, 2, 4, 6], 2, False)
    )
    way = np.zeros((3, 2))
    for number, octant in enumerate((first, second)):
        angle = octant * np.pi / 4 + random.normal(0, 0.12)
        way[number + 1] = way[number] + random.uniform(0.8, 2.0) * np.array([np.cos(angle), np.sin(angle)])
    return np.asarray(way - (way.max(0) + way.min(0)) / 2)


def _wander(random: Random) -> Floats:
    """A smooth way to nowhere in particular."""
    steps = np.cumsum(random.normal(0, 1, (random.integers(6, 20), 2)), axis=0)
    fine = np.linspace(0, len(steps) - 1, 160)
    way = np.stack([np.interp(fine, np.arange(len(steps)), steps[:, axis]) for axis in (0, 1)], axis=1)
    kernel = np.hanning(25) / np.hanning(25).sum()
    way = np.stack([np.convolve(np.pad(way[:, axis], 12, "edge"), kernel, "valid") for axis in (0, 1)], axis=1)
    way -= way.mean(0)
    return np.asarray(way / max(abs(way).max(), 0.3))


PATHS: dict[str, Callable[[Random], Floats]] = {
    "line": _line,
    "circle": _circle,
    "spiral": _spiral,
    "eight": _eight,
    "arc": _arc,
    "rectangle": _rectangle,
    "triangle": _triangle,
    "star": _star,
    "x": _x,
    "plus": _plus,
    "tick": _corners((-0.9, 0.1), (-0.35, 0.75), (1, -0.9)),
    "caret": _corners((-0.9, 0.85), (0, -0.85), (0.9, 0.85)),
    "vee": _corners((-0.9, -0.85), (0, 0.85), (0.9, -0.85)),
    "ell": _corners((-0.6, -1), (-0.6, 0.9), (0.8, 0.9)),
    "zed": _corners((-0.9, -0.8), (0.9, -0.8), (-0.9, 0.8), (0.9, 0.8)),
    "zigzag": _zigzag,
    "wavy": _wavy,
    "side_to_side": _to_and_fro(0),
    "up_and_down": _to_and_fro(1),
    "bounce": _bounces,
    "arch": _arch,
    "strokes": _strokes,
    "two_strokes": _two_strokes,
    "wander": _wander,
}
"""By name: a random way of that kind."""
