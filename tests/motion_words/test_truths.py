"""What is true of a scene, by hand: acts with a known answer, and the laws of mirrors and of films played backwards."""

from dataclasses import replace

import numpy as np
import pytest

from deltaclip.motion_words import CONCEPTS, OPEN, Scene, backwards, mirrored, new_scene, truths
from deltaclip.motion_words.concepts import DIRECTIONS
from deltaclip.motion_words.scene import STEPS, CameraPath, Mover

ONE = np.ones(STEPS)
SHARE = np.linspace(0, 1, STEPS)


def camera(kind: str = "still") -> CameraPath:
    return CameraPath(kind, 0 * ONE, 0 * ONE, 0 * ONE, 0 * ONE)


def scene(act: str = "line", right: float = 0.0, down: float = 0.0, seconds: float = 2.0, **changed: object) -> Scene:
    """A blob of a fifth of the picture's height that goes so far, steadily, over the whole scene."""
    mover = Mover(
        act, "blob", right * SHARE, down * SHARE, 0.2 * ONE, 0 * ONE, ONE, ONE, 0 * ONE, ONE, begin=0, end=STEPS
    )
    return Scene(seconds, 16 / 9, (replace(mover, **changed),), camera())  # type: ignore[arg-type]  # its fields


def said(of: Scene) -> dict[str, int]:
    return dict(zip(CONCEPTS, truths(of).tolist(), strict=True))


def true_of(of: Scene) -> set[str]:
    return {concept for concept, truth in said(of).items() if truth == 1}


@pytest.mark.parametrize("direction", list(DIRECTIONS))
def test_a_straight_way_leads_in_one_direction_and_no_other(direction: str) -> None:
    angle = np.radians(DIRECTIONS[direction])
    told = said(scene(right=0.8 * np.cos(angle), down=0.8 * np.sin(angle)))
    assert {name for name in DIRECTIONS if told[name] == 1} == {direction}
    assert told["travel"] == 1


def test_a_direction_between_two_is_left_open() -> None:
    told = said(scene(right=0.8 * np.cos(np.radians(27)), down=0.8 * np.sin(np.radians(27))))
    assert (told["right"], told["down_right"], told["left"]) == (OPEN, OPEN, 0)


def test_speed_is_in_picture_heights_a_second() -> None:
    assert {"fast"} <= true_of(scene(right=1.0, seconds=1.0))
    assert {"slow"} <= true_of(scene(right=1.0, seconds=10.0))
    assert said(scene(right=1.0, seconds=2.0))["fast"] == OPEN


def test_a_figure_leads_nowhere_and_is_no_other_figure() -> None:
    angle = 2 * np.pi * SHARE
    told = said(scene("circle", x=0.3 * np.cos(angle), y=0.3 * np.sin(angle)))
    assert told["circle"] == told["circle_cw"] == 1
    assert told["circle_ccw"] == told["star"] == told["right"] == 0
    assert told["spiral"] == OPEN


def test_what_turns_does_so_in_one_sense() -> None:
    told = said(scene("turn", angle=3.0 * SHARE))
    assert (told["turn"], told["turn_cw"], told["turn_ccw"]) == (1, 1, 0)


def test_size_tells_what_comes_closer() -> None:
    assert {"grow"} <= true_of(scene("grow", size=0.2 * np.exp(SHARE)))
    assert {"shrink"} <= true_of(scene("shrink", size=0.2 * np.exp(-SHARE)))


def test_without_a_mover_nothing_moves_unless_the_camera_does() -> None:
    still = replace(scene(), movers=())
    assert said(still)["nothing"] == said(still)["cam_still"] == 1
    panned = replace(still, camera=camera("pan_left"))
    assert (said(panned)["nothing"], said(panned)["pan"], said(panned)["pan_left"]) == (OPEN, 1, 1)
    assert said(panned)["moves"] == 0


def test_two_movers_that_part_are_two_and_apart() -> None:
    one, other = scene(right=-0.5).movers[0], scene(right=0.5).movers[0]
    told = said(replace(scene(), movers=(one, other), group="apart"))
    assert told["two"] == told["apart"] == 1
    assert told["one"] == told["meet"] == told["together"] == 0


def test_a_mirror_exchanges_left_and_right_and_is_undone_by_another() -> None:
    random = np.random.default_rng(0)
    sides = {name: name.replace("left", "?").replace("right", "left").replace("?", "right") for name in CONCEPTS}
    sides |= {
        f"{name}_{one}": f"{name}_{other}"
        for name in ("turn", "circle", "roll")
        for one, other in (("cw", "ccw"), ("ccw", "cw"))
    }
    lopsided = {"tick", "ell", "zed", "cross", "x"}
    for _ in range(200):
        made = new_scene(random)
        if any(mover.act in ("tick", "ell", "zed") for mover in made.movers):
            continue
        told, turned = said(made), said(mirrored(made))
        assert {sides[name]: truth for name, truth in told.items() if name not in lopsided} == {
            name: truth for name, truth in turned.items() if name not in lopsided
        }
        assert said(mirrored(mirrored(made))) == told


def test_backwards_what_rises_falls_and_what_comes_goes() -> None:
    opposite = {
        "left": "right",
        "up": "down",
        "grow": "shrink",
        "pan_left": "pan_right",
        "zoom_in": "zoom_out",
        "turn_cw": "turn_ccw",
    }
    opposite |= {other: one for one, other in opposite.items()}
    random = np.random.default_rng(1)
    seen = set()
    for _ in range(1000):
        made = new_scene(random)
        told, turned = said(made), said(backwards(made))
        for one, other in opposite.items():
            if told[one] == 1:
                assert turned[other] == 1, (one, made.movers[0].act if made.movers else made.camera.kind)
                seen.add(one)
    assert seen == set(opposite)


def test_every_scene_has_something_to_say_of_it() -> None:
    random = np.random.default_rng(2)
    assert all((truths(new_scene(random)) == 1).any() for _ in range(300))
