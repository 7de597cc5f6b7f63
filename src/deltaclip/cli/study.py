"""`study`: an open question about motion masks, measured and written down."""

import shlex
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deltaclip.cli.encoders import load_with
from deltaclip.cli.files import writable
from deltaclip.cli.groups import names, typed
from deltaclip.cli.material import split_material
from deltaclip.cli.options import GalleryOptions, JsonOption, SomeEncoderOptions, StallLimitOption
from deltaclip.cli.output import Progress, emit, note, print_lines, shown
from deltaclip.cli.trained_study import TrainingOptions, run_trained
from deltaclip.wording import did_you_mean

if TYPE_CHECKING:  # findings need numpy
    from deltaclip.findings import StudyResult

__all__ = ["STUDY_NAMES", "TRAINED_NAMES", "study"]

STUDY_NAMES = ("threshold", "controls", "frames", "static", "degrade", "length", "diagnose")
"""Keys of evaluation.studies.STUDIES, repeated here so that help does not import torch; a test compares them."""
TRAINED_NAMES = ("shapes", "actions", "threshold-retrained")
"""Keys of training.studies.STUDIES."""
ALL_NAMES = (*STUDY_NAMES, *TRAINED_NAMES)
MEASURED_ONLY = ("encoder", "seed", *names(GalleryOptions, SomeEncoderOptions))
TRAINED_ONLY = names(TrainingOptions)
"""Options of one kind of study, which studies of the other kind refuse."""
FOREIGN = {
    "shapes": (*MEASURED_ONLY, "data", "folds"),
    "actions": (*MEASURED_ONLY, "cameras", "twins", "clips"),
    "threshold-retrained": (*MEASURED_ONLY, "masks", "twins"),
}
"""Options that each study that trains refuses; all other studies refuse TRAINED_ONLY."""
KINDS = {
    "shapes": "trains its own encoders on clips that it draws",
    "actions": "trains on the clips in --data",
    "threshold-retrained": "trains with thresholds of its own, on twins of which one moves",
}


def study(
    context: typer.Context,
    *,
    name: Annotated[
        str,
        typer.Argument(
            help=f"Study to run: {', '.join(STUDY_NAMES)} (measure an encoder), {', '.join(TRAINED_NAMES)} (train "
            "their own).",
            metavar="NAME",
        ),
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder to write NAME.json, .png, .pdf, .csv and .md to.")],
    clips: Annotated[
        int | None,
        typer.Option(
            min=6,
            metavar="N",
            help="Number of clips to draw, in groups of three twins, or in pairs (default: the study's own).",
        ),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(min=0, metavar="N", help="Random seed of the drawn clips and of random choices (default: fixed)."),
    ] = None,
    encoder: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="Encoder to measure: shapes, which is bundled, a checkpoint folder, or a Hugging Face hub name.",
            rich_help_panel=SomeEncoderOptions.PANEL,
        ),
    ] = "shapes",
    choices: SomeEncoderOptions,
    gallery: GalleryOptions,
    training: TrainingOptions,
    stall_limit: StallLimitOption = None,
    as_json: JsonOption = False,
) -> None:
    """Answer an open question about motion masks by measuring.

    Writes the answer as JSON, as a figure (PNG, PDF, and its points as csv) and as a paragraph of Markdown. Studies
    that train keep their runs in OUT/NAME: after an interruption the same command continues there.

    \b
    Examples:
      deltaclip study controls --out studies
      deltaclip study diagnose --dataset msvd --annotations msvd --videos clips --encoder mine --out studies
      deltaclip study shapes --out studies --steps 1000 --mask full --mask subject
      deltaclip study threshold-retrained --data actions/egogestar --out studies --seeds 1
      deltaclip study actions --data actions --out studies --time-limit 3600
    """
    _refuse_unknown(name)
    _refuse_of_the_other_kind(context, name)
    if name == "actions" and training.data is None:
        raise typer.BadParameter("the study actions needs the folder of its clips.", param_hint="'--data'")
    if name == "threshold-retrained" and training.folds and training.data is None:
        raise typer.BadParameter("only clips of actions have folds; give them with --data.", param_hint="'--fold'")
    if name not in TRAINED_NAMES and clips is not None and gallery.dataset != "shapes":
        raise typer.BadParameter("it only applies to drawn clips; a data set has its own.", param_hint="'--clips'")
    if name in TRAINED_NAMES:
        _make_folder(out, name)
        result = run_trained(name, out / name, training, clips, as_json)
    else:
        result = _measure(name, out, encoder, choices, gallery, clips, seed)
    if result is not None:
        _write(name, result, out, as_json)


def _make_folder(out: Path, name: str) -> None:
    """Before minutes of work. Raises DeltaclipError if the folder cannot be written."""
    with writable(out / name):
        out.mkdir(exist_ok=True)


def _measure(
    name: str,
    out: Path,
    encoder: str,
    choices: SomeEncoderOptions,
    gallery: GalleryOptions,
    clips: int | None,
    seed: int | None,
) -> "StudyResult":
    """What a study of an encoder found."""
    material = split_material(gallery)
    _make_folder(out, name)
    from deltaclip.evaluation.studies import SHAPES_SEED, STUDIES, StudySetup

    loaded = load_with(encoder, choices.spec())
    note(loaded.describe())
    with tempfile.TemporaryDirectory(prefix="deltaclip-study-") as folder, Progress() as line:
        setup = StudySetup(
            encoder=loaded,
            folder=Path(folder),
            material=material,
            num_clips=clips,
            seed=SHAPES_SEED if seed is None else seed,
            allow_missing=gallery.allow_missing,
            progress=lambda what, done, total: line.show(f"{what}: {done}/{total}", done, total),
        )
        result = STUDIES[name](setup)
    for video, reason in setup.broken.items():
        note(shown(f"{video}: {reason}"))
    return result


def _refuse_unknown(name: str) -> None:
    if name not in ALL_NAMES:
        raise typer.BadParameter(f"there is no study {name!r}: {did_you_mean(name, ALL_NAMES, '.')}", param_hint="NAME")


def _refuse_of_the_other_kind(context: typer.Context, name: str) -> None:
    """Raises BadParameter for options that would be ignored."""
    if given := typed(context, FOREIGN.get(name, TRAINED_ONLY)):
        raise typer.BadParameter(f"the study {name} {KINDS.get(name, 'does not train')}.", param_hint=f"'{given[0]}'")


def _write(name: str, result: "StudyResult", out: Path, as_json: bool) -> None:
    """Write the files of the study and print what was found."""
    from deltaclip.findings import write_study

    command = shlex.join(["deltaclip", *sys.argv[1:]])
    with writable(out / result.name):
        files = write_study(out, result, command)
    if as_json:
        state = {"finished": True} if name in TRAINED_NAMES else {}
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
