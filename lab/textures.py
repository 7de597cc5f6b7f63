"""Drawn surfaces: noise of many octaves in a palette, gradients, polygons, walls with windows."""

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["background", "coat", "octaves"]

Bytes = NDArray[np.uint8]
Floats = NDArray[np.float32]
Random = np.random.Generator

NATURAL = (
    (0.25, 0.35, 0.25),
    (0.4, 0.35, 0.25),
    (0.45, 0.45, 0.45),
    (0.35, 0.5, 0.65),
    (0.6, 0.55, 0.45),
    (0.3, 0.4, 0.2),
)
"""Colours that most filmed grounds are near: leaves, earth, stone, sky and water, sand, grass."""


def octaves(random: Random, height: int, width: int, coarse: float, roughness: float) -> Floats:
    """Noise of mean 0 and deviation 1: cells of `coarse` pixels and ever smaller, each `roughness` times as strong."""
    total = np.zeros((height, width), np.float32)
    cell, weight = coarse, 1.0
    stretch = np.exp(random.normal(0, 0.4))
    while cell >= 1.5:
        rows, columns = max(2, int(height / cell * stretch) + 2), max(2, int(width / cell / stretch) + 2)
        total += weight * cv2.resize(
            random.normal(size=(rows, columns)).astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC
        )
        cell, weight = cell / 2, weight * roughness
    return (total - total.mean()) / (total.std() + 1e-6)


def palette(random: Random, count: int, natural: bool, contrast: float) -> Floats:
    """(count, 3) in 0..255: light and dark shades near one natural colour, or of any colour. contrast: of log light."""
    if natural or random.random() < 0.5:
        middle = np.array(NATURAL[random.integers(len(NATURAL))]) * random.uniform(0.4, 1.6)
    else:
        middle = random.uniform(0.1, 1) * (random.uniform(0, 1) + random.normal(0, 0.3, 3))
    shades = np.exp(random.normal(0, contrast, (count, 1)))
    colours = middle * shades + random.normal(0, 0.12 * contrast, (count, 3))
    return np.clip(colours, 0.03, 0.97).astype(np.float32) * 255


def surface(random: Random, height: int, width: int, natural: bool, contrast: float) -> Bytes:
    """(height, width, 3): palette by noise, from nearly flat to rough, with shade from one side."""
    colours = palette(random, int(random.integers(2, 6)), natural, contrast)
    noise = octaves(random, height, width, random.uniform(6, 60), random.uniform(0.4, 1.0))
    at = np.clip((noise * random.uniform(0.1, 0.5) + 0.5) * (len(colours) - 1), 0, len(colours) - 1.001)
    low = at.astype(np.int32)
    part = (at - low)[..., None]
    if random.random() < 0.3:  # patches with sharp borders
        part = (part > 0.5).astype(np.float32)
    picture = colours[low] * (1 - part) + colours[low + 1] * part
    shade = np.linspace(-1, 1, height)[:, None] * random.normal(0, 0.15) + np.linspace(-1, 1, width) * random.normal(
        0, 0.1
    )
    fine = octaves(random, height, width, 6, 0.8) * random.uniform(0, 0.4) * contrast
    return np.clip(picture * (1 + shade + fine)[..., None], 0, 255).astype(np.uint8)


def polygons(random: Random, picture: Bytes, count: int, largest: float) -> None:
    """Draw `count` filled polygons, lines or walls into `picture`: static things with edges."""
    height, width = picture.shape[:2]
    for _ in range(count):
        size = largest * random.uniform(0.1, 1)
        middle = random.uniform(0, 1, 2) * (width, height)
        colour = palette(random, 1, random.random() < 0.7, 0.4)[0].tolist()
        kind = random.random()
        if kind < 0.4:
            corners = middle + random.normal(0, size, (int(random.integers(3, 7)), 2))
            cv2.fillPoly(picture, [corners.astype(np.int32)], colour, cv2.LINE_AA)
        elif kind < 0.6:
            end = middle + random.normal(0, 3 * size, 2)
            cv2.line(
                picture,
                middle.astype(int).tolist(),
                end.astype(int).tolist(),
                colour,
                int(random.integers(1, 5)),
                cv2.LINE_AA,
            )
        else:
            wall(random, picture, middle, size, colour)


def wall(random: Random, picture: Bytes, middle: NDArray[np.float64], size: float, colour: list[float]) -> None:
    """A rectangle with rows of windows."""
    left, top = (middle - size * random.uniform(0.4, 1.2, 2)).astype(int)
    right, bottom = (middle + size * random.uniform(0.4, 1.2, 2)).astype(int)
    cv2.rectangle(picture, (left, top), (right, bottom), colour, -1)
    pane = palette(random, 1, True, 0.6)[0].tolist()
    step = int(random.integers(8, 24))
    for y in range(top + step // 2, bottom - step // 2, step):
        for x in range(left + step // 2, right - step // 2, step):
            cv2.rectangle(picture, (x, y), (x + step // 2, y + step // 2), pane, -1)


def background(random: Random, height: int, width: int, horizon: float) -> Bytes:
    """(height, width, 3): patches of surfaces, often others above `horizon` (a share of the height), and things."""
    picture = patches(random, height, width, int(random.integers(1, 5)))
    if random.random() < 0.7:
        edge = height * horizon + octaves(random, 1, width, 200, 0.6)[0] * random.uniform(0, 12)
        above = np.arange(height)[:, None] < edge
        sky = patches(random, height, width, int(random.integers(1, 4)))
        if random.random() < 0.3:
            sky = cv2.GaussianBlur(sky, (0, 0), 12)
        picture[above] = sky[above]
    polygons(random, picture, int(random.integers(0, 90)), random.uniform(8, 60))
    if random.random() < 0.5:
        picture = cv2.GaussianBlur(picture, (0, 0), random.uniform(0.3, 3))  # out of focus
    return picture


def patches(random: Random, height: int, width: int, count: int) -> Bytes:
    """(height, width, 3): surfaces of different colours side by side, with ragged borders."""
    contrast = random.uniform(0.03, 0.45)
    picture = surface(random, height, width, random.random() < 0.8, contrast)
    for _ in range(count - 1):
        here = octaves(random, height, width, random.uniform(30, 250), random.uniform(0.2, 0.6)) > random.uniform(
            -0.3, 1.2
        )
        contrast = random.uniform(0.03, 0.45)
        picture[here] = surface(random, height, width, random.random() < 0.8, contrast)[here]
    return picture


def coat(random: Random, side: int, natural: bool, ground: Bytes) -> Bytes:
    """(side, side, 3): the surface of a mover, in focus, mostly with marks: clothes, stripes, windows.

    ground: what it moves over; a third of the coats are a piece of it, lighter or darker.
    """
    if random.random() < 0.35:
        top, left = (int(random.integers(0, length - side)) for length in ground.shape[:2])
        piece = ground[top : top + side, left : left + side] * np.exp(random.normal(0, 0.25))
        picture = np.clip(piece, 0, 255).astype(np.uint8)
    else:
        picture = surface(random, side, side, natural, random.uniform(0.1, 0.8))
    if random.random() < 0.75:
        polygons(random, picture, int(random.integers(0, 16)), random.uniform(5, side / 4))
    return picture
