"""Scenes drawn as video frames, so that the errors of the real estimator are in what is learnt from them.

Frames are drawn at about the size at which flow is measured. They hold what flow stumbles over: plain and busy grounds,
movers in the colours of the ground, limbs, noise, flicker, blur and the blocks of compression.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from deltaclip.motion_words.paths import Floats, Random
from deltaclip.motion_words.scene import FIDGET, STEPS, Mover, Scene

__all__ = ["DrawnFrames", "draw"]

AREA = 204 * 115
"""Pixels of a frame, as `motion.flow` measures on."""
RATES = (10.0, 12.0, 15.0, 24.0, 25.0, 25.0, 30.0, 30.0)
"""Frames a second of the files that scenes pretend to be from."""
NEIGHBOUR_SECONDS = 1 / 24
WORLD = 640
"""Pixels of the side of the square that the ground is painted on; beyond its border it is mirrored."""
SPRITE = 96
"""Pixels of the side of a mover's picture."""

Picture = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class DrawnFrames:
    """rgb, before, after: (T, H, W, 3) uint8. seconds: (T,). step_seconds: from a frame to its neighbours."""

    rgb: NDArray[np.uint8]
    before: NDArray[np.uint8]
    after: NDArray[np.uint8]
    seconds: NDArray[np.float64]
    step_seconds: float


@dataclass(frozen=True, eq=False)
class _Part:
    """A piece of a mover: its picture with coverage (SPRITE, SPRITE, 4), its size in the mover's, and how it hangs."""

    picture: Picture
    wide: float
    high: float
    x: float
    y: float
    swing: float = 0.0
    beat: float = 0.0
    pivot: float = 0.0


def draw(scene: Scene, num_frames: int, random: Random) -> DrawnFrames:
    """`num_frames` frames at the middles of equal spans of the scene, with their neighbours."""
    height = max(round((AREA / scene.aspect) ** 0.5), 24)
    width = max(round(height * scene.aspect), 24)
    rate = float(random.choice(RATES))
    step = max(round(NEIGHBOUR_SECONDS * rate), 1) / rate
    seconds = (np.arange(num_frames) + 0.5) / num_frames * scene.seconds
    seconds = np.round(seconds * rate) / rate
    ground = _ground(random)
    bodies = [_body(random, mover, ground) for mover in scene.movers]
    anchors = [np.array([random.normal(0, 0.3), 0.9]) for _ in scene.movers]
    scale = WORLD / 3.2
    times = np.stack([seconds - step, seconds, seconds + step])
    drawn = np.empty((3, num_frames, height, width, 3), np.float32)
    for row, column in np.ndindex(times.shape):
        drawn[row, column] = _frame(scene, float(times[row, column]), (height, width), ground, bodies, anchors, scale)
    worn = _worn(drawn.reshape(-1, height, width, 3), random).reshape(drawn.shape)
    return DrawnFrames(worn[1], worn[0], worn[2], seconds, step)


def _frame(
    scene: Scene,
    second: float,
    size: tuple[int, int],
    ground: Picture,
    bodies: list[list[_Part]],
    anchors: list[Floats],
    scale: float,
) -> Picture:
    height, width = size
    moment = float(np.clip(second / scene.seconds, 0, 1)) * (STEPS - 1)

    def at(values: Floats) -> float:
        low = int(moment)
        high = min(low + 1, STEPS - 1)
        return float(values[low] + (values[high] - values[low]) * (moment - low))

    camera = scene.camera
    zoom, roll = float(np.exp(at(camera.zoom))), at(camera.roll)
    # World (heights) to picture (pixels): a camera that rolls clockwise sees the world turn the other way.
    cos, sin = np.cos(roll) * zoom * height, np.sin(roll) * zoom * height
    see = np.array([[cos, sin], [-sin, cos]])
    shift = np.array([width / 2, height / 2]) - see @ np.array([at(camera.x), at(camera.y)])
    from_ground = np.concatenate([see / scale, (shift - see @ np.full(2, WORLD / 2 / scale))[:, None]], axis=1)
    border = cv2.BORDER_REFLECT_101
    seen = cv2.warpAffine(ground, from_ground, (width, height), flags=cv2.INTER_LINEAR, borderMode=border)
    picture: Picture = np.asarray(seen).astype(np.float32)
    for mover, parts, anchor in zip(scene.movers, bodies, anchors, strict=True):
        if at(mover.there) < 0.5:
            continue
        place, angle, own = np.array([at(mover.x), at(mover.y)]), at(mover.angle), at(mover.size)
        stretch = np.array([at(mover.wide), at(mover.high)])
        limb = at(mover.limb)
        for part in parts:
            if part.pivot == -1.0:  # an arm, from the hand to somewhere outside of the picture
                _put_arm(picture, part, place, place * 0.35 + anchor, own, see, shift)
            else:
                _put(picture, part, place, angle, own, stretch, limb, see, shift)
    return picture


def _put(
    picture: Picture,
    part: _Part,
    place: Floats,
    angle: float,
    own: float,
    stretch: Floats,
    limb: float,
    see: Floats,
    shift: Floats,
) -> None:
    """Blends a part into the picture."""
    swing = part.swing * np.sin(abs(limb) + part.beat) if part.swing else 0.0
    moved = part.x + (0.25 * np.sin(limb) * part.beat if part.pivot == -2.0 else 0.0)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    hang = np.array([[np.cos(swing), -np.sin(swing)], [np.sin(swing), np.cos(swing)]])
    # Sprite pixels -> part (units of its size) -> hung from its pivot -> the mover -> the world -> the picture.
    unit = np.diag([part.wide, part.high]) / SPRITE
    pivot = np.array([0.0, max(part.pivot, 0.0) * part.high])
    to_mover = hang @ unit
    offset = np.array([moved, part.y]) + pivot - hang @ pivot - to_mover @ np.full(2, SPRITE / 2)
    to_world = turn @ (np.diag(stretch) * own)
    matrix = see @ to_world @ to_mover
    _blend(picture, part.picture, matrix, see @ (to_world @ offset + place) + shift)


def _put_arm(
    picture: Picture, part: _Part, hand: Floats, elbow: Floats, own: float, see: Floats, shift: Floats
) -> None:
    """A forearm: its picture stretched from the hand to a point that hardly moves."""
    way = elbow - hand
    length = max(float(np.hypot(*way)), 1e-3)
    along = way / length
    across = np.array([-along[1], along[0]]) * part.wide * own
    matrix = see @ np.stack([across, way], axis=1) / SPRITE
    corner = hand - across / 2
    _blend(picture, part.picture, matrix, see @ corner + shift)


def _blend(picture: Picture, sprite: Picture, matrix: Floats, offset: Floats) -> None:
    height, width = picture.shape[:2]
    corners = np.array([[0, 0], [SPRITE, 0], [0, SPRITE], [SPRITE, SPRITE]]) @ matrix.T + offset
    left, top = np.floor(corners.min(0)).astype(int) - 1
    right, bottom = np.ceil(corners.max(0)).astype(int) + 2
    left, top, right, bottom = max(left, 0), max(top, 0), min(right, width), min(bottom, height)
    if right <= left or bottom <= top:
        return
    to_part = np.concatenate([matrix, (offset - (left, top))[:, None]], axis=1)
    made = np.asarray(cv2.warpAffine(sprite, to_part, (right - left, bottom - top), flags=cv2.INTER_LINEAR))
    part = picture[top:bottom, left:right]
    cover = made[..., 3:]
    part *= 1 - cover
    part += made[..., :3] * cover


def _ground(random: Random) -> Picture:
    """Anything from a plain wall to a wood: noise of several scales, shapes, light that changes over it."""
    picture = np.tile(random.uniform(30, 225, 3).astype(np.float32), (WORLD, WORLD, 1))
    picture = picture + _noise(random, WORLD, random.uniform(1.5, 2.6)) * float(
        np.exp(random.uniform(np.log(3), np.log(60)))
    )
    for _ in range(int(random.integers(0, 60)) if random.random() < 0.7 else 0):
        colour = random.uniform(0, 255, 3).tolist()
        x, y = (int(v) for v in random.integers(0, WORLD, 2))
        wide, high = (int(v) for v in np.exp(random.uniform(np.log(4), np.log(160), 2)))
        if random.random() < 0.6:
            cv2.rectangle(picture, (x, y), (x + wide, y + high), colour, -1)
        elif random.random() < 0.5:
            cv2.ellipse(picture, (x, y), (wide // 2 + 1, high // 2 + 1), random.uniform(0, 180), 0, 360, colour, -1)
        else:
            cv2.line(picture, (x, y), (x + wide, y + int(random.integers(-80, 80))), colour, int(random.integers(1, 6)))
    picture += _noise(random, WORLD, 1.0) * random.uniform(0, 12)
    return np.clip(cv2.GaussianBlur(picture, (0, 0), random.uniform(0.5, 1.6)), 0, 255).astype(np.float32)


def _noise(random: Random, side: int, slope: float) -> Picture:
    """(side, side, 3) noise of deviation 1: coarse layers are stronger the steeper the slope."""
    total = np.zeros((2, 2, 3), np.float32)
    for level in range(2, 8):
        cells = 2**level
        layer = random.standard_normal((cells, cells, 3), np.float32)
        layer = 0.7 * layer.mean(2, keepdims=True) + 0.3 * layer
        total = np.asarray(cv2.resize(total, (cells, cells), interpolation=cv2.INTER_CUBIC), np.float32)
        total += layer * np.float32(cells ** (-slope / 2))
    total = np.asarray(cv2.resize(total, (side, side), interpolation=cv2.INTER_LINEAR), np.float32)
    return total / max(float(total.std()), 1e-3)


def _coat(random: Random, ground: Picture) -> Picture:
    """(SPRITE, SPRITE, 3) what a mover wears: plain, patterned, or cut from the ground."""
    kind = random.random()
    if kind < 0.15:
        x, y = random.integers(0, WORLD - SPRITE, 2)
        return ground[y : y + SPRITE, x : x + SPRITE].copy()
    coat = np.tile(random.uniform(10, 245, 3).astype(np.float32), (SPRITE, SPRITE, 1))
    coat = coat + _noise(random, SPRITE, random.uniform(1, 2.5)) * random.uniform(2, 35)
    if kind > 0.6:
        for _ in range(int(random.integers(1, 12))):
            x, y, wide, high = (int(v) for v in random.integers(2, SPRITE, 4))
            cv2.rectangle(coat, (x, y), (x + wide // 3, y + high // 3), random.uniform(0, 255, 3).tolist(), -1)
    return np.clip(coat, 0, 255).astype(np.float32)


def _covered(
    coat: Picture, outline: NDArray[np.int32] | None = None, axes: tuple[float, float] | None = None
) -> Picture:
    """A coat cut out along a polygon or an ellipse: (SPRITE, SPRITE, 4)."""
    cover = np.zeros((SPRITE, SPRITE), np.uint8)
    if outline is not None:
        cv2.fillPoly(cover, [outline], 255, cv2.LINE_AA)
    else:
        wide, high = axes or (0.48, 0.48)
        cv2.ellipse(
            cover, (SPRITE // 2, SPRITE // 2), (int(wide * SPRITE), int(high * SPRITE)), 0, 0, 360, 255, -1, cv2.LINE_AA
        )
    return np.concatenate([coat, cover[..., None].astype(np.float32) / 255], axis=2)


def _blob(random: Random, coat: Picture) -> Picture:
    if random.random() < 0.4:
        return _covered(coat, axes=(0.48, 0.48))
    angles = np.sort(random.uniform(0, 2 * np.pi, int(random.integers(5, 12))))
    radius = random.uniform(0.3, 0.49, len(angles)) * SPRITE
    points = np.stack([np.cos(angles) * radius, np.sin(angles) * radius], axis=1) + SPRITE / 2
    return _covered(coat, points.astype(np.int32))


def _body(random: Random, mover: Mover, ground: Picture) -> list[_Part]:
    """The parts of a mover, back to front; sizes in units of its height."""
    coat = _coat(random, ground)
    if mover.shape == "box":
        whole = np.array([[2, 2], [SPRITE - 3, 2], [SPRITE - 3, SPRITE - 3], [2, SPRITE - 3]], np.int32)
        return [_Part(_covered(coat, whole), random.uniform(0.5, 2.2), 1.0, 0, 0)]
    if mover.shape == "hand":
        skin = (
            coat
            if random.random() < 0.4
            else np.clip(coat * 0.3 + np.array([190, 140, 110]) * random.uniform(0.5, 1), 0, 255)
        )
        skin = skin.astype(np.float32)
        parts = []
        if random.random() < 0.85:
            all_of_it = np.array([[8, 0], [SPRITE - 9, 0], [SPRITE - 1, SPRITE - 1], [0, SPRITE - 1]], np.int32)
            sleeve = skin if random.random() < 0.5 else _coat(random, ground)
            parts.append(_Part(_covered(sleeve, all_of_it), random.uniform(0.35, 0.7), 1.0, 0, 0, pivot=-1.0))
        finger = np.array([[40, 0], [54, 0], [58, 40], [80, 50], [82, 92], [20, 92], [18, 50], [40, 44]], np.int32)
        shape = finger if random.random() < 0.6 else None
        return [*parts, _Part(_covered(skin, shape), random.uniform(0.7, 1.0), 1.0, 0, 0.1)]
    if mover.shape == "pair":
        return [_Part(_blob(random, coat), 0.4, 0.9, side * 0.45, 0, beat=-side, pivot=-2.0) for side in (-1, 1)]
    if mover.shape == "person":
        return _person(random, mover, ground)
    return [_Part(_blob(random, coat), float(np.exp(random.normal(0, 0.3))), 1.0, 0, 0)]


def _person(random: Random, mover: Mover, ground: Picture) -> list[_Part]:
    """Legs, trunk, head and arms. A waving person moves one arm only; limb tells how far its limbs swing."""
    top, trousers = _coat(random, ground), _coat(random, ground)
    box = np.array([[6, 2], [SPRITE - 7, 2], [SPRITE - 10, SPRITE - 2], [10, SPRITE - 2]], np.int32)
    waving, fidgets = mover.act == "wave", mover.act == FIDGET
    leg = 0.0 if waving or (fidgets and random.random() < 0.7) else random.uniform(0.3, 0.6)
    arm = random.uniform(0.4, 1.0) if waving or fidgets else random.uniform(0.2, 0.6)
    limb = _covered(trousers, box)
    sleeve = _covered(top, box)
    wide = random.uniform(0.8, 1.3)
    raised = -0.55 if waving else 0.0
    return [
        _Part(limb, 0.12 * wide, 0.46, -0.06 * wide, 0.27, leg, 0.0, -0.5 + 1e-9),
        _Part(limb, 0.12 * wide, 0.46, 0.06 * wide, 0.27, leg, np.pi, -0.5 + 1e-9),
        _Part(sleeve, 0.08, 0.36, -0.15 * wide, -0.1, 0.0 if waving else arm, np.pi),
        _Part(_covered(top, box), 0.28 * wide, 0.42, 0, -0.13),
        _Part(_covered(_coat(random, ground), axes=(0.45, 0.48)), 0.14, 0.17, 0, -0.42),
        _Part(sleeve, 0.08, 0.36, 0.15 * wide, -0.1 + raised * 0.5, arm, 0.0, 0.4 if waving else 0.0),
    ]


def _worn(frames: Picture, random: Random) -> NDArray[np.uint8]:
    """What a camera and a codec add: blur, flicker, noise, blocks."""
    noise = float(random.choice([0, 1, 2, 4, 7], p=[0.15, 0.3, 0.3, 0.17, 0.08]))
    flicker = float(random.choice([0, 0.01, 0.03, 0.06], p=[0.6, 0.2, 0.13, 0.07]))
    soft = random.uniform(0, 0.9)
    quality = int(random.integers(35, 95)) if random.random() < 0.6 else None
    grain = random.standard_normal((4, *frames.shape[1:3]), np.float32) * noise
    worn = np.empty(frames.shape, np.uint8)
    for number, frame in enumerate(frames):
        seen = cv2.GaussianBlur(frame, (0, 0), soft) if soft > 0.35 else frame
        if flicker:
            seen = seen * np.float32(1 + flicker * random.normal())
        if noise:
            seen = seen + np.roll(grain[number % 4], tuple(random.integers(0, 99, 2)), (0, 1))[..., None]
        made = np.clip(seen, 0, 255).astype(np.uint8)
        if quality is not None:
            data = cv2.imencode(".jpg", made, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
            made = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)
        worn[number] = made
    return worn
