"""`study`: an open question about a mask and its encoder, measured and written down."""

import shlex
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from deltaclip.cli.files import writable
from deltaclip.cli.material import (
    AllowMissingOption,
    AnnotationsOption,
    DatasetOption,
    SplitOption,
    VideosOption,
    split_material,
)
from deltaclip.cli.output import JsonOption, Progress, emit, note, print_lines, shown

__all__ = ["STUDY_NAMES", "study"]

STUDY_NAMES = ("threshold", "controls", "frames", "static", "degrade", "length", "diagnose")
"""Keys of evaluation.STUDIES, said here so that help does not wait for torch; a test holds that they agree."""


def study(
    name: Annotated[str, typer.Argument(help=f"{', '.join(STUDY_NAMES[:-1])} or {STUDY_NAMES[-1]}.", metavar="NAME")],
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
    as_json: JsonOption = False,
) -> None:
    """Measure an open question and write it down as json, picture and paragraph.

    \b
    Examples:
      deltaclip study controls --out studies
      deltaclip study diagnose --dataset msvd --annotations msvd --videos msvd/YouTubeClips --encoder CKPT --out studies
    """
    if name not in STUDY_NAMES:
        from difflib import get_close_matches

        near = get_close_matches(name, STUDY_NAMES)
        meant = f"did you mean {near[0]}?" if near else f"choose one of {', '.join(STUDY_NAMES)}."
        raise typer.BadParameter(f"no study {name!r}: {meant}", param_hint="NAME")
    if clips is not None and dataset != "shapes":
        raise typer.BadParameter("--clips is for drawn clips; a data set has its own.", param_hint="'--clips'")
    material = split_material(dataset, annotations, videos, split, allow_missing=allow_missing)
    with writable(out / name):  # before minutes of work
        out.mkdir(exist_ok=True)
    from deltaclip.encoder import Encoder, EncoderSpec
    from deltaclip.evaluation.studies import SHAPES_SEED, STUDIES, Bench
    from deltaclip.findings import write_study

    try:
        loaded = Encoder.load(encoder, EncoderSpec(motion=motion, num_frames=num_frames))
    except ValueError as error:
        raise typer.BadParameter(f"{error}.") from error
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
    command = shlex.join(["deltaclip", *sys.argv[1:]])
    with writable(out / name):
        files = write_study(out, result, command)
    if as_json:
        emit({**result.to_json(), "command": command, "files": files})
        return
    for row in result.rows:
        chosen = "  ".join(shown(value) for value in row.setting.values())
        print_lines(f"{chosen}  {'  '.join(f'{key} {_figure(value)}' for key, value in row.figures.items())}")
    for text in result.notes:
        print_lines(shown(text))
    note(f"wrote {', '.join(shown(path) for path in files)}")


def _figure(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else shown(value)
