"""The studies that train: run until they are finished, or until their time limit."""

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, TypeVar

import typer

from deltaclip.cli.encoders import check_device
from deltaclip.cli.options import DeviceOption, SetOption
from deltaclip.cli.output import Progress, emit, note, print_lines

if TYPE_CHECKING:  # torch is imported by the command itself
    from deltaclip.findings import StudyResult

__all__ = ["TrainingOptions", "run_trained"]


Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class TrainingOptions:
    """What a study trains, and for how long."""

    PANEL: ClassVar = "Studies that train (shapes, actions, threshold-retrained)"

    steps: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Number of steps of each training run (default: the study's own)."),
    ] = None
    seeds: Annotated[
        int | None,
        typer.Option(
            min=1, metavar="N", help="Number of runs of each setting, with seeds 0, 1, ... (default: the study's own)."
        ),
    ] = None
    masks: Annotated[
        list[str] | None,
        typer.Option(
            "--mask",
            metavar="MASK",
            help="Mask to train with (default: all masks and settings of the study). 'MASK, temporal head' trains one "
            "that knows the order of frames (actions; subject in shapes with --twins direction or order), 'subject, no "
            "alpha dropout' is a setting of shapes. May be repeated.",
        ),
    ] = None
    cameras: Annotated[
        list[str] | None,
        typer.Option(
            "--camera",
            metavar="CAMERA",
            help="Camera of the drawn clips: still, pan or shake (default: in shapes still and pan, in "
            "threshold-retrained still). May be repeated.",
        ),
    ] = None
    twins: Annotated[
        Literal["mover", "direction", "order"],
        typer.Option(
            metavar="KIND",
            help="What drawn clips of a group differ in, in shapes: mover (three clips in which a different object "
            "moves), direction (a clip and the same clip backwards, whose captions name opposite directions), order "
            "(two objects move one after the other, and the same backwards). Default: mover.",
            show_default=False,
        ),
    ] = "mover"
    data: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Folder of labelled clips, for actions and threshold-retrained: captions.csv and classes.json, or a "
            "folder of such folders.",
        ),
    ] = None
    folds: Annotated[
        list[int] | None,
        typer.Option(
            "--fold",
            min=0,
            metavar="N",
            help="Fold of the labelled clips to hold out (default: each in turn). May be repeated.",
        ),
    ] = None
    settings: SetOption = None
    time_limit: Annotated[
        float | None,
        typer.Option(
            min=0,
            metavar="SECONDS",
            help="Stop training after this time (default: no limit). The same command continues where it stopped.",
        ),
    ] = None
    jobs: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Number of runs trained at once (default: one per core).")
    ] = None
    device: DeviceOption = "auto"


def run_trained(
    name: str, folder: Path, options: TrainingOptions, clips: int | None, as_json: bool
) -> "StudyResult | None":
    """The result of the study. None if the time limit came first, which is printed here. folder: for its runs."""
    started = time.time()
    check_device(options.device)
    from deltaclip.training.studies import STUDIES, Stopped, StudyPlan

    with Progress() as line:
        plan = StudyPlan(
            folder=folder,
            steps=options.steps,
            seeds=options.seeds,
            masks=_tuple(options.masks),
            cameras=_tuple(options.cameras),
            clips=clips,
            twins=options.twins,
            settings=tuple(options.settings or ()),
            data=options.data,
            folds=_tuple(options.folds),
            jobs=options.jobs or os.cpu_count() or 1,
            device=options.device,
            deadline=None if options.time_limit is None else started + options.time_limit,
            progress=lambda now: line.show(f"{now.doing}: {now.done}/{now.total}", now.done, now.total),
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
        print_lines(f"stopped by the time limit: {found.finished} of {found.runs} runs finished")
    note("run the same command again to continue")
    return None


def _tuple(values: list[Value] | None) -> tuple[Value, ...] | None:
    return None if values is None else tuple(values)
