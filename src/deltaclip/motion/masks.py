"""The table of masks: adding one is one file for its rule and one line here."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module

from deltaclip.motion.types import Motion

__all__ = ["MOTIONS", "Mask"]


@dataclass(frozen=True, slots=True)
class Mask:
    """A rule that tells what moves, and what it needs.

    measure: (T, H, W, 3) uint8 sampled frames, already scaled -> Motion; see `motion.see` for its further arguments.
    thresholded: whether it takes a `DifferenceSpec`, so that `threshold=` may be given. soft: whether its alpha has
    values between 0 and 1, so that `binary` may be given. needs_neighbours: whether it takes the native frames before
    and after each sampled one, and how many seconds away they are. hides: whether its alpha can be below 1, so that
    `floor=` may be given. locates: whether it claims to show where the motion is; a control does not, and so cannot be
    out of step with what moves. flows: whether it measures how things move (`Motion.flow`), so that `+flow` may be
    asked for.
    """

    measure: Callable[..., Motion]
    thresholded: bool = False
    soft: bool = False
    needs_neighbours: bool = False
    hides: bool = True
    locates: bool = True
    flows: bool = False


def _rule(module: str, name: str) -> Callable[..., Motion]:
    """A rule of this room, whose module is imported when it first measures: whoever parses a name needs no OpenCV."""

    def measure(*given: object) -> Motion:
        motion: Motion = getattr(import_module(f"deltaclip.motion.{module}"), name)(*given)
        return motion

    return measure


MOTIONS: dict[str, Mask] = {
    "difference": Mask(_rule("frame_difference", "difference"), thresholded=True),
    "subject": Mask(_rule("subject_mask", "subject"), soft=True, needs_neighbours=True, flows=True),
    "full": Mask(_rule("controls", "full"), hides=False, locates=False),
    "random": Mask(_rule("controls", "random"), thresholded=True, locates=False),
    "inverted": Mask(_rule("controls", "inverted"), thresholded=True, locates=False),
    "centre": Mask(_rule("controls", "centre"), locates=False),
}
"""By name."""
