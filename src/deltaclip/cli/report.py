"""`report`: the page of a training run, made from the files in its folder."""

from pathlib import Path
from typing import Annotated

import typer

from deltaclip.cli.options import JsonOption
from deltaclip.cli.output import emit, print_lines, shown

__all__ = ["report"]


def report(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of the run, as in `train --out`.")],
    as_json: JsonOption = False,
) -> None:
    """Write the page of a training run anew.

    RUN/training/report.html shows figures, curves, masks and settings. `train` writes it at every validation; this
    command makes it from RUN/training/metrics.jsonl, also of a run that is in progress or was cut off.

    \b
    Example:
      deltaclip report mine
    """
    from deltaclip.training import write_report_again

    page = write_report_again(run)
    if as_json:
        emit({"report": page})
    else:
        print_lines(f"wrote {shown(page)}")
