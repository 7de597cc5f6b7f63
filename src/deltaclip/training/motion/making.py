"""`train motion`: draw, learn, write the folder that `MotionEncoder.load` reads."""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from deltaclip.encoder import save_motion_encoder
from deltaclip.training.motion.drawn import draw_parts
from deltaclip.training.motion.learning import MotionRecipe, MotionStep, learn

__all__ = ["MotionOutcome", "train_motion"]


@dataclass(frozen=True, slots=True)
class MotionOutcome:
    """out: the folder. scenes: drawn. steps: taken. loss: of the last one. drawing_seconds, learning_seconds: wall
    time. held_out: of scenes not learnt from, the share of pairs of one that a sentence is true of and one that it is
    not, which it puts in the right order.
    """

    out: Path
    scenes: int
    steps: int
    loss: float
    held_out: float
    drawing_seconds: float
    learning_seconds: float


def train_motion(
    out: Path,
    recipe: MotionRecipe,
    *,
    jobs: int,
    drawing: Callable[[int, int], None],
    learning: Callable[[MotionStep], None],
) -> MotionOutcome:
    """Makes a motion encoder from nothing in the folder `out`.

    jobs: processes that draw. What is drawn is kept in `out`/drawn: a run that was stopped draws on from there.
    drawing: called with scenes done and in all. learning: called after every step.
    """
    begun = time.monotonic()
    drawn = draw_parts(out / "drawn", recipe.seed, recipe.scenes, jobs, drawing)
    middle = time.monotonic()
    torch.set_num_threads(jobs)
    last = MotionStep(0, float("nan"), None)

    def told(step: MotionStep) -> None:
        nonlocal last
        last = step
        learning(step)

    network = learn(recipe, drawn, told)
    assert last.held is not None, "it is measured after the last step"
    save_motion_encoder(out, network, {"recipe": asdict(recipe), "held_out": last.held, "loss": last.loss})
    ended = time.monotonic()
    return MotionOutcome(out, len(drawn.truths), last.step, last.loss, last.held, middle - begun, ended - middle)
