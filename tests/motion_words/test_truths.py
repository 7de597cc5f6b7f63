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


def test_what_others_do_beside_the_mover_is_neither_true_nor_false() -> None:
    main = scene(right=0.8)
    other = replace(scene("jump", size=0.1 * ONE).movers[0], beside=True)
    alone, passed = said(main), said(replace(main, movers=(other, *main.movers)))
    assert (passed["right"], passed["left"], passed["travel"]) == (1, 0, 1)
    assert (alone["jump"], passed["jump"]) == (0, OPEN)
    assert (alone["one"], passed["one"]) == (1, OPEN)
    assert passed["two"] == passed["together"] == OPEN
    assert all(passed[name] in (truth, OPEN) for name, truth in alone.items())


def test_who_fidgets_moves_in_place_and_does_nothing_that_has_a_name() -> None:
    told = said(scene("fidget", limb=SHARE))
    assert {name for name, truth in told.items() if truth == 1} <= {"moves", "in_place", "one", "cam_still"}
    assert told["jump"] == told["circle"] == told["right"] == told["fall"] == told["travel"] == 0
    assert told["wave"] == told["clap"] == OPEN


@pytest.mark.parametrize(
    ("kind", "tremor", "still", "shake"),
    [("still", 0.0, 1, 0), ("still", 0.012, 1, OPEN), ("shake", 0.012, OPEN, 1), ("shake", 0.05, 0, 1)],
)
def test_a_hand_that_trembles_may_be_called_either(kind: str, tremor: float, still: int, shake: int) -> None:
    looks = CameraPath(kind, tremor * 2**0.5 * np.sin(20 * SHARE * np.pi), 0 * ONE, 0 * ONE, 0 * ONE)
    told = said(replace(scene(), camera=looks))
    assert (told["cam_still"], told["cam_shake"]) == (still, shake)


def test_others_are_smaller_and_what_stands_near_stays_where_it_is_under_a_still_camera() -> None:
    random = np.random.default_rng(4)
    passed = deep = 0
    for _ in range(300):
        made = new_scene(random)
        main = [mover for mover in made.movers if mover.act != "stay" and not mover.beside]
        for mover in made.movers:
            if mover.beside:
                passed += 1
                assert mover.size.mean() <= 0.5 * main[0].size.mean() + 1e-9
            if mover.act == "stay" and made.camera.kind == "still":
                deep += 1
                assert np.ptp(mover.x) <= np.ptp(made.camera.x) + 1e-9
    assert passed > 30
    assert deep > 30


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
