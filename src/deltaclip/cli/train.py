"""`train`: the small four-channel CLIP of Moving Shapes, from scratch."""

from pathlib import Path
from typing import Annotated

import typer

from deltaclip.cli.files import OverwriteOption, refuse_to_replace
from deltaclip.cli.output import JsonOption, Progress, emit, note, print_lines, shown

__all__ = ["train"]


def train(
    recipe: Annotated[str, typer.Argument(help="shapes", metavar="RECIPE")],
    out: Annotated[Path, typer.Option(help="Folder of the new checkpoint.")],
    motion: Annotated[str, typer.Option(help="The mask that goes into alpha.")] = "difference",
    steps: Annotated[int | None, typer.Option(min=1, help="Batches of 96 clips.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of weights, clips and captions.")] = 0,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, mps.")] = "auto",
    overwrite: OverwriteOption = False,
    as_json: JsonOption = False,
) -> None:
    """Train on drawn clips; the checkpoint remembers its recipe.

    \b
    Example:
      deltaclip train shapes --motion full --steps 500 --out my-full
    """
    if recipe != "shapes":
        raise typer.BadParameter(f"{recipe!r} is not a recipe here: shapes.", param_hint="RECIPE")
    from dataclasses import replace

    from deltaclip.motion import MotionSpec
    from deltaclip.training import ShapesRecipe, train_shapes

    try:
        motion = str(MotionSpec.parse(motion))
    except ValueError as error:
        raise typer.BadParameter(f"{error}.", param_hint="'--motion'") from error
    refuse_to_replace(out, overwrite)
    chosen = ShapesRecipe(seed=seed, motion=motion)
    if steps is not None:
        chosen = replace(chosen, steps=steps)
    note(f"training the small CLIP on Moving Shapes: {chosen.steps} steps, motion {motion}, seed {seed}")
    with Progress() as line:

        def progress(phase: str, share: float, loss: float | None) -> None:
            if loss is None:
                line.show("drawing clips", share, 1)
            else:
                line.show(f"step {round(share * chosen.steps)}/{chosen.steps}  loss {loss:.3f}", share, 1)

        summary = train_shapes(chosen, out, progress, device=device)
    if as_json:
        emit({"out": out, **summary})
    else:
        print_lines(
            f"wrote {shown(out)}: loss {summary['loss']:.3f} after {summary['seconds']:.0f} s "
            f"({summary['clips_per_second']:.0f} clips/s)"
        )
    note(f"try it: deltaclip evaluate shapes --encoder {shown(out)}")
