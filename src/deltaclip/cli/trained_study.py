"""The studies among `study` that train: run until they are finished, or until their time is over."""

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from deltaclip.cli.encoders import check_device
from deltaclip.cli.output import Progress, emit, note, print_lines

if TYPE_CHECKING:  # torch is imported by the command itself
    from deltaclip.findings import StudyResult

__all__ = ["run_trained"]


def run_trained(
    name: str,
    folder: Path,
    chosen: dict[str, Any],  # Any: fields of StudyPlan
    jobs: int | None,
    time_limit: float | None,
    as_json: bool,
) -> "StudyResult | None":
    """What the study found. None where the time limit came first, which is told here. folder: of its runs."""
    started = time.time()
    check_device(chosen["device"])
    from deltaclip.training.studies import STUDIES, Stopped, StudyPlan

    with Progress() as line:
        plan = StudyPlan(
            folder=folder,
            jobs=jobs or os.cpu_count() or 1,
            deadline=None if time_limit is None else started + time_limit,
            progress=lambda now: line.show(f"{now.doing}: {now.done}/{now.total}", now.done, now.total),
            **chosen,
        )
        try:
            found = STUDIES[name](plan)
        except ValueError as error:
            raise typer.BadParameter(f"{error}.".replace("?.", "?")) from error
    if not isinstance(found, Stopped):
        return found
    if as_json:
        emit({"study": name, "finished": False, "runs_finished": found.finished, "runs": found.runs})
    else:
        print_lines(f"stopped by the time limit: {found.finished} of {found.runs} runs are finished")
    note("the same command goes on from there")
    return None
