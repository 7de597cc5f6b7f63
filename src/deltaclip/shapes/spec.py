"""What a Moving Shapes clip is made of: the options of a world and the objects in it.

All lengths are in pixels of a picture whose short side is 224, so that a world means the same at any drawn size.
"""

from dataclasses import dataclass
from typing import Literal, get_args

__all__ = ["BASE_SIDE", "SHAPE_COLOURS", "SHAPE_KINDS", "TEST_SEED", "Colour", "Kind", "ShapesSpec", "Thing", "Twins"]

BASE_SIDE = 224
"""Side of the square in which positions, radii and speeds are given."""

TEST_SEED = 1_000_003
"""Of clips to measure with: far from the small seeds of training runs, since worlds of one seed are the same."""

MAX_SHAKE = 1.75
"""The wobble of strength 1 reaches 6.7 pixels, and paths keep 12 from the border."""

Kind = Literal["circle", "square", "triangle", "ring", "star"]
Colour = Literal["red", "blue", "purple", "green", "cyan", "yellow"]
Camera = Literal["still", "pan", "shake"]
Twins = Literal["mover", "direction", "order"]
SHAPE_KINDS: tuple[Kind, ...] = ("circle", "square", "triangle", "ring", "star")
SHAPE_COLOURS: tuple[Colour, ...] = ("red", "blue", "purple", "green", "cyan", "yellow")
REVERSIBLE_FRAMES = 49
"""Frames of a clip whose twin is the same clip backwards. Odd, so that the middle of a span is never the border of two
frames: then a clip and its twin are sampled at the same pictures, in the opposite order."""


@dataclass(frozen=True, slots=True)
class ShapesSpec:
    """The world that clips are drawn from. The defaults are the fixed world of `evaluate shapes`.

    size: side of the drawn square picture in pixels, at least 96.
    num_frames, frames_per_second: native frames of one scene and their rate; 48 at 24 are 2 s.
    num_objects: objects in the picture, 2 to 4; one of them moves.
    camera: `still`; `pan`, a steady drift of the whole picture; `shake`, a hand-held wobble.
    shake: how far the camera `shake` wobbles; 1 is a hand, about 4 pixels; 0 is a still camera in the same places.
    noise: standard deviation of fresh grey noise in every frame, in grey levels of 255.
    flicker: largest relative change of brightness from frame to frame, 0.08 is a bad neon lamp.
    cuts: hard cuts inside a scene; each brings a new background and new places for the same objects and mover.
    slow_motion: the mover's speed is divided by this.
    static_only: nothing moves, and the caption says so.
    directions: the mover goes one way, and the caption says which.
    scenes: scenes one after the other, each with different objects; the caption is a paragraph of one sentence a scene.
    equal_luma: objects and background share one luma, so that a grey difference hardly sees them.
    crf: x264's quality of the written file, 0 (best) to 51.
    twins: what the clips of a group differ in. `mover`: which object moves. The other two are pairs, one clip and the
    same clip played backwards, so that both show the same pictures: `direction`, the mover goes left or right, or up
    or down; `order`, two objects move one after the other. They need an odd number of frames: see `of_twins`.
    """

    size: int = 96
    num_frames: int = 48
    frames_per_second: int = 24
    num_objects: int = 3
    camera: Camera = "still"
    shake: float = 1.0
    noise: float = 0.0
    flicker: float = 0.0
    cuts: int = 0
    slow_motion: float = 1.0
    static_only: bool = False
    directions: bool = False
    scenes: int = 1
    equal_luma: bool = False
    crf: int = 18
    twins: Twins = "mover"

    @classmethod
    def of_twins(cls, twins: Twins, camera: Camera, *, directions: bool = False) -> "ShapesSpec":
        """The world of a kind of twins, with as many frames as its clips need."""
        if twins == "mover":
            return cls(camera=camera, directions=directions)
        return cls(num_frames=REVERSIBLE_FRAMES, camera=camera, directions=directions, twins=twins)

    @property
    def tells_direction(self) -> bool:
        """Whether captions say which way the mover goes."""
        return self.directions or self.twins == "direction"

    def __post_init__(self) -> None:
        if self.camera not in get_args(Camera):
            raise ValueError(f"camera {self.camera!r}: choose one of {', '.join(get_args(Camera))}")
        if self.size < 96:
            raise ValueError(f"size {self.size}: draw at 96 pixels or more, smaller objects lose their shape")
        if not 2 <= self.num_objects <= 4:
            raise ValueError(f"num_objects {self.num_objects}: 2 to 4 fit into a picture")
        if self.num_frames < 2 * (self.cuts + 1):
            raise ValueError(f"{self.cuts} cuts leave fewer than two frames a shot of {self.num_frames}")
        if self.scenes < 1 or self.slow_motion < 1 or self.frames_per_second < 1:
            raise ValueError("scenes, slow_motion and frames_per_second start at 1")
        if self.noise < 0 or not 0 <= self.flicker < 1 or self.cuts < 0:
            raise ValueError("noise, flicker and cuts are not negative, flicker is below 1")

        if not 0 <= self.shake <= MAX_SHAKE:
            raise ValueError(f"shake {self.shake}: 0 to {MAX_SHAKE}, beyond that objects leave the picture")
        if not 0 <= self.crf <= 51:
            raise ValueError(f"crf {self.crf}: 0 to 51")
        self._check_twins()

    def _check_twins(self) -> None:
        if self.twins not in get_args(Twins):
            raise ValueError(f"twins {self.twins!r}: choose one of {', '.join(get_args(Twins))}")
        if self.twins == "mover":
            return
        if self.num_frames % 2 == 0:
            raise ValueError(f"num_frames {self.num_frames}: twins of {self.twins} need an odd number, as in of_twins")
        if self.cuts or self.scenes > 1:
            raise ValueError(f"twins of {self.twins} are one scene without cuts: set cuts to 0 and scenes to 1")
        if self.directions:
            raise ValueError(f"directions is for twins of mover: leave it out for twins of {self.twins}")


@dataclass(frozen=True, slots=True)
class Thing:
    """One coloured shape. `str` gives its name in captions."""

    colour: Colour
    kind: Kind

    def __str__(self) -> str:
        return f"{self.colour} {self.kind}"
