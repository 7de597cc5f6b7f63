"""`train`: from captions and videos, or drawn clips, to a checkpoint."""

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from deltaclip.cli.encoders import check_device
from deltaclip.cli.files import OverwriteOption, StallLimitOption
from deltaclip.cli.output import JsonOption, Progress, emit, finish, note, print_lines, shown
from deltaclip.cli.train_options import check_places, check_sources, check_start, chosen_recipe
from deltaclip.errors import DeltaclipError

if TYPE_CHECKING:  # torch is imported by the command itself
    from deltaclip.training import Outcome, Recipe, TrainingData

__all__ = ["train"]


def train(
    out: Annotated[Path, typer.Option(help="Folder of the new checkpoint; the run's own files lie in it too.")],
    recipe: Annotated[
        str | None,
        typer.Argument(
            help="shapes, msvd, msrvtt, msrvtt-7k, actions or own, each also as clip4clip-RECIPE, without masks.",
            metavar="[RECIPE]",
            show_default="own, with --captions",
        ),
    ] = None,
    captions: Annotated[Path | None, typer.Option(help="Your own csv, tsv or jsonl: path, caption, split.")] = None,
    annotations: Annotated[Path | None, typer.Option(help="Folder of a data set's captions and splits.")] = None,
    videos: Annotated[Path | None, typer.Option(help="Folder of the videos.")] = None,
    init: Annotated[str | None, typer.Option(help="Encoder to start from, or fresh; default: the recipe's.")] = None,
    cache: Annotated[Path | None, typer.Option(help="Frame cache to read and fill; default: inside --out.")] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="Another value of a recipe's field: optim.lr=1e-5. Repeatable.")
    ] = None,
    motion: Annotated[str | None, typer.Option(help="The mask that goes into alpha: data.motion.")] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Batches, instead of epochs: optim.steps.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Of fresh weights, order, frames and wordings.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, mps.")] = "auto",
    workers: Annotated[int | None, typer.Option(min=0, help="Processes that read clips; default: one a core.")] = None,
    time_limit: Annotated[
        float | None, typer.Option(min=0, help="Seconds after which to stop with a state for --resume.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in --out, if there is one.")] = False,
    allow_missing: Annotated[
        bool, typer.Option("--allow-missing", help="Leave out captions whose videos are missing or broken.")
    ] = False,
    overwrite: OverwriteOption = False,
    stall_limit: StallLimitOption = None,
    as_json: JsonOption = False,
) -> None:
    """Train an encoder; its checkpoint remembers the recipe. Under torchrun: on many GPUs.

    \b
    Examples:
      deltaclip train shapes --motion full --steps 500 --out my-full
      deltaclip train --captions captions.csv --videos clips --init openai/clip-vit-base-patch32 --out mine
      deltaclip train msvd --annotations msvd --videos msvd/YouTubeClips --set optim.chunk=16 --out msvd-run
      torchrun --nproc-per-node 2 -m deltaclip train msrvtt --annotations msrvtt --cache frames --out run
    """
    from deltaclip.training import train as run_training
    from deltaclip.training import write_report
    from deltaclip.training.place import refuse_other_recipe

    started = time.monotonic()
    chosen = chosen_recipe(recipe, captions, settings or [], init=init, motion=motion, steps=steps, seed=seed)
    leads = os.environ.get("RANK", "0") == "0"
    frames = cache or out / "training" / "cache"
    check_sources(chosen, captions, annotations, videos, frames, allow_missing=allow_missing)
    check_places(out, cache, resume=resume, overwrite=overwrite, leads=leads)
    check_device(device)
    if leads:
        if resume:
            refuse_other_recipe(out, chosen.facts())
        check_start(chosen, frames)
    with Progress() as line:
        source = captions or annotations
        if source is None:
            data = _drawn(chosen, cache, line)
        else:
            data = _captioned(chosen, source, videos, frames, allow_missing, line)
        if leads:
            note(f"training {chosen.name}: motion {chosen.data.motion}, seed {chosen.seed}, {_counts(data)}")

        def watch(now: Any) -> None:  # Any: training.Progress, not imported before the command runs
            r1 = "" if now.r1 is None else f"  R@1 {now.r1:.1f}"
            text = (
                f"step {now.step}/{now.steps}  loss {now.loss:.3f}{r1}  {now.clips_per_second:.0f} clips/s  "
                f"data wait {100 * now.data_wait:.0f}%  {now.memory_bytes / 2**30:.1f} GB"
            )
            line.show(text, now.step, now.steps)

        outcome = run_training(
            chosen,
            data,
            out,
            watch,
            resume=resume,
            overwrite=overwrite,
            time_limit=None if time_limit is None else max(time_limit - (time.monotonic() - started), 0.0),
            device=device,
            workers=workers,
            note=lambda text: note(shown(text)),
        )
    if leads:
        page = None
        try:
            page = write_report(chosen, data, outcome)
        except DeltaclipError as error:  # the run is done, and its checkpoint written
            note(f"the page of the run could not be made: {shown(error)}")
        _tell(outcome, page, as_json)
        finish(page is None)


def _drawn(recipe: "Recipe", cache: Path | None, line: Progress) -> "TrainingData":
    from deltaclip.training import draw_shapes

    return draw_shapes(recipe, lambda share: line.show("drawing clips", share, 1), cache=cache)


def _captioned(
    recipe: "Recipe", source: Path, videos: Path | None, cache: Path, allow_missing: bool, line: Progress
) -> "TrainingData":
    from deltaclip.captions import load_captions
    from deltaclip.training import captioned_clips, fill_cache, open_cache
    from deltaclip.training.cache import mend_cache, refuse_lost

    found = load_captions(recipe.data.dataset, source)
    if videos is not None and os.environ.get("WORLD_SIZE", "1") == "1":
        for text in mend_cache(cache):
            note(shown(text))
        fill_cache(
            found,
            videos,
            cache,
            recipe,
            allow_missing=allow_missing,
            progress=lambda now: line.show(f"decoding {now.video}", now.done, now.total),
        )
    data = captioned_clips(found, open_cache(cache, recipe), recipe, allow_missing=allow_missing)
    held_out = () if data.validation is None else data.validation.video_ids
    refuse_lost(cache, (*data.train.video_ids, *held_out))
    return data


def _counts(data: "TrainingData") -> str:
    held = "no validation" if data.validation is None else f"{len(data.validation.video_ids)} to validate"
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
        note("the same command with --resume goes on from there")
        return
    r1 = "" if outcome.validation is None else f", validation R@1 {outcome.validation['t2v']['R1']:.1f}"
    print_lines(
        f"wrote {shown(outcome.out)}: loss {outcome.loss:.3f} after {outcome.seconds:.0f} s "
        f"({outcome.speed.clips_per_second:.0f} clips/s{r1})"
    )
    if page is not None:
        note(f"curves and masks: {shown(page)}")
    note(f"try it: deltaclip index FOLDER --encoder {shown(outcome.out)}")
