"""Clips with known moving subjects, drawn by program: what the shipped weights of `subject` are fitted on.

A moving or still camera over a textured world with depth; movers that deform, swing their limbs and cast shadows;
things that stand nearer and are no subject; water, smoke, noise, flicker, motion blur and the marks of compression. A
fifth of the clips hold no mover. `draw_clip(seed)` is fixed by its seed. Look at some:

    python -m lab.draw_subjects sheet.png
"""

import io
import sys
import tempfile
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import av
import cv2
import numpy as np
from lab.movers import PATCH, Mover, new_mover, paint
from lab.textures import background, coat, octaves
from numpy.typing import NDArray

from deltaclip.motion import encode_png
from deltaclip.video import write_mp4

__all__ = ["NUM_FRAMES", "DrawnClip", "draw_clip"]

NUM_FRAMES = 12
SIZES = ((224, 398), (224, 398), (224, 398), (224, 398), (224, 299), (224, 224), (398, 224))
EMPTY = 0.2
"""Share of the clips without a mover."""
IN_FRONT = 1.5
"""Depth factor above which a still thing hides movers."""

Bytes = NDArray[np.uint8]
Floats = NDArray[np.float32]
Random = np.random.Generator


@dataclass(frozen=True)
class DrawnClip:
    """rgb, before, after: (T, H, W, 3) uint8. truth: (T, H, W) bool, what moves by itself. kind: a word on it."""

    rgb: Bytes
    before: Bytes
    after: Bytes
    truth: NDArray[np.bool_]
    kind: str


@dataclass(frozen=True)
class Wave:
    """A smooth way in time: steady speed and three sines. Pixels and native frames."""

    speed: float
    amplitudes: NDArray[np.float64]
    periods: NDArray[np.float64]
    phases: NDArray[np.float64]

    def at(self, time: float) -> float:
        return self.speed * time + float(
            (self.amplitudes * np.sin(2 * np.pi * time / self.periods + self.phases)).sum()
        )


def wave(random: Random, speed: float, size: float, fastest: float = 6, slowest: float = 80) -> Wave:
    return Wave(
        speed,
        random.normal(0, size, 3) / 3,
        np.exp(random.uniform(np.log(fastest), np.log(slowest), 3)),
        random.uniform(0, 6.3, 3),
    )


@dataclass(frozen=True)
class Camera:
    """x, y: travel in pixels, more for what is near. turn_x, turn_y: panning. zoom: log. roll: radians."""

    x: Wave
    y: Wave
    turn_x: Wave
    turn_y: Wave
    zoom: Wave
    roll: Wave


def new_camera(random: Random, followed: bool) -> Camera:
    """Still, hand-held, panning, travelling or both, with or without zoom; one that follows pans or travels."""
    chances = [0.0, 0.0, 0.4, 0.3, 0.3] if followed else [0.2, 0.4, 0.2, 0.15, 0.05]
    kind = random.choice(["still", "hand", "pan", "travel", "both"], p=chances)
    shake = 0.0 if kind == "still" else np.exp(random.uniform(np.log(0.1), np.log(6)))
    none = wave(random, 0, 0)
    speed = np.exp(random.uniform(np.log(1.2), np.log(20))) * random.choice([-1, 1])
    pan = speed if kind in ("pan", "both") else 0.0
    travel = speed * random.uniform(0.2, 1) if kind in ("travel", "both") else 0.0
    zooms = kind != "still" and random.random() < 0.35
    return Camera(
        x=wave(random, travel, abs(travel) * 3),
        y=wave(random, travel * random.normal(0, 0.1), 0),
        turn_x=wave(random, pan, shake + abs(pan) * 2),
        turn_y=wave(random, pan * random.normal(0, 0.2), shake),
        zoom=wave(random, random.normal(0, 0.004), 0.03, 20) if zooms else none,
        roll=wave(random, 0, 0.02 if random.random() < 0.4 else 0.003, 12) if kind != "still" else none,
    )


@dataclass(frozen=True)
class Walk:
    """A mover and its way in the picture from the middle; growth: log of its size; heading, tilt: radians.

    followed: the camera goes along, so that it hardly travels in the picture and the world goes by.
    start: where it is in the middle of the clip. x, y: from there on, in native frames before and after it.
    """

    mover: Mover
    start: tuple[float, float]
    x: Wave
    y: Wave
    growth: Wave
    heading: float
    tilt: float
    followed: bool


@dataclass(frozen=True, eq=False)
class Scene:
    """All that is drawn. Movers go on ways in the picture; still things stand in the world at a depth."""

    size: tuple[int, int]
    middle: float
    ground: Bytes
    horizon: float
    slope: float
    camera: Camera
    movers: list[Walk]
    still: list[tuple[Mover, float, float, float]]
    water: tuple[float, float, float] | None
    smoke: float
    shadow: float
    grain: Floats = field(repr=False)


def new_scene(random: Random, middle: float) -> Scene:
    height, width = SIZES[random.integers(len(SIZES))]
    horizon = random.uniform(0.15, 0.6)
    ground = background(random, int(height * 1.6), width * 3, (horizon + 0.3) / 1.6)
    movers = new_movers(random, height, width, ground)
    camera = new_camera(random, bool(movers) and movers[0].followed)
    return Scene(
        size=(height, width),
        middle=middle,
        ground=ground,
        horizon=horizon,
        slope=random.uniform(0.3, 2.5) if random.random() < 0.6 else 0.0,
        camera=camera,
        movers=movers,
        still=[
            (
                new_mover(random, random.uniform(10, 70), partial(coat, random, PATCH, True, ground)),
                random.uniform(1, 2.2),
                random.uniform(-1, 1) * width,
                random.uniform(-0.6, 0.6) * height,
            )
            for _ in range(int(random.integers(0, 7)) if random.random() < 0.6 else 0)
        ],
        water=(random.uniform(0.2, 0.8), random.uniform(0.3, 3), random.uniform(4, 30))
        if random.random() < 0.15
        else None,
        smoke=random.uniform(0.2, 0.9) if random.random() < 0.1 else 0.0,
        shadow=random.uniform(0.2, 0.6) if random.random() < 0.4 else 0.0,
        grain=octaves(random, 256, 256, 32, 0.7),
    )


def new_movers(random: Random, height: int, width: int, ground: Bytes) -> list[Walk]:
    """None to four, mostly one."""
    count = 0 if random.random() < EMPTY else int(random.choice([1, 2, 3, 4], p=[0.7, 0.17, 0.08, 0.05]))
    walks = []
    for number in range(count):
        area = np.exp(random.uniform(np.log(0.01), np.log(0.3 if number == 0 else 0.05)))
        radius = (area * height * width / np.pi) ** 0.5 * 1.2
        speed = np.exp(random.uniform(np.log(0.8), np.log(14)))
        heading = float(random.normal(0, 0.5) + np.pi * random.integers(2))
        followed = random.random() < 0.6
        drift = speed * (0.15 if followed else 1.0)
        walks.append(
            Walk(
                mover=new_mover(random, radius, partial(coat, random, PATCH, random.random() < 0.6, ground)),
                start=(random.normal(0, 0.12) * width, random.normal(0, 0.12) * height),
                x=wave(random, drift * np.cos(heading), speed * (4 if followed else 2), 15, 100),
                y=wave(random, drift * np.sin(heading), speed * 2, 8, 60),
                growth=wave(random, random.normal(0, 0.002), 0.05, 20),
                heading=heading,
                tilt=random.normal(0, 0.15),
                followed=followed,
            )
        )
    return walks


def draw_frame(scene: Scene, time: float) -> tuple[Floats, Floats]:
    """The picture at `time` (native frames) and what the movers cover."""
    height, width = scene.size
    camera = scene.camera
    travel = np.array((camera.x.at(time), camera.y.at(time)))
    turn = np.array((camera.turn_x.at(time), camera.turn_y.at(time)))
    zoom, roll = float(np.exp(np.clip(camera.zoom.at(time), -0.5, 0.8))), camera.roll.at(time)
    picture = draw_ground(scene, travel, turn, zoom, roll, time)
    matrix = zoom * np.array([[np.cos(roll), -np.sin(roll)], [np.sin(roll), np.cos(roll)]])
    middle = np.array((width / 2, height / 2))
    for thing, depth, x, y in scene.still:
        if depth <= IN_FRONT:
            put_still(picture, thing, matrix, middle, (x, y), depth * travel + turn, width, zoom, roll)
    covered = np.zeros((height, width), np.float32)
    for walk in scene.movers:
        mover, radius = walk.mover, walk.mover.radius
        along, down = walk.x.at(time - scene.middle), walk.y.at(time - scene.middle)
        offset = (wrapped(walk.start[0] + along, width), wrapped(walk.start[1] + down, height) * 0.6)
        place = middle + np.array(offset)
        if scene.shadow:
            shade(picture, place, radius, scene.shadow)
        if scene.smoke:
            smoke(picture, scene, place, radius, walk.heading, time)
        scale = float(np.exp(np.clip(walk.growth.at(time), -0.7, 0.7)))
        drawn = paint(picture, mover, (place[0], place[1]), scale, walk.tilt, time, np.cos(walk.heading) < 0)
        covered = np.maximum(covered, drawn)
    for thing, depth, x, y in scene.still:
        if depth > IN_FRONT:
            covered *= 1 - put_still(picture, thing, matrix, middle, (x, y), depth * travel + turn, width, zoom, roll)
    return picture, covered


def wrapped(value: float, span: float) -> float:
    """There and back inside -span/2..span/2, mostly near the middle: subjects are filmed there."""
    reach = span * 0.36
    return reach * float(np.sin(value / reach))


def put_still(
    picture: Floats,
    thing: Mover,
    matrix: NDArray,
    middle: NDArray,
    at: tuple[float, float],
    moved: NDArray,
    width: int,
    zoom: float,
    roll: float,
) -> Floats:
    """A thing that stands in the world; comes back on the other side when the camera has passed it."""
    x, y = np.array(at) - moved
    x = (x + width) % (2 * width) - width
    place = middle + matrix @ (x, ((y + width) % (2 * width)) - width)
    return paint(picture, thing, (place[0], place[1]), zoom, roll, 0.0, False)


def draw_ground(scene: Scene, travel: NDArray, turn: NDArray, zoom: float, roll: float, time: float) -> Floats:
    """The background: nearer rows go by faster where the ground slopes away; water ripples below its line."""
    height, width = scene.size
    x = np.arange(width, dtype=np.float32)[None] - width / 2
    y = np.arange(height, dtype=np.float32)[:, None] - height / 2
    cos, sin = np.cos(roll) / zoom, np.sin(roll) / zoom
    from_x, from_y = x * cos + y * sin, y * cos - x * sin
    depth = 1 + scene.slope * np.maximum(from_y / height + 0.5 - scene.horizon, 0) * 2 if scene.slope else 1.0
    from_x = from_x + (turn[0] + travel[0] * depth + scene.ground.shape[1] / 2)
    from_y = from_y + (turn[1] + travel[1] * depth + scene.ground.shape[0] / 2)
    if scene.water:
        line, strength, length = scene.water
        below = (from_y > scene.ground.shape[0] * (0.2 + line * 0.6)).astype(np.float32) * strength
        across = np.sin(from_y / length * 2 + time * 0.5) + np.sin(from_x / length / 2 + from_y / length - time * 0.37)
        from_y = from_y + below * across
        from_x = from_x + below * np.sin(from_x / length - time * 0.61 + from_y / length * 1.7)
    drawn = cv2.remap(
        scene.ground,
        from_x.astype(np.float32),
        from_y.astype(np.float32),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REFLECT_101,
    )
    return drawn.astype(np.float32)


def shade(picture: Floats, place: NDArray, radius: float, strength: float) -> None:
    """A soft dark ellipse below a mover: it goes along and is no subject."""
    dark = np.zeros(picture.shape[:2], np.uint8)
    at = (int(place[0] * 8), int((place[1] + radius * 0.8) * 8))
    cv2.ellipse(dark, at, (int(radius * 8), int(radius * 2)), 0, 0, 360, 255, -1, cv2.LINE_AA, shift=3)
    picture *= 1 - strength / 255 * dark[..., None].astype(np.float32)


def smoke(picture: Floats, scene: Scene, place: NDArray, radius: float, heading: float, time: float) -> None:
    """Light, changing clouds behind a mover: dust, spray, smoke. No subject."""
    height, width = picture.shape[:2]
    x = np.arange(width, dtype=np.float32)[None] - (place[0] - np.cos(heading) * radius * 1.4)
    y = np.arange(height, dtype=np.float32)[:, None] - (place[1] + radius * 0.5)
    near = np.exp(-(x**2 + 2 * y**2) / (1.2 * radius) ** 2)
    moved = np.roll(scene.grain, (int(time * 2.3), int(-time * 3.1)), (0, 1))
    cloud = cv2.resize(moved, (width, height))
    weight = np.clip(near * (0.6 + 0.5 * cloud) * scene.smoke, 0, 0.9)[..., None]
    picture += weight * (210 - picture)


def exposed(scene: Scene, time: float, shutter: float) -> tuple[Floats, Floats]:
    """A frame over the time that the shutter is open: three moments, or one."""
    if shutter == 0:
        return draw_frame(scene, time)
    moments = [draw_frame(scene, time + part * shutter) for part in (-1 / 3, 0, 1 / 3)]
    return np.mean([m[0] for m in moments], 0), np.mean([m[1] for m in moments], 0)


def draw_clip(seed: int) -> DrawnClip:
    """One clip of NUM_FRAMES sampled frames with their neighbours, fixed by its seed."""
    random = np.random.default_rng([20261121, seed])
    spacing, start = random.uniform(2.5, 9), random.uniform(-300, 300)
    scene = new_scene(random, start + NUM_FRAMES / 2 * spacing)
    shutter = random.choice([0.0, 0.5, 0.8])
    drawn = [
        exposed(scene, start + round(moment * spacing) + step, shutter)
        for moment in range(NUM_FRAMES)
        for step in (-1, 0, 1)
    ]
    truth = np.stack([covered > 0.5 for _, covered in drawn[1::3]])
    frames = compressed(random, worn(random, [picture for picture, _ in drawn]))
    kind = "empty" if not scene.movers else f"{len(scene.movers)} movers"
    return DrawnClip(frames[1::3], frames[::3], frames[2::3], truth, kind)


def worn(random: Random, pictures: list[Floats]) -> Bytes:
    """Blur of the lens, noise, flicker: what a camera adds."""
    noise = random.choice([0, 1, 2, 4, 7], p=[0.1, 0.3, 0.3, 0.2, 0.1])
    flicker = random.choice([0, 0.01, 0.04, 0.08], p=[0.6, 0.2, 0.12, 0.08])
    soft = random.uniform(0, 1.0)
    kept = []
    for picture in pictures:
        seen = cv2.GaussianBlur(picture, (0, 0), soft) if soft > 0.3 else picture
        seen = (
            seen * (1 + flicker * random.normal())
            + noise * random.standard_normal(picture.shape[:2], np.float32)[..., None]
        )
        kept.append(np.clip(seen, 0, 255).astype(np.uint8))
    return np.stack(kept)


def compressed(random: Random, frames: Bytes) -> Bytes:
    """The marks of H.264 (half of the clips), of JPEG, or none."""
    kind = random.choice(["h264", "jpeg", "none"], p=[0.5, 0.35, 0.15])
    if kind == "none":
        return frames
    if kind == "jpeg":
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(random.integers(40, 96))]
        return np.stack([cv2.imdecode(cv2.imencode(".jpg", frame, quality)[1], cv2.IMREAD_COLOR) for frame in frames])
    crf = int(random.integers(17, 32))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip.mp4"
        write_mp4(path, frames, 24, crf)
        with av.open(io.BytesIO(path.read_bytes())) as container:
            read = np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])
    return read[:, : frames.shape[1], : frames.shape[2]]


def sheet(count: int) -> Bytes:
    """Frames of the first clips, the truth outlined: (rows, columns, 3)."""
    rows = []
    for seed in range(count):
        clip = draw_clip(seed)
        tiles = []
        for index in (0, 4, 8):
            tile = clip.rgb[index].copy()
            outline, _ = cv2.findContours(clip.truth[index].astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
            cv2.drawContours(tile, outline, -1, (255, 0, 0), 1)
            tiles.append(cv2.resize(tile, (300, 170)))
        rows.append(np.concatenate(tiles, 1))
    half = (len(rows) + 1) // 2
    return np.concatenate([np.concatenate(rows[:half]), np.concatenate(rows[half : 2 * half])], 1)


if __name__ == "__main__":
    Path(sys.argv[1]).write_bytes(encode_png(sheet(24)))
