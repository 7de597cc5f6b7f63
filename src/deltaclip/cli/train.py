"""`train`: a checkpoint from captioned videos or from drawn clips."""

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deltaclip.cli.encoders import check_device
from deltaclip.cli.options import JsonOption, OverwriteOption, StallLimitOption
from deltaclip.cli.output import Progress, emit, finish, note, print_lines, shown
from deltaclip.cli.train_motion import MOTION_RECIPE, train_motion_encoder
from deltaclip.cli.train_options import (
    RecipeOptions,
    RunOptions,
    SourceOptions,
    check_places,
    check_sources,
    check_start,
    chosen_recipe,
)
from deltaclip.errors import DeltaclipError

if TYPE_CHECKING:  # torch is imported by the command itself
    from deltaclip.training import Outcome, Recipe, TrainingData, TrainingProgress

__all__ = ["train"]


def train(
    context: typer.Context,
    *,
    recipe: Annotated[
        str | None,
        typer.Argument(
            help="Recipe to train by: shapes, msvd, msrvtt, msrvtt-7k, actions or own; clip4clip-RECIPE is the same "
            "without masks. motion trains the motion encoder, from scenes that it draws.",
            metavar="RECIPE",
            show_default="own, with --captions",
        ),
    ] = None,
    out: Annotated[
        Path, typer.Option(metavar="DIR", help="Folder to write the checkpoint and the files of the run to.")
    ],
    overwrite: OverwriteOption = False,
    source: SourceOptions,
    choices: RecipeOptions,
    run: RunOptions,
    stall_limit: StallLimitOption = None,
    as_json: JsonOption = False,
) -> None:
    """Train an encoder on captioned videos or on drawn clips.

    The checkpoint remembers the recipe, which `deltaclip info` shows. Under torchrun, several GPUs train together.

    \b
    Examples:
      deltaclip train shapes --motion full --steps 500 --out my-full
      deltaclip train motion --out my-motion
      deltaclip train --captions captions.csv --videos clips --init alpha-b16 --out mine
      deltaclip train msvd --annotations msvd --videos clips --set optim.chunk=16 --out mine
      torchrun --nproc-per-node 2 -m deltaclip train msrvtt --annotations msrvtt --cache frames --out mine
    """
    if recipe == MOTION_RECIPE:
        train_motion_encoder(context, out, overwrite, choices, run, as_json)
        return
    from deltaclip.training import refuse_other_recipe
    from deltaclip.training import train as run_training

    started = time.monotonic()
    chosen = chosen_recipe(recipe, source.captions, choices)
    leads = os.environ.get("RANK", "0") == "0"
    frames = source.cache or out / "training" / "cache"
    check_sources(chosen, source, frames)
    check_places(out, source.cache, resume=run.resume, overwrite=overwrite, leads=leads)
    check_device(run.device)
    if leads:
        if run.resume:
            refuse_other_recipe(out, chosen.facts())
        check_start(chosen, frames)

    def write_page(so_far: "Outcome") -> None:
        _written_report(chosen, data, so_far)

    with Progress() as line:
        data = _data(chosen, source, frames, line)
        if leads:
            note(f"training {chosen.name}: motion {chosen.data.motion}, seed {chosen.seed}, {_counts(data)}")
        outcome = run_training(
            chosen,
            data,
            out,
            lambda now: _show_progress(line, now),
            validated=write_page,
            resume=run.resume,
            overwrite=overwrite,
            time_limit=None if run.time_limit is None else max(run.time_limit - (time.monotonic() - started), 0.0),
            device=run.device,
            workers=run.workers,
            note=lambda text: note(shown(text)),
        )
    if leads:
        page = _written_report(chosen, data, outcome)
        _tell(outcome, page, as_json)
        finish(page is None)


def _data(recipe: "Recipe", source: SourceOptions, frames: Path, line: Progress) -> "TrainingData":
    """Drawn clips, or captioned clips whose frames are in the cache `frames` (decoded now if they were not)."""
    captions = source.captions or source.annotations
    if captions is None:
        return _drawn(recipe, source.cache, line)
    return _captioned(recipe, captions, source.videos, frames, source.allow_missing, line)


def _show_progress(line: Progress, now: "TrainingProgress") -> None:
    r1 = "" if now.r1 is None else f"  R@1 {now.r1:.1f}"
    text = (
        f"step {now.step}/{now.steps}  loss {now.loss:.3f}{r1}  {now.clips_per_second:.0f} clips/s  "
        f"data wait {100 * now.data_wait:.0f}%  {now.memory_bytes / 2**30:.1f} GB"
    )
    line.show(text, now.step, now.steps)


def _written_report(recipe: "Recipe", data: "TrainingData", outcome: "Outcome") -> Path | None:
    """The page of a run; None with a note if it cannot be written. The run is done, and its checkpoint is there."""
    from deltaclip.training import write_report

    try:
        return write_report(recipe, data, outcome)
    except DeltaclipError as error:
        note(f"the report of the run could not be written: {shown(error)}")
        return None


def _drawn(recipe: "Recipe", cache: Path | None, line: Progress) -> "TrainingData":
    from deltaclip.training import draw_shapes

    return draw_shapes(recipe, lambda share: line.show("drawing clips", share, 1), cache=cache)


def _captioned(
    recipe: "Recipe", source: Path, videos: Path | None, cache: Path, allow_missing: bool, line: Progress
) -> "TrainingData":
    from deltaclip.captions import load_captions
    from deltaclip.training import prepare_clips

    return prepare_clips(
        load_captions(recipe.data.dataset, source),
        videos,
        cache,
        recipe,
        allow_missing=allow_missing,
        progress=lambda now: line.show(f"decoding {now.video}", now.done, now.total),
        note=lambda text: note(shown(text)),
    )


def _counts(data: "TrainingData") -> str:
    held = "no validation" if data.validation is None else f"{len(data.validation.video_ids)} for validation"
    return f"{len(data.train.owner)} captions of {len(data.train.video_ids)} clips, {held}"


def _tell(outcome: "Outcome", page: Path | None, as_json: bool) -> None:
    from dataclasses import asdict

    if as_json:
        document = asdict(outcome)
        speed = document.pop("speed")
        emit({**document, **speed, "report": page})
        return
    if not outcome.finished:
        print_lines(f"stopped by the time limit after step {outcome.step} of {outcome.steps}")
        note("run the same command with --resume to continue")
        return
    r1 = "" if outcome.validation is None else f", validation R@1 {outcome.validation['t2v']['R1']:.1f}"
    print_lines(
        f"wrote {shown(outcome.out)}: loss {outcome.loss:.3f} after {outcome.seconds:.0f} s "
        f"({outcome.speed.clips_per_second:.0f} clips/s{r1})"
    )
    if page is not None:
        note(f"report with curves and masks: {shown(page)}")
    note(f"try it: deltaclip index FOLDER --encoder {shown(outcome.out)}")
