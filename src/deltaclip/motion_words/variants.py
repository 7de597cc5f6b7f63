"""The same scene in a mirror and backwards: what was seen of it is turned about, and so is what is true of it."""

from dataclasses import replace

from deltaclip.motion_words.scene import STEPS, CameraPath, Mover, Scene, each_of

__all__ = ["backwards", "mirrored"]

_SIDES = {"left": "right", "right": "left"}
_MIRRORED_ACTS = {"tick": "strokes", "ell": "strokes", "zed": "strokes"}
_OPPOSITE = {
    "fall": "get_up",
    "lie_down": "get_up",
    "get_up": "lie_down",
    "sit": "stand_up",
    "crouch": "stand_up",
    "stand_up": "sit",
    "grow": "shrink",
    "shrink": "grow",
    "spread": "close",
    "close": "spread",
    "tick": "strokes",
    "ell": "strokes",
    "meet": "apart",
    "apart": "meet",
    "speed_up": "slow_down",
    "slow_down": "speed_up",
    "pan_left": "pan_right",
    "pan_right": "pan_left",
    "tilt_up": "tilt_down",
    "tilt_down": "tilt_up",
    "zoom_in": "zoom_out",
    "zoom_out": "zoom_in",
    "roll_cw": "roll_ccw",
    "roll_ccw": "roll_cw",
}


def mirrored(scene: Scene) -> Scene:
    """Left and right exchanged."""
    kind = scene.camera.kind
    for one, other in (("left", "right"), ("right", "left")):
        if scene.camera.kind == f"pan_{one}":
            kind = f"pan_{other}"
    if kind.startswith("roll"):
        kind = _OPPOSITE[kind]
    camera = scene.camera
    movers = tuple(
        replace(
            mover,
            act=_MIRRORED_ACTS.get(mover.act, mover.act),
            x=-mover.x,
            angle=-mover.angle,
            enters=_SIDES.get(mover.enters or "", mover.enters),
            leaves=_SIDES.get(mover.leaves or "", mover.leaves),
        )
        for mover in scene.movers
    )
    return replace(scene, movers=movers, camera=replace(camera, kind=kind, x=-camera.x, roll=-camera.roll))


def backwards(scene: Scene) -> Scene:
    """Played from its end to its beginning."""
    camera = scene.camera
    turned = {name: getattr(camera, name)[::-1] for name in ("x", "y", "zoom", "roll")}
    group = scene.group
    return replace(
        scene,
        movers=tuple(_backwards(mover) for mover in scene.movers),
        camera=CameraPath(_OPPOSITE.get(camera.kind, camera.kind), **turned),
        group=group if group is None else _OPPOSITE.get(group, group),
    )


def _backwards(mover: Mover) -> Mover:
    return replace(
        mover,
        act=_OPPOSITE.get(mover.act, mover.act),
        begin=STEPS - mover.end,
        end=STEPS - mover.begin,
        profile=_OPPOSITE.get(mover.profile, mover.profile),
        enters=mover.leaves,
        leaves=mover.enters,
        **each_of(mover, lambda values: values[::-1]),
    )
