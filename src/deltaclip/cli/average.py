"""`average`: weights between two checkpoints of one model (WiSE-FT)."""

from typing import Annotated

import typer

from deltaclip.cli.files import refuse_to_replace
from deltaclip.cli.options import JsonOption, OutOption, OverwriteOption
from deltaclip.cli.output import emit, print_lines, shown

__all__ = ["average"]


def average(
    first: Annotated[
        str,
        typer.Argument(
            metavar="START", help="Encoder that training started from: a checkpoint folder, a hub name or shapes."
        ),
    ],
    second: Annotated[
        str,
        typer.Argument(
            metavar="TRAINED",
            help="Encoder that was trained from it. The average keeps its mask and number of frames.",
        ),
    ],
    out: OutOption,
    weight: Annotated[
        float, typer.Option(min=0, max=1, metavar="SHARE", help="Weight of TRAINED in the average, from 0 to 1.")
    ] = 0.5,
    overwrite: OverwriteOption = False,
    as_json: JsonOption = False,
) -> None:
    """Average weights before and after training (WiSE-FT).

    The average is often better than either of them on clips that are unlike the training clips.

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
        print_lines(f"wrote {shown(out)}: {1 - weight:g} * {shown(first)} + {weight:g} * {shown(second)}")
