"""Any scene, described: who moves how under which camera. A clip is drawn from it, and what is true of it is told."""

from dataclasses import replace

import numpy as np

from deltaclip.motion_words.acts import DONE_IN_PLACE
from deltaclip.motion_words.cameras import new_camera
from deltaclip.motion_words.paths import PATHS, Floats, Random, along, length_of
from deltaclip.motion_words.scene import ACTS, BODY, FIDGET, GROUPS, STEPS, Mover, Scene, each_of, still_pose

__all__ = ["new_scene"]

LONGEST, SHORTEST = 15.0, 0.8
"""Seconds."""
DEEP, PASSED_BY = 0.35, 0.25
"""Shares of the scenes with objects nearer and farther than the ground, and of those with others beside the mover."""


def new_scene(random: Random) -> Scene:
    """Any scene: mostly one mover, sometimes none or several, and what there is beside them."""
    scene = _of_movers(random)
    return replace(scene, movers=(*_depth(random, scene), *_passers_by(random, scene), *scene.movers))


def _of_movers(random: Random) -> Scene:
    aspect = float(random.choice([16 / 9, 16 / 9, 16 / 9, 4 / 3, 4 / 3, 1.0, 9 / 16, 2.2]))
    chance = random.random()
    if chance < 0.11:
        seconds = float(np.exp(random.uniform(np.log(1.0), np.log(LONGEST))))
        return Scene(seconds, aspect, _idle(random, aspect), new_camera(random, seconds, (), still=0.3))
    if chance < 0.27:
        return _group(random, aspect)
    mover, seconds = _new_mover(random, aspect)
    return Scene(seconds, aspect, (mover,), new_camera(random, seconds, (mover,)))


def _new_mover(random: Random, aspect: float, act: str | None = None) -> tuple[Mover, float]:
    """One mover and how long its scene is."""
    if act is None:
        act = str(random.choice(ACTS, p=_chances()))
    if act in PATHS:
        return _on_path(random, aspect, act)
    if act in ("walk", "run"):
        return _walker(random, aspect, act)
    return _in_place(random, aspect, act)


def _chances() -> Floats:
    """Straight ways most of all, figures more often than acts in place: there are more of them to be confused."""
    weight = dict.fromkeys(ACTS, 1.0) | dict.fromkeys(PATHS, 2.0)
    weight |= {"line": 9.0, "strokes": 3.5, "two_strokes": 4.5, "wander": 3.0, "walk": 3.0, "run": 1.5}
    weight |= {"circle": 3.2, "x": 3.0, "plus": 1.2, "tick": 2.8, "spiral": 1.2, "eight": 1.0, "ell": 1.2, "arch": 1.2}
    weight |= {"fall": 2.4, "sit": 1.8, "turn": 2.6, "flip": 1.8, "jump": 1.6, "grow": 2.0, "shrink": 1.5, "wave": 1.3}
    weight[FIDGET] = 3.0
    values = np.array([weight[act] for act in ACTS])
    return np.asarray(values / values.sum())


def _idle(random: Random, aspect: float) -> tuple[Mover, ...]:
    """Objects that are there and do not move: they look like movers and must not count."""
    return tuple(_still(random, aspect) for _ in range(int(random.integers(0, 3))))


def _still(random: Random, aspect: float) -> Mover:
    """Anything that could move and stays where it is."""
    mover, _ = _new_mover(random, aspect, "line")
    held = each_of(mover, lambda values: np.full(STEPS, values[STEPS // 2]))
    held["there"] = np.ones(STEPS)
    return replace(mover, act="stay", enters=None, leaves=None, **held)


def _depth(random: Random, scene: Scene) -> tuple[Mover, ...]:
    """Objects that stand nearer or farther than the ground: the picture of them moves otherwise if the camera goes."""
    if random.random() >= DEEP:
        return ()
    camera, made = scene.camera, []
    for _ in range(int(random.integers(1, 7))):
        still = _still(random, scene.aspect)
        size = float(np.exp(random.uniform(np.log(0.1), np.log(0.8))))
        x, y = random.uniform(-0.8, 0.8) * scene.aspect, random.uniform(-0.6, 0.6)
        # Beyond 0 it is farther than the ground, and its picture moves less.
        behind = random.uniform(-0.5, 0.7)
        nearer = np.exp(-0.4 * behind * camera.zoom)
        across, down = x * nearer + behind * camera.x, y * nearer + behind * camera.y
        made.append(replace(still, x=across, y=down, size=size * nearer))
    return tuple(made)


def _passers_by(random: Random, scene: Scene) -> tuple[Mover, ...]:
    """Others, at most half as large as a single mover, who do anything at any time."""
    if scene.group is not None or all(mover.act == "stay" for mover in scene.movers) or random.random() >= PASSED_BY:
        return ()
    most, made = 0.5 * float(scene.movers[0].size.mean()), []
    for _ in range(int(random.integers(1, 4))):
        act = str(random.choice(["walk", "line", "wander", "turn", "jump"])) if random.random() < 0.5 else FIDGET
        mover, _ = _new_mover(random, scene.aspect, act)
        share = most * random.uniform(0.4, 1.0) / float(mover.size.mean())
        x, y = random.uniform(-0.45, 0.45) * scene.aspect, random.uniform(-0.35, 0.35)
        placed = replace(mover, x=mover.x * share + x, y=mover.y * share + y, size=mover.size * share)
        made.append(replace(placed, beside=True, enters=None, leaves=None))
    return tuple(made)


def _timing(random: Random, act_seconds: float) -> tuple[float, int, int, Floats, str]:
    """Seconds of the whole scene, the moments of the act, the share done at each moment, and how it was timed."""
    lead, tail = (random.uniform(0.0, 0.4) if random.random() < 0.55 else 0.0 for _ in range(2))
    if lead + tail > 0.7:
        lead, tail = lead * 0.6, tail * 0.6
    seconds = float(np.clip(act_seconds / (1 - lead - tail), SHORTEST, LONGEST))
    begin, end = int(lead * STEPS), STEPS - int(tail * STEPS)
    t = np.linspace(0, 1, end - begin)
    profile = str(random.choice(["even", "ease", "speed_up", "slow_down"], p=[0.4, 0.36, 0.12, 0.12]))
    power = random.uniform(1.8, 3.0)
    done = {
        "even": t,
        "ease": (1 - np.cos(np.pi * t)) / 2,
        "speed_up": t**power,
        "slow_down": 1 - (1 - t) ** power,
    }[profile]
    share = np.concatenate([np.zeros(begin), done, np.ones(STEPS - end)])
    return seconds, begin, end, share, profile


def _on_path(random: Random, aspect: float, act: str) -> tuple[Mover, float]:
    """Somebody or something that follows a way."""
    shape = str(random.choice(["blob", "hand", "person", "box"], p=[0.3, 0.42, 0.13, 0.15]))
    size = float(np.exp(random.uniform(np.log(0.08), np.log(0.5))))
    shorter = min(aspect, 1.0)
    reach = random.uniform(0.16, 0.42) * shorter
    way = PATHS[act](random) * reach
    if aspect > 1 and random.random() < 0.6:
        way[:, 0] *= random.uniform(1.0, min(aspect, 1.5))
    at = np.array([random.normal(0, 0.12) * aspect, random.normal(0, 0.08)])
    speed = float(np.exp(random.uniform(np.log(0.1), np.log(2.2))))
    seconds, begin, end, share, profile = _timing(random, length_of(way) / speed)
    place = along(way, share) + at
    parts = still_pose(random, shape, 0.0, 0.0, size)
    enters = leaves = None
    if shape == "hand" and random.random() < 0.6:
        place = _comes_and_goes(random, place, begin, end)
    elif act in ("line", "wavy", "zigzag", "bounce", "wander") and random.random() < 0.35:
        place, enters, leaves = _crosses_border(random, place, aspect, size, begin, end)
    parts["x"], parts["y"] = parts["x"] + place[:, 0], parts["y"] + place[:, 1]
    if shape in ("blob", "box") and random.random() < 0.25:  # rolls along
        travelled = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(place, axis=0).T))])
        parts["angle"] = parts["angle"] + np.sign(place[-1, 0] - place[0, 0]) * travelled / (size / 2) * random.uniform(
            0.2, 1
        )
    if random.random() < 0.15:
        parts["size"] = size * np.exp(random.normal(0, 0.15) * np.linspace(-1, 1, STEPS))
    if shape == "person":
        parts["limb"] = np.linspace(0, random.uniform(3, 9) * seconds, STEPS) * (random.random() < 0.6)
    return Mover(act, shape, **parts, begin=begin, end=end, profile=profile, enters=enters, leaves=leaves), seconds


def _comes_and_goes(random: Random, place: Floats, begin: int, end: int) -> Floats:
    """A hand that comes in from below before it draws and leaves after, in the time before and after the act."""
    made = place.copy()
    away = np.array([random.normal(0, 0.2), random.uniform(0.6, 0.9)])
    for first, last, forth in ((0, begin, True), (end, STEPS, False)):
        if last - first > 8 and random.random() < 0.8:
            share = np.clip(np.linspace(-0.5, 1, last - first), 0, 1)
            share = share if forth else share[::-1]
            made[first:last] += (1 - share)[:, None] * away
    return made


def _crosses_border(
    random: Random, place: Floats, aspect: float, size: float, begin: int, end: int
) -> tuple[Floats, str | None, str | None]:
    """Moved so that the way begins or ends outside of the picture."""
    step = place[end - 1] - place[begin]
    axis = int(abs(step[1]) > abs(step[0]))
    side = ("left", "right") if axis == 0 else ("top", "bottom")
    half = (aspect if axis == 0 else 1.0) / 2 + size * 0.6
    forward = step[axis] > 0
    made = place.copy()
    if random.random() < 0.5:
        made[:, axis] += (-half if forward else half) - place[begin, axis]
        return made, side[0] if forward else side[1], None
    made[:, axis] += (half if forward else -half) - place[end - 1, axis]
    return made, None, side[1] if forward else side[0]


def _walker(random: Random, aspect: float, act: str) -> tuple[Mover, float]:
    """A person who walks or runs to a side, towards the camera or away from it, or along with the camera."""
    size = random.uniform(0.3, 0.85)
    pace = (random.uniform(0.25, 0.7) if act == "walk" else random.uniform(0.8, 1.8)) * size
    way = random.choice(["side", "side", "side", "near", "far"])
    reach = random.uniform(0.3, 1.3) * aspect if way == "side" else random.uniform(0.0, 0.3)
    act_seconds = float(np.clip(reach / pace, 1.0, LONGEST)) if way == "side" else random.uniform(1.5, 6)
    seconds, begin, end, share, _ = _timing(random, act_seconds)
    sign = int(random.choice([-1, 1]))
    steps = (random.uniform(1.4, 2.2) if act == "walk" else random.uniform(2.4, 3.4)) * act_seconds
    phase = share * steps * np.pi
    parts = still_pose(random, "person", 0.0, random.normal(0.05, 0.05), size)
    parts["x"] = parts["x"] + sign * reach * (share - 0.5) + random.normal(0, 0.1)
    parts["y"] = parts["y"] - size * (0.015 if act == "walk" else 0.04) * abs(np.sin(phase))
    if way != "side":
        growth = random.uniform(0.35, 1.1) * (1 if way == "near" else -1)
        parts["size"] = parts["size"] * np.exp(growth * (share - 0.5))
        parts["y"] = parts["y"] + 0.1 * growth * (share - 0.5)
    parts["limb"] = phase
    return Mover(act, "person", **parts, begin=begin, end=end), seconds


def _in_place(random: Random, aspect: float, act: str) -> tuple[Mover, float]:
    """Acts of a body or an object that hardly leaves its place."""
    person = act in BODY or (act in ("wave", FIDGET) and random.random() < 0.6)
    shape = (
        "person"
        if person
        else "pair"
        if act == "clap"
        else str(random.choice(["blob", "box", "hand"], p=[0.4, 0.4, 0.2]))
    )
    largest = 1.5 if act == FIDGET else 0.9
    size = random.uniform(0.35, largest) if person else float(np.exp(random.uniform(np.log(0.15), np.log(0.8))))
    low, high = {
        "fall": (0.35, 1.2),
        "lie_down": (1.5, 4),
        "sit": (0.5, 1.8),
        "stand_up": (0.5, 1.8),
        "get_up": (1, 3.5),
    }.get(act, (0.7, 6))
    seconds, begin, end, share, profile = _timing(random, random.uniform(low, high))
    if act == "fall":
        t = np.linspace(0, 1, end - begin)
        share = np.concatenate([np.zeros(begin), t ** random.uniform(1.2, 2), np.ones(STEPS - end)])
    x, y = random.normal(0, 0.12) * aspect, random.normal(0, 0.06)
    parts = still_pose(random, shape, x, y, size)
    sign = int(random.choice([-1, 1]))
    DONE_IN_PLACE[act](random, parts, share, sign, size)
    return Mover(act, shape, **parts, begin=begin, end=end, profile=profile), seconds


def _group(random: Random, aspect: float) -> Scene:
    """Two or more movers and what they do with each other."""
    group = str(random.choice(GROUPS))
    count = (
        int(random.integers(3, 7))
        if group == "several"
        else int(random.choice([2, 2, 2, 3]))
        if group in ("together", "in_turn")
        else 2
    )
    size = float(np.exp(random.uniform(np.log(0.1), np.log(0.35))))
    span = random.uniform(0.35, 0.8) * min(aspect, 1.2)
    angle = random.choice([0, np.pi]) if random.random() < 0.6 else random.uniform(0, 2 * np.pi)
    ahead, beside = np.array([np.cos(angle), np.sin(angle)]), np.array([-np.sin(angle), np.cos(angle)])
    seconds, begin, end, share, profile = _timing(
        random, span / float(np.exp(random.uniform(np.log(0.12), np.log(1.5))))
    )
    movers = []
    for number in range(count):
        shape = str(random.choice(["blob", "person", "box"]))
        parts = still_pose(random, shape, 0.0, 0.0, size * random.uniform(0.8, 1.2))
        own, lane = share, (number - (count - 1) / 2) * size * 1.4
        sign, start = 1.0, -0.5
        if group == "apart":
            sign, start, lane = (-1) ** number, 0.12 * 1, 0.0
        elif group == "meet":
            sign, start, lane = (-1) ** number, -0.62, 0.0
        elif group == "cross":
            sign, lane = (-1) ** number, lane * 0.8
        elif group == "follow":
            lane, start = lane * 0.1, -0.5 + 0.4 * number
        elif group == "in_turn":
            own = np.clip(share * count - number, 0, 1)
        if group == "meet":
            own = share * 0.8
        if group == "apart":
            own = share * 0.8
        if group == "several":
            heading = random.uniform(0, 2 * np.pi)
            ahead, lane = np.array([np.cos(heading), np.sin(heading)]), 0.0
            place = (
                np.array([random.uniform(-0.4, 0.4) * aspect, random.uniform(-0.4, 0.4)])
                + np.outer(own - 0.5, ahead) * span
            )
        else:
            place = np.outer(sign * (start + own), ahead) * span + lane * beside
        parts["x"], parts["y"] = parts["x"] + place[:, 0], parts["y"] + place[:, 1]
        if shape == "person":
            parts["limb"] = own * seconds * 6
        act = "line" if group != "several" else "wander"
        movers.append(Mover(act, shape, **parts, begin=begin, end=end, profile=profile))
    return Scene(seconds, aspect, tuple(movers), new_camera(random, seconds, tuple(movers), follow=False), group)
