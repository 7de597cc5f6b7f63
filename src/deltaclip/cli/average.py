"""`average`: the weights between two checkpoints of one model (WiSE-FT)."""

from pathlib import Path
from typing import Annotated

import typer

from deltaclip.cli.files import OverwriteOption, refuse_to_replace
from deltaclip.cli.output import JsonOption, emit, print_lines, shown

__all__ = ["average"]


def average(
    first: Annotated[str, typer.Argument(help="The start: a checkpoint folder, a hub name or shapes.")],
    second: Annotated[str, typer.Argument(help="What was trained from it; its mask and frames are kept.")],
    out: Annotated[Path, typer.Option(help="Folder of the new checkpoint.")],
    weight: Annotated[float, typer.Option(min=0, max=1, help="Share of the second.")] = 0.5,
    overwrite: OverwriteOption = False,
    as_json: JsonOption = False,
) -> None:
    """Average a start and its fine-tuning (WiSE-FT): often better than both on other clips.

    \b
    Example:
      deltaclip average openai/clip-vit-base-patch32 mine --weight 0.5 --out between
    """
    from deltaclip import training

    refuse_to_replace(out, overwrite)
    made = training.average(first, second, weight, out)
    if as_json:
        emit({"out": out, "first": first, "second": second, "weight": weight, "motion": made.record.motion})
    else:
        print_lines(f"wrote {shown(out)}: {1 - weight:g} of {shown(first)} and {weight:g} of {shown(second)}")
