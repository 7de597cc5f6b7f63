"""`train motion`: the motion encoder, made again from nothing."""

from collections.abc import Collection
from dataclasses import asdict
from pathlib import Path

import typer

from deltaclip.cli.groups import names, typed
from deltaclip.cli.output import Progress, emit, note, print_lines, shown
from deltaclip.cli.train_options import RecipeOptions, RunOptions, SourceOptions

__all__ = ["MOTION_RECIPE", "train_motion_encoder"]

MOTION_RECIPE = "motion"
USED = ("steps", "seed", "workers")


def train_motion_encoder(
    context: typer.Context, out: Path, overwrite: bool, choices: RecipeOptions, run: RunOptions, as_json: bool
) -> None:
    """Draw, learn, and write the folder. Raises BadParameter for options that do nothing here."""
    _refuse(context, [name for name in names(SourceOptions, RecipeOptions, RunOptions) if name not in USED])
    import os

    from deltaclip.cli.files import refuse_file, refuse_to_replace
    from deltaclip.encoder import is_motion_encoder
    from deltaclip.training.motion import MotionRecipe, train_motion

    refuse_file(out, "--out")
    if is_motion_encoder(str(out)):
        refuse_to_replace(out, overwrite)
    default = MotionRecipe()
    recipe = MotionRecipe(
        steps=default.steps if choices.steps is None else choices.steps,
        seed=default.seed if choices.seed is None else choices.seed,
    )
    steps = recipe.all_steps
    jobs = max(run.workers or os.cpu_count() or 1, 1)
    note(f"training {MOTION_RECIPE}: {recipe.scenes:,} drawn scenes, {steps:,} steps, seed {recipe.seed}")
    with Progress() as line:
        outcome = train_motion(
            out,
            recipe,
            jobs=jobs,
            drawing=lambda done, total: line.show(f"{done:,}/{total:,} scenes drawn", done, total),
            learning=lambda now: line.show(f"step {now.step}/{steps}  loss {now.loss:.2f}", now.step, steps),
        )
    if as_json:
        emit(asdict(outcome))
        return
    print_lines(
        f"wrote {shown(out)}: {outcome.scenes:,} scenes drawn in {outcome.drawing_seconds:.0f} s, learnt in "
        f"{outcome.learning_seconds:.0f} s; {100 * outcome.held_out:.1f}% of pairs in order on scenes not learnt from"
    )
    note(f"try it: deltaclip evaluate actions --data DIR --encoder {shown(out)}")


def _refuse(context: typer.Context, options: Collection[str]) -> None:
    if given := typed(context, options):
        raise typer.BadParameter(f"{', '.join(given)} cannot be used with {MOTION_RECIPE}.")
