"""What can be said of how things move, and whether it is true of a scene."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from deltaclip.motion_words.paths import PATHS, Floats
from deltaclip.motion_words.scene import BODY, FIDGET, IN_PLACE, STEPS, CameraPath, Mover, Scene

__all__ = ["CONCEPTS", "DIRECTIONS", "INDEX", "OPEN", "truths"]

DIRECTIONS = {
    "right": 0.0,
    "down_right": 45.0,
    "down": 90.0,
    "down_left": 135.0,
    "left": 180.0,
    "up_left": 225.0,
    "up": 270.0,
    "up_right": 315.0,
}
"""Degrees, clockwise from the right."""
FIGURES = tuple(act for act in PATHS if act not in ("line", "wander", "strokes", "two_strokes"))
CONCEPTS = (
    *DIRECTIONS,
    *FIGURES,
    *("circle_cw", "circle_ccw", "cross", "turn", "turn_cw", "turn_ccw", "grow", "shrink", "spread", "close"),
    *("shake", "swing", "wave", "clap"),
    *BODY,
    *("fast", "slow", "speed_up", "slow_down", "stop", "start", "small", "large", "one", "two", "many"),
    *("together", "apart", "meet", "cross_paths", "follow", "in_turn"),
    *(
        "enter",
        "leave",
        *(f"{verb}_{side}" for verb in ("enter", "leave") for side in ("left", "right", "top", "bottom")),
    ),
    *("travel", "sideways", "moves", "nothing", "in_place"),
    *("cam_still", "cam_moves", "cam_shake", "cam_follow", "pan", "tilt", "zoom", "roll"),
    *("pan_left", "pan_right", "tilt_up", "tilt_down", "zoom_in", "zoom_out", "roll_cw", "roll_ccw"),
    *(f"first_{name}" for name in DIRECTIONS),
    *(f"then_{name}" for name in DIRECTIONS),
)
"""Everything that a sentence can claim."""
INDEX = {name: number for number, name in enumerate(CONCEPTS)}

OPEN = -1
"""Neither true nor false: such pairs of sentence and clip teach nothing."""
ALIKE = {
    "circle": ("spiral", "arc", "swing"),
    "spiral": ("circle",),
    "arc": ("circle", "arch", "swing"),
    "arch": ("arc", "caret", "jump", "bounce"),
    "rectangle": ("strokes",),
    "tick": ("vee", "ell", "strokes", "two_strokes"),
    "vee": ("tick", "strokes", "two_strokes"),
    "caret": ("arch", "strokes", "two_strokes", "jump", "bounce"),
    "ell": ("tick", "strokes", "two_strokes"),
    "zed": ("zigzag", "strokes"),
    "triangle": ("strokes",),
    "zigzag": ("wavy", "zed", "strokes", "side_to_side", "up_and_down"),
    "wavy": ("zigzag", "wander", "bounce"),
    "side_to_side": ("shake", "swing", "wave", "zigzag", "two_strokes"),
    "up_and_down": ("jump", "bounce", "shake", "zigzag", "two_strokes"),
    "bounce": ("jump", "up_and_down", "wavy"),
    "jump": ("bounce", "up_and_down", "arch"),
    "shake": ("side_to_side", "up_and_down", "wave", FIDGET),
    "swing": ("side_to_side", "wave", "arc", FIDGET),
    "wave": ("shake", "side_to_side", "swing", FIDGET),
    "clap": (FIDGET,),
    "turn": ("circle", "swing", "fall", "get_up", "lie_down", "bend", "spiral", "line", "wavy", "bounce"),
    "fall": ("lie_down", "line", "arch"),
    "lie_down": ("fall", "sit", "crouch"),
    "sit": ("crouch", "bend"),
    "crouch": ("sit", "bend"),
    "bend": ("crouch", "sit"),
    "stand_up": ("get_up",),
    "get_up": ("stand_up",),
    "spread": ("grow", "flip"),
    "close": ("shrink", "flip"),
    "walk": ("run",),
    "run": ("walk",),
    "cross": ("two_strokes", "strokes"),
    "x": ("strokes",),
    "plus": ("strokes",),
    "star": ("strokes",),
}
"""Acts that may be called by the name of a different one."""
SAME = {"cross": ("x", "plus"), "turn": ("flip",)}
"""Concepts of more than one act."""
PROGRESS = ("line", "wavy", "zigzag", "bounce", "walk", "run", "wander", "strokes", "arc")
"""Acts that lead somewhere."""
STANDS_CLEARLY, SHAKES_CLEARLY = 0.008, 0.03
"""Tremor of a camera, picture heights."""
COUNTS = ("one", "two", "many")
GROUPED = {**{name: name for name in ("together", "apart", "meet", "follow", "in_turn")}, "cross": "cross_paths"}
"""What several movers do -> the concept of it."""
STROKES = ("tick", "caret", "vee", "ell", "two_strokes")
"""Acts of two strokes."""


def truths(scene: Scene) -> NDArray[np.int8]:
    """1 for each of CONCEPTS that is true of a scene, 0 for what is false, OPEN for what is neither: (C,) int8."""
    said = _of_scene(scene, [mover for mover in scene.movers if mover.act != "stay" and not mover.beside])
    for other in scene.movers:
        if other.beside:  # whoever tells of it is not wrong
            also = _of_scene(replace(scene, group=None), [other])
            said |= {name: OPEN for name, truth in said.items() if truth == 0 and also[name] != 0}
            said |= dict.fromkeys((*COUNTS, *GROUPED.values()), OPEN)
    return np.array([said[name] for name in CONCEPTS], np.int8)


def _of_scene(scene: Scene, moving: list[Mover]) -> dict[str, int]:
    """The same for these movers alone, by name."""
    said = dict.fromkeys(CONCEPTS, 0)
    _of_camera(said, scene, bool(moving))
    said["moves"] = int(bool(moving))
    said["nothing"] = 0 if moving else 1 if scene.camera.kind == "still" else OPEN
    for name, count in (("one", 1), ("two", 2)):
        said[name] = int(len(moving) == count)
    said["many"] = int(len(moving) >= 3)
    if scene.group is None and moving:
        _of_mover(said, moving[0], scene)
    elif moving:
        _of_group(said, moving, scene)
    return said


def _of_camera(said: dict[str, int], scene: Scene, moving: bool) -> None:
    kind = scene.camera.kind
    said["cam_still"] = int(kind == "still")
    said["cam_shake"] = int(kind == "shake")
    if kind == "shake" and _tremor(scene.camera) < SHAKES_CLEARLY:
        said["cam_still"] = OPEN
    if kind == "still" and _tremor(scene.camera) > STANDS_CLEARLY:
        said["cam_shake"] = OPEN
    said["cam_follow"] = int(kind == "follow")
    said["cam_moves"] = OPEN if kind == "shake" else int(kind != "still")
    for name in ("pan", "tilt", "zoom", "roll"):
        said[name] = int(kind.startswith(name))
    if "_" in kind:  # pan_left and so on
        said[kind] = 1
    if kind == "follow":
        for name in ("pan", "tilt", "pan_left", "pan_right", "tilt_up", "tilt_down"):
            said[name] = OPEN


def _tremor(camera: CameraPath) -> float:
    """How far it is from where it looks on the whole, picture heights."""
    return float(np.hypot(camera.x.std(), camera.y.std()))


def _of_mover(said: dict[str, int], mover: Mover, scene: Scene) -> None:
    act = mover.act
    for concept in (*FIGURES, *IN_PLACE, *BODY, "cross"):
        if concept in said:
            same = act == concept or act in SAME.get(concept, ())
            said[concept] = 1 if same else OPEN if act in ALIKE.get(concept, ()) else 0
    person = mover.shape == "person"
    if act in ("line", "wavy", "bounce", "wander") and mover.shape != "hand":
        said["walk"] = said["run"] = OPEN
    if act == "walk" or (person and act in ("line", "wander")):
        said["run"] = OPEN if person and act != "walk" else 0
    stays, goes = (*IN_PLACE, "jump", "bend", FIDGET), ("line", "walk", "run")
    said["in_place"] = 1 if act in stays else 0 if act in goes else OPEN
    _of_way(said, mover)
    _of_speed(said, mover, scene)
    _of_turning(said, mover)
    _of_size(said, mover)
    if act in STROKES or act == "jump":
        _of_strokes(said, mover)
    elif act not in ("line", "walk", "run", *IN_PLACE, FIDGET):
        for name in DIRECTIONS:
            said[f"first_{name}"] = said[f"then_{name}"] = OPEN
    for verb, side in (("enter", mover.enters), ("leave", mover.leaves)):
        if side is not None:
            said[verb] = said[f"{verb}_{side}"] = 1
        elif mover.shape == "hand":  # it may come in and leave before and after it acts
            for name in (verb, *(f"{verb}_{each}" for each in ("left", "right", "top", "bottom"))):
                said[name] = OPEN


def _way(mover: Mover) -> Floats:
    """(N, 2): places of the middle while it acts."""
    return np.stack([mover.x, mover.y], axis=1)[mover.begin : mover.end]


def _of_way(said: dict[str, int], mover: Mover) -> None:
    way = _way(mover)
    step = way[-1] - way[0]
    net, length = float(np.hypot(*step)), float(np.hypot(*np.diff(way, axis=0).T).sum())
    angle = float(np.degrees(np.arctan2(step[1], step[0])))
    leads = mover.act in PROGRESS and net > 0.12
    straight = net / max(length, 1e-6)
    for name, wanted in DIRECTIONS.items():
        off = abs((angle - wanted + 180) % 360 - 180)
        if leads and (straight > 0.55 or mover.act in ("wavy", "zigzag", "bounce")):
            near, far = (22, 40) if wanted % 90 == 0 else (18, 36)
            said[name] = 1 if off < near else OPEN if off < far else 0
            if straight < 0.85 and mover.act in ("wander", "strokes", "arc"):
                said[name] = OPEN if off < 70 else 0
    if mover.act in ("fall", "lie_down", "sit", "crouch", "bend"):
        said["down"] = OPEN
    if mover.act in ("stand_up", "get_up", "jump"):
        said["up"] = OPEN
    said["travel"] = int(leads and net > 0.25) if mover.act in (*PROGRESS, *IN_PLACE, *BODY, FIDGET) else OPEN
    if mover.act in ("walk", "run"):
        said["travel"] = 1
    said["sideways"] = max(said["left"], said["right"], key=abs)


def _of_speed(said: dict[str, int], mover: Mover, scene: Scene) -> None:
    """Fast and slow in picture heights a second; what turns or grows goes by its rim."""
    act_seconds = (mover.end - mover.begin) / STEPS * scene.seconds
    way = _way(mover)
    length = float(np.hypot(*np.diff(way, axis=0).T).sum())
    part = slice(mover.begin, mover.end)
    half = float(mover.size[part].mean()) / 2
    rim = np.abs(np.diff(mover.angle[part])).sum() * half + np.abs(np.diff(mover.size[part])).sum() / 2
    rim += (np.abs(np.diff(mover.wide[part])).sum() + np.abs(np.diff(mover.high[part])).sum()) * half
    speed = max(length, float(rim)) / max(act_seconds, 1e-3)
    said["fast"] = 1 if speed > 0.8 else 0 if speed < 0.4 else OPEN
    said["slow"] = 1 if speed < 0.18 else 0 if speed > 0.35 else OPEN
    if mover.act in ("wave", "clap", FIDGET):
        said["fast"] = said["slow"] = OPEN
    said["speed_up"], said["slow_down"] = int(mover.profile == "speed_up"), int(mover.profile == "slow_down")
    steady = mover.act in ("line", "wavy", "circle", "turn", "grow", "shrink", "arc", "spiral", "zigzag")
    if not steady or mover.profile == "ease":
        said["speed_up"] = said["slow_down"] = OPEN
    rest = STEPS - mover.end
    said["stop"] = 1 if rest > 0.25 * STEPS and steady else OPEN if rest > 0.08 * STEPS else 0
    said["start"] = 1 if mover.begin > 0.25 * STEPS and steady else OPEN if mover.begin > 0.08 * STEPS else 0
    if mover.profile != "even" or mover.shape == "hand":
        said["stop"] = said["stop"] or OPEN
        said["start"] = said["start"] or OPEN


def _of_turning(said: dict[str, int], mover: Mover) -> None:
    part = slice(mover.begin, mover.end)
    if mover.act == "turn":
        way_round = np.sign(mover.angle[part][-1] - mover.angle[part][0])
        said["turn_cw"], said["turn_ccw"] = int(way_round > 0), int(way_round < 0)
    elif mover.act == "flip" or said["turn"] == OPEN:
        said["turn_cw"] = said["turn_ccw"] = OPEN
    if mover.act in ("circle", "spiral", "arc", "rectangle", "triangle"):
        way = _way(mover)
        own = way - way.mean(0)
        around = np.unwrap(np.arctan2(own[:, 1], own[:, 0]))
        clockwise = around[-1] > around[0]
        truth = 1 if mover.act == "circle" else OPEN
        said["circle_cw"], said["circle_ccw"] = (truth, 0) if clockwise else (0, truth)


def _of_size(said: dict[str, int], mover: Mover) -> None:
    part = slice(mover.begin, mover.end)
    ratio = float(mover.size[mover.end - 1] / mover.size[mover.begin])
    said["grow"] = 1 if ratio > 1.4 else 0 if ratio < 1.12 else OPEN
    said["shrink"] = 1 if ratio < 1 / 1.4 else 0 if ratio > 1 / 1.12 else OPEN
    size = float(mover.size[part].mean())
    said["small"] = 1 if size < 0.15 else 0 if size > 0.3 else OPEN
    said["large"] = 1 if size > 0.5 else 0 if size < 0.35 else OPEN


def _of_strokes(said: dict[str, int], mover: Mover) -> None:
    way = _way(mover)
    begin, end = way[0], way[-1]
    if mover.act == "jump":
        for name in DIRECTIONS:
            said[f"first_{name}"] = said[f"then_{name}"] = OPEN
        return
    corner = way[int(np.argmax(np.hypot(*(way - begin).T) + np.hypot(*(way - end).T)))]
    for order, step in (("first", corner - begin), ("then", end - corner)):
        angle = float(np.degrees(np.arctan2(step[1], step[0])))
        for name, wanted in DIRECTIONS.items():
            off = abs((angle - wanted + 180) % 360 - 180)
            said[f"{order}_{name}"] = 1 if off < 33 else OPEN if off < 50 else 0


def _of_group(said: dict[str, int], movers: list[Mover], scene: Scene) -> None:
    group = scene.group
    for name, concept in GROUPED.items():
        said[concept] = int(group == name)
    if group == "follow":
        said["together"] = OPEN
    if group == "cross":
        said["meet"] = said["apart"] = OPEN
    if group == "several":
        for concept in ("apart", "meet", "cross_paths", "together"):
            said[concept] = OPEN
    for concept in (
        "walk",
        "run",
        "travel",
        "sideways",
        "small",
        "large",
        "fast",
        "slow",
        "speed_up",
        "slow_down",
        "stop",
        "start",
        "in_place",
    ):
        said[concept] = OPEN
    if group in ("together", "follow", "in_turn"):
        _of_way(said, movers[0])
        said["walk"] = said["run"] = OPEN
    elif group == "several":
        for name in DIRECTIONS:
            said[name] = OPEN
    said["two"] = 1 if len(movers) == 2 else 0
    said["meet"] = said["meet"] if len(movers) > 1 else 0
