"""From a shot to pixels: background, camera, objects, noise. All in numpy and OpenCV, random only by seed."""

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from deltaclip.shapes.paths import ShapePath
from deltaclip.shapes.spec import BASE_SIDE, Colour, Kind, ShapesSpec, Thing

__all__ = ["Shot", "background", "camera_way", "draw_shot", "mover_mask"]

RGB: dict[Colour, tuple[int, int, int]] = {
    # Three darker and three lighter than the background (luma 100 to 124) by 35 grey levels or more: the paper's
    # threshold is 25. Luma 0.299 R + 0.587 G + 0.114 B: 56, 47, 54, 160, 172, 212.
    "red": (170, 5, 20),
    "blue": (10, 35, 205),
    "purple": (115, 5, 145),
    "green": (50, 225, 115),
    "cyan": (30, 230, 250),
    "yellow": (255, 225, 35),
}
EQUAL_LUMA = 112.0
_FRACTION_BITS = 4
"""OpenCV draws polygons at sixteenths of a pixel: slow movers must not jump."""


@dataclass(frozen=True, slots=True)
class Shot:
    """Frames without a cut.

    things, paths: what is there and where, in one order. mover: its place in that order, None if nothing moves.
    seed: of background, camera and noise. num_frames: native frames.
    second: place of an object that moves after the mover: each of them moves for half of an odd number of frames.
    backwards: everything is played backwards, objects, camera and noise.
    """

    things: tuple[Thing, ...]
    paths: tuple[ShapePath, ...]
    mover: int | None
    seed: int
    num_frames: int
    second: int | None = None
    backwards: bool = False

    @property
    def movers(self) -> tuple[int, ...]:
        """Places of the objects that move, in the order in which they are seen to."""
        ordered = tuple(number for number in (self.mover, self.second) if number is not None)
        return ordered[::-1] if self.backwards else ordered

    def forwards(self, frames: NDArray[np.int64]) -> NDArray[np.int64]:
        """Native frame numbers in the shot played forwards."""
        return self.num_frames - 1 - frames if self.backwards else frames

    def place(self, number: int, frame: int) -> NDArray[np.float64]:
        """x and y, (2,) float64, of an object at a native frame of the shot played forwards."""
        path = self.paths[number]
        if self.second is None:
            return path.place(frame, moving=number == self.mover)
        gone = min(frame, self._half) if number == self.mover else max(frame - self._half, 0)
        return path.place(gone, moving=number in (self.mover, self.second))

    def mover_at(self, frame: int) -> int | None:
        """Which object moves at a native frame of the shot played forwards."""
        return self.second if self.second is not None and frame > self._half else self.mover

    @property
    def _half(self) -> int:
        return (self.num_frames - 1) // 2


def draw_shot(shot: Shot, frames: NDArray[np.int64], spec: ShapesSpec) -> NDArray[np.uint8]:
    """Pictures of a shot, rgb uint8 (len(frames), size, size, 3), at native frame numbers counted in the shot."""
    canvas = background(shot.seed, spec)
    way = camera_way(shot, spec)
    frames = shot.forwards(frames)
    pictures = np.empty((len(frames), spec.size, spec.size, 3), np.uint8)
    for picture, frame in zip(pictures, frames, strict=True):
        picture[:] = _seen(canvas, way[frame], spec)
        for thing, outline in zip(shot.things, _outlines(shot, int(frame), way[frame], spec), strict=True):
            cv2.fillPoly(picture, outline, _rgb(thing.colour, spec), cv2.LINE_AA, _FRACTION_BITS)
        _disturb(picture, shot.seed, int(frame), spec)
    return pictures


def mover_mask(shot: Shot, frames: NDArray[np.int64], spec: ShapesSpec) -> NDArray[np.bool_]:
    """Where the mover is, bool (len(frames), size, size): the true motion mask. Empty if nothing moves."""
    masks = np.zeros((len(frames), spec.size, spec.size), np.uint8)
    way = camera_way(shot, spec)
    for mask, frame in zip(masks, shot.forwards(frames), strict=True):
        if (mover := shot.mover_at(int(frame))) is not None:
            outline = _outlines(shot, int(frame), way[frame], spec)[mover]
            cv2.fillPoly(mask, outline, 255, cv2.LINE_AA, _FRACTION_BITS)
    return masks > 127


def background(seed: int, spec: ShapesSpec) -> NDArray[np.uint8]:
    """A textured still background, rgb uint8, twice the picture's side so that a camera can move over it.

    Luma stays between 100 and 124, so that every colour of an object differs from it (or equals it, `equal_luma`).
    """
    rng = np.random.default_rng([seed, 1])
    side = 2 * spec.size
    texture = np.zeros((side, side), np.float32)
    for cells, weight in ((6, 0.6), (18, 0.5), (54, 0.4)):
        coarse = rng.standard_normal((cells, cells)).astype(np.float32)
        texture += weight * cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC)
    luma = EQUAL_LUMA if spec.equal_luma else EQUAL_LUMA + 12.0 * np.tanh(texture)
    tint = rng.uniform(-14, 14, 2)
    patches = cv2.resize(rng.uniform(-8, 8, (5, 5, 2)).astype(np.float32), (side, side), interpolation=cv2.INTER_CUBIC)
    red, blue = tint[0] + patches[..., 0], tint[1] + patches[..., 1]
    if spec.equal_luma:
        red, blue = red + 10 * np.tanh(texture), blue - 10 * np.tanh(texture)
    green = -(0.299 * red + 0.114 * blue) / 0.587  # the tint leaves luma as it is
    return np.asarray(np.clip(np.stack([luma + red, luma + green, luma + blue], -1), 0, 255), np.uint8)


def camera_way(shot: Shot, spec: ShapesSpec) -> NDArray[np.float64]:
    """How far the picture is moved at each native frame, float64 (num_frames, 2), in pixels at 224, mean about 0.

    In the order of frames played forwards.
    """
    rng = np.random.default_rng([shot.seed, 2])
    time = np.arange(shot.num_frames) - (shot.num_frames - 1) / 2
    if spec.camera == "pan":
        angle, speed = rng.uniform(0, 2 * np.pi), rng.uniform(0.5, 1.2) * 47 / max(spec.num_frames - 1, 1)
        return np.asarray(time[:, None] * speed * np.array([np.cos(angle), np.sin(angle)]))
    if spec.camera == "shake":
        # A hand: two slow sine waves and a little fast tremble for each axis.
        phases, rates = rng.uniform(0, 2 * np.pi, (3, 2)), rng.uniform((0.05, 0.15, 0.5), (0.12, 0.3, 1.2), (2, 3)).T
        return sum(
            (
                spec.shake * size * np.sin(time[:, None] * rate + phase)
                for size, rate, phase in zip((4, 2, 0.7), rates, phases, strict=True)
            ),
            start=np.zeros((shot.num_frames, 2)),
        )
    return np.zeros((shot.num_frames, 2))


def _seen(canvas: NDArray[np.uint8], shift: NDArray[np.float64], spec: ShapesSpec) -> NDArray[np.uint8]:
    """The part of the background in view, rgb uint8 (size, size, 3)."""
    if not shift.any():
        half = spec.size // 2
        return canvas[half : half + spec.size, half : half + spec.size]
    scale = spec.size / BASE_SIDE
    centre = spec.size - 0.5 - shift * scale
    return cv2.getRectSubPix(canvas, (spec.size, spec.size), (float(centre[0]), float(centre[1]))).astype(np.uint8)


def _outlines(shot: Shot, frame: int, shift: NDArray[np.float64], spec: ShapesSpec) -> list[list[NDArray[np.int32]]]:
    """Polygons of every thing at a native frame of the shot played forwards, in sixteenths of a drawn pixel."""
    scale = spec.size / BASE_SIDE
    outlines = []
    for number, (thing, path) in enumerate(zip(shot.things, shot.paths, strict=True)):
        centre = shot.place(number, frame) + shift
        # OpenCV's pixel (0, 0) is a centre, ours a corner: half a pixel apart.
        rings = [(centre + path.radius * ring) * scale - 0.5 for ring in _rings(thing.kind, path.turn)]
        outlines.append([np.round(ring * 2**_FRACTION_BITS).astype(np.int32) for ring in rings])
    return outlines


@lru_cache(maxsize=256)
def _rings(kind: Kind, turn: float) -> tuple[NDArray[np.float64], ...]:
    """Closed outlines of a shape around (0, 0), each (N, 2); its farthest point is 1 away. A ring has two."""
    if kind == "circle":
        return (0.9 * _polygon(36, turn),)
    if kind == "ring":
        return 0.95 * _polygon(36, turn), 0.5 * _polygon(36, turn)
    if kind == "square":
        return (_polygon(4, turn),)
    if kind == "triangle":
        return (_polygon(3, turn),)
    return (_polygon(10, turn, (1.0, 0.42)),)


def _polygon(corners: int, turn: float, radii: tuple[float, ...] = (1.0,)) -> NDArray[np.float64]:
    """Corners (N, 2) at equal angles from `turn` on, their distances from the middle taken from `radii` in turn."""
    angles = turn + 2 * np.pi * np.arange(corners) / corners
    return np.asarray(np.resize(radii, corners)[:, None] * np.stack([np.cos(angles), np.sin(angles)], -1))


def _rgb(colour: Colour, spec: ShapesSpec) -> tuple[int, int, int]:
    """The colour of a thing; with `equal_luma` mixed with black or white until its luma is the background's."""
    red, green, blue = RGB[colour]
    if not spec.equal_luma:
        return red, green, blue
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    if luma > EQUAL_LUMA:
        share, other = EQUAL_LUMA / luma, 0.0
    else:
        share, other = (255 - EQUAL_LUMA) / (255 - luma), 255.0
    return tuple(round(share * part + (1 - share) * other) for part in (red, green, blue))  # type: ignore[return-value]


def _disturb(picture: NDArray[np.uint8], seed: int, frame: int, spec: ShapesSpec) -> None:
    """Noise and flicker, in place, from a seed of the frame alone: any frame can be drawn without the others."""
    if not spec.noise and not spec.flicker:
        return
    rng = np.random.default_rng([seed, 3, frame])
    gain = 1 + spec.flicker * rng.uniform(-1, 1)
    noise = spec.noise * rng.standard_normal(picture.shape, np.float32)
    picture[:] = np.clip(np.round(picture * gain + noise), 0, 255)
