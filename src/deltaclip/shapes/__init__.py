"""Moving Shapes: clips drawn by program, with true motion and captions, in which only motion tells twins apart."""

from deltaclip.shapes.captions import VOCABULARY, full_caption, varied_caption, vocabulary
from deltaclip.shapes.demo import DEMO_CLIPS, draw_demo
from deltaclip.shapes.questions import Questions, ask
from deltaclip.shapes.spec import SHAPE_COLOURS, SHAPE_KINDS, TEST_SEED, Camera, ShapesSpec, Thing, Twins
from deltaclip.shapes.world import ShapesClip, make_twins, make_world, write_world

__all__ = [
    "DEMO_CLIPS",
    "SHAPE_COLOURS",
    "SHAPE_KINDS",
    "TEST_SEED",
    "VOCABULARY",
    "Camera",
    "Questions",
    "ShapesClip",
    "ShapesSpec",
    "Thing",
    "Twins",
    "ask",
    "draw_demo",
    "full_caption",
    "make_twins",
    "make_world",
    "varied_caption",
    "vocabulary",
    "write_world",
]
