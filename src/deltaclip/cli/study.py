"""`study`: an open question about a mask and its encoder, measured and written down."""

import shlex
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deltaclip.cli.encoders import load_with
from deltaclip.cli.files import StallLimitOption, writable
from deltaclip.cli.material import (
    AllowMissingOption,
    AnnotationsOption,
    DatasetOption,
    SplitOption,
    VideosOption,
    split_material,
)
from deltaclip.cli.output import JsonOption, Progress, emit, note, print_lines, shown
from deltaclip.cli.trained_study import run_trained
from deltaclip.wording import did_you_mean

if TYPE_CHECKING:  # findings need numpy
    from deltaclip.findings import StudyResult

__all__ = ["STUDY_NAMES", "TRAINED_NAMES", "study"]

STUDY_NAMES = ("threshold", "controls", "frames", "static", "degrade", "length", "diagnose")
"""Keys of evaluation.studies.STUDIES, said here so that help does not wait for torch; a test holds that they agree."""
TRAINED_NAMES = ("shapes", "actions")
"""Keys of training.studies.STUDIES."""
ALL_NAMES = (*STUDY_NAMES, *TRAINED_NAMES)
TRAINED_ONLY = ("steps", "seeds", "masks", "cameras", "data", "folds", "settings", "time_limit", "jobs", "device")
MEASURED_ONLY = (
    "dataset",
    "annotations",
    "videos",
    "split",
    "encoder",
    "motion",
    "num_frames",
    "seed",
    "allow_missing",
)
"""Options of one kind of study, which the other kind refuses."""
FOREIGN = {"shapes": (*MEASURED_ONLY, "data", "folds"), "actions": (*MEASURED_ONLY, "cameras", "clips")}
"""Options that a study which trains refuses; every other study refuses TRAINED_ONLY."""
KINDS = {"shapes": "is trained and drawn for itself", "actions": "is trained on the clips in --data"}


def study(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help=f"{', '.join(ALL_NAMES[:-1])} or {ALL_NAMES[-1]}.", metavar="NAME")],
    out: Annotated[Path, typer.Option(help="Folder for NAME.json, NAME.png and NAME.md.")],
    dataset: DatasetOption = "shapes",
    annotations: AnnotationsOption = None,
    videos: VideosOption = None,
    split: SplitOption = "test",
    encoder: Annotated[
        str, typer.Option(help="shapes, a checkpoint folder, or a hub name such as openai/clip-vit-base-patch32.")
    ] = "shapes",
    motion: Annotated[str | None, typer.Option(help="Another mask than the checkpoint's own.")] = None,
    num_frames: Annotated[int | None, typer.Option(min=1, help="Another number of frames than its own.")] = None,
    clips: Annotated[
        int | None, typer.Option(min=6, help="How many clips to draw, in groups of three twins; else the study's own.")
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Of the drawn clips and other draws.")] = None,
    allow_missing: AllowMissingOption = False,
    steps: Annotated[int | None, typer.Option(min=1, help="Of each run, in a study that trains.")] = None,
    seeds: Annotated[int | None, typer.Option(min=1, help="Runs of each setting, likewise, with seeds from 0.")] = None,
    masks: Annotated[list[str] | None, typer.Option("--mask", help="Train with these masks only. Repeatable.")] = None,
    cameras: Annotated[
        list[str] | None, typer.Option("--camera", help="Train on still, pan or shake only. Repeatable.")
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(help="Folder of labelled clips for actions: captions.csv, classes.json; or of several."),
    ] = None,
    folds: Annotated[
        list[int] | None, typer.Option("--fold", min=0, help="Hold out these folds of --data only. Repeatable.")
    ] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="Train with another recipe's field: optim.lr=1e-3. Repeatable.")
    ] = None,
    time_limit: Annotated[
        float | None, typer.Option(min=0, help="Seconds after which training stops; the same command goes on.")
    ] = None,
    jobs: Annotated[int | None, typer.Option(min=1, help="Runs trained at once; default: one a core.")] = None,
    device: Annotated[str, typer.Option(help="To train on: auto, cpu, cuda, cuda:1, mps.")] = "auto",
    stall_limit: StallLimitOption = None,
    as_json: JsonOption = False,
) -> None:
    """Measure an open question and write it down as json, picture and paragraph.

    Studies that train keep their runs in OUT/NAME, where the same command goes on after a kill.

    \b
    Examples:
      deltaclip study controls --out studies
      deltaclip study diagnose --dataset msvd --annotations msvd --videos msvd/YouTubeClips --encoder CKPT --out studies
      deltaclip study shapes --out studies --steps 1000 --mask full --mask subject
      deltaclip study actions --data actions --out studies --time-limit 3600
    """
    _refuse_unknown(name)
    _refuse_of_the_other_kind(context, name)
    if name == "actions" and data is None:
        raise typer.BadParameter("the study actions needs the folder of its clips.", param_hint="'--data'")
    if name in TRAINED_NAMES:
        with writable(out / name):
            out.mkdir(exist_ok=True)
        chosen = {"masks": masks, "cameras": cameras, "folds": folds, "settings": settings}
        result = run_trained(
            name,
            out / name,
            {"steps": steps, "seeds": seeds, "clips": clips, "data": data, "device": device}
            | {key: tuple(values) for key, values in chosen.items() if values is not None},
            jobs,
            time_limit,
            as_json,
        )
        if result is not None:
            _write(result, out, as_json)
        return
    if clips is not None and dataset != "shapes":
        raise typer.BadParameter("--clips is for drawn clips; a data set has its own.", param_hint="'--clips'")
    material = split_material(dataset, annotations, videos, split, allow_missing=allow_missing)
    with writable(out / name):  # before minutes of work
        out.mkdir(exist_ok=True)
    from deltaclip.encoder import EncoderSpec
    from deltaclip.evaluation.studies import SHAPES_SEED, STUDIES, Bench

    loaded = load_with(encoder, EncoderSpec(motion=motion, num_frames=num_frames))
    note(loaded.describe())
    with tempfile.TemporaryDirectory(prefix="deltaclip-study-") as folder, Progress() as line:
        bench = Bench(
            encoder=loaded,
            folder=Path(folder),
            material=material,
            num_clips=clips,
            seed=SHAPES_SEED if seed is None else seed,
            allow_missing=allow_missing,
            progress=lambda what, done, total: line.show(f"{what}: {done}/{total}", done, total),
        )
        result = STUDIES[name](bench)
    for video, reason in bench.broken.items():
        note(shown(f"{video}: {reason}"))
    _write(result, out, as_json)


def _refuse_unknown(name: str) -> None:
    if name not in ALL_NAMES:
        raise typer.BadParameter(f"no study {name!r}: {did_you_mean(name, ALL_NAMES, '.')}", param_hint="NAME")


def _refuse_of_the_other_kind(context: typer.Context, name: str) -> None:
    """An option that would change nothing."""
    refused = FOREIGN.get(name, TRAINED_ONLY)
    for option in context.command.params:
        given = context.get_parameter_source(option.name or "")
        if option.name in refused and given is not None and given.name != "DEFAULT":
            kind = KINDS.get(name, "trains nothing")
            raise typer.BadParameter(f"the study {name} {kind}.", param_hint=f"'{option.opts[0]}'")


def _write(result: "StudyResult", out: Path, as_json: bool) -> None:
    """Writes the study's files and tells what was found."""
    from deltaclip.findings import write_study

    command = shlex.join(["deltaclip", *sys.argv[1:]])
    with writable(out / result.name):
        files = write_study(out, result, command)
    if as_json:
        state = {"finished": True} if result.name in TRAINED_NAMES else {}
        emit({**result.to_json(), **state, "command": command, "files": files})
        return
    for row in result.rows:
        chosen = "  ".join(shown(value) for value in row.setting.values())
        print_lines(f"{chosen}  {'  '.join(f'{key} {_figure(value)}' for key, value in row.figures.items())}")
    for text in result.notes:
        print_lines(shown(text))
    note(f"wrote {', '.join(shown(path) for path in files)}")


def _figure(value: object) -> str:
    if value is None:
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else shown(value)
