"""The motion encoder from nothing: scenes are drawn, seen by the mask `subject`, and told in sentences."""

from deltaclip.training.motion.drawn import DRAWN_FRAMES
from deltaclip.training.motion.learning import MotionRecipe
from deltaclip.training.motion.making import MotionOutcome, train_motion

__all__ = ["DRAWN_FRAMES", "MotionOutcome", "MotionRecipe", "train_motion"]
