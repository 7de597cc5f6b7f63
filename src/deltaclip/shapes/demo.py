"""The clips of the demo, and what to ask about them."""

from collections.abc import Sequence
from pathlib import Path

from deltaclip.shapes.spec import ShapesSpec
from deltaclip.shapes.world import make_world, write_world

__all__ = ["DEMO_CLIPS", "DEMO_SEED", "draw_demo"]

DEMO_SEED = 80
"""Chosen by hand: objects of different colours and shapes, with the README's red circle. No figure depends on it."""
DEMO_CLIPS = 12
"""In groups of three that show the same objects, of which a different one moves."""


def draw_demo(folder: Path) -> Sequence[str]:
    """Writes DEMO_CLIPS clips into a folder, and gives questions that they answer."""
    clips = make_world(DEMO_SEED, DEMO_CLIPS, ShapesSpec(size=160))
    write_world(folder, clips)
    first, second, third = (str(thing) for thing in clips[0].shots[0].things)
    other = clips[3].shots[0].things
    return (
        f"the {first} moves",
        f"the {second} moving while the {third} stays",
        f"the {third} moves and the {first} and the {second} stay still",
        f"the {other[0]} moves",
    )
