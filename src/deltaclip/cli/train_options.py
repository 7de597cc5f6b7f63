"""The options of `train`, and its checks before any work: contradictions, ignored options, outputs."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

import typer

from deltaclip.cli.files import refuse_file, refuse_to_replace
from deltaclip.cli.options import AllowMissingOption, AnnotationsOption, DeviceOption, SetOption, VideosOption
from deltaclip.wording import did_you_mean

if TYPE_CHECKING:  # torch is imported by the command itself
    from deltaclip.training import Recipe

__all__ = ["RecipeOptions", "RunOptions", "SourceOptions", "check_places", "check_sources", "check_start"]
__all__ += ["chosen_recipe"]


@dataclass(frozen=True, slots=True)
class SourceOptions:
    """Captions and frames to train on."""

    PANEL: ClassVar = "Captions and videos"

    captions: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="File of your own captions, csv, tsv or jsonl, with path, caption and, optionally, split.",
        ),
    ] = None
    annotations: AnnotationsOption = None
    videos: VideosOption = None
    cache: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Frame cache to read, and to complete if --videos is given (default: inside --out)."
        ),
    ] = None
    allow_missing: AllowMissingOption = False


@dataclass(frozen=True, slots=True)
class RecipeOptions:
    """Changes to the recipe."""

    PANEL: ClassVar = "Recipe"

    init: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="Encoder to start from, or fresh for random weights (default: the recipe's)."
        ),
    ] = None
    settings: SetOption = None
    motion: Annotated[
        str | None,
        typer.Option(metavar="MASK", help="Motion mask for the alpha channel, data.motion (default: the recipe's)."),
    ] = None
    steps: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="N",
            help="Number of training steps, optim.steps (default: the recipe's steps or epochs).",
        ),
    ] = None
    seed: Annotated[int | None, typer.Option(min=0, metavar="N", help="Random seed (default: 0).")] = None


@dataclass(frozen=True, slots=True)
class RunOptions:
    """Device, processes and time of a run; none of them changes its result."""

    PANEL: ClassVar = "Run"

    device: DeviceOption = "auto"
    workers: Annotated[
        int | None,
        typer.Option(min=0, metavar="N", help="Number of processes that load clips (default: one per core)."),
    ] = None
    time_limit: Annotated[
        float | None,
        typer.Option(
            min=0,
            metavar="SECONDS",
            help="Stop after this time and save a state that --resume continues from (default: no limit).",
        ),
    ] = None
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Continue the run in --out if there is one (default: refuse to replace it)."),
    ] = False


def chosen_recipe(name: str | None, captions: Path | None, options: RecipeOptions) -> "Recipe":
    """The recipe of that name with the fields that were set on the command line. Raises BadParameter."""
    from deltaclip.training import RECIPES, override, unused_settings

    if name is None and captions is None:
        raise typer.BadParameter(f"name a recipe ({', '.join(RECIPES)}), or give --captions.", param_hint="RECIPE")
    if name is not None and name not in RECIPES:
        raise typer.BadParameter(f"{name!r} is not a recipe: {did_you_mean(name, RECIPES, '.')}", param_hint="RECIPE")
    settings = options.settings or []
    typed = {
        "model.init": options.init,
        "data.motion": options.motion,
        "optim.steps": options.steps,
        "seed": options.seed,
    }
    given = [f"{field}={value}" for field, value in typed.items() if value is not None]
    if captions is not None:
        given.append("data.dataset=folder")
    _refuse_twice(settings, given)
    try:
        made = override(RECIPES[name or "own"], [*settings, *given])
    except ValueError as error:
        hint = "'--motion'" if "motion" in str(error) and options.motion is not None else "'--set'"
        raise typer.BadParameter(f"{error}.".replace("?.", "?"), param_hint=hint) from error
    if words := unused_settings(made, {each.partition("=")[0] for each in (*settings, *given)}):
        raise typer.BadParameter(f"{words}.", param_hint="'--set'")
    return made


def _refuse_twice(settings: Sequence[str], given: Sequence[str]) -> None:
    """Raises BadParameter if a field is set twice: by its own option and by --set."""
    options = {"model.init": "--init", "data.motion": "--motion", "optim.steps": "--steps", "seed": "--seed"}
    options["data.dataset"] = "--captions"
    named = {setting.partition("=")[0] for setting in settings}
    for field in (each.partition("=")[0] for each in given):
        if field in named:
            raise typer.BadParameter(f"{options[field]} and --set {field} set the same field; give only one of them.")


def check_sources(recipe: "Recipe", source: SourceOptions, cache: Path) -> None:
    """Raises BadParameter if captions or frames are missing, named twice, or given to a recipe that draws its clips."""
    captions, annotations, videos = source.captions, source.annotations, source.videos
    if captions is not None and annotations is not None:
        raise typer.BadParameter("--captions and --annotations are mutually exclusive: both name captions.")
    if recipe.data.dataset == "shapes":
        options = {"--annotations": annotations, "--videos": videos, "--allow-missing": source.allow_missing or None}
        given = [option for option, value in options.items() if value is not None]
        if given:
            raise typer.BadParameter(
                f"{', '.join(given)} cannot be used with the recipe {recipe.name}, which draws its clips."
            )
        return
    if not recipe.data.dataset:
        raise typer.BadParameter(f"the recipe {recipe.name} needs captions.", param_hint="'--captions'")
    if captions is None and annotations is None:
        raise typer.BadParameter(f"{recipe.data.dataset} needs its caption files.", param_hint="'--annotations'")
    if (videos is None or os.environ.get("WORLD_SIZE", "1") != "1") and not cache.is_dir():
        words = "give --videos, or a --cache made by deltaclip cache (under torchrun, a cache is required)."
        raise typer.BadParameter(words, param_hint="'--videos'")


def check_start(recipe: "Recipe", cache: Path) -> None:
    """Check before hours of decoding that the start weights exist, and that the frames in the cache fit the run.

    Raises CheckpointError for the weights, BadParameter for frames in `cache` (or in a new one) that do not fit.
    """
    from deltaclip.errors import CacheError
    from deltaclip.frame_cache import FrameCache
    from deltaclip.training import new_cache_settings, start_side

    side = start_side(recipe)
    if recipe.data.dataset == "shapes":
        return
    try:
        kept = FrameCache.open(cache).settings
    except CacheError:  # no cache yet, or a damaged one, which is reported when it is used
        kept = new_cache_settings(recipe)
    lacking = kept.lacks(max(recipe.data.frames, recipe.data.test_frames), recipe.data.motion, side)
    if lacking:
        words = f"{'; '.join(lacking)}: make a new one with deltaclip cache and matching --size, --frames and --motion."
        raise typer.BadParameter(words, param_hint="'--cache'")


def check_places(out: Path, cache: Path | None, *, resume: bool, overwrite: bool, leads: bool) -> None:
    """Check before hours of decoding that a run may be written to `out`, and frames to `cache`.

    leads: False for all processes of a run but the first; they would see the files that the first has written.
    Raises BadParameter, and CheckpointError if `out` contains files that must be kept.
    """
    from deltaclip.model import check_place
    from deltaclip.training import RUN_FOLDER, files_beside_run, has_run

    if resume and overwrite:
        raise typer.BadParameter("--resume and --overwrite are mutually exclusive: continue the run, or start anew.")
    refuse_file(out, "--out")
    if cache is not None:
        refuse_file(cache, "--cache")
        theirs, ours = cache.resolve(), out.resolve()
        if theirs == ours:
            raise typer.BadParameter(f"--cache and --out are the same folder, {out}; give two different ones.")
        if ours in theirs.parents and (ours / RUN_FOLDER) not in (theirs, *theirs.parents):
            raise typer.BadParameter(f"--cache is inside --out, {out}; choose a folder outside it, or omit --cache.")
    if not leads:
        return
    others, begun = files_beside_run(out), has_run(out)
    if (resume and begun) or not (begun or others):  # a frame cache inside `out` is kept and used
        return
    refuse_to_replace(out, overwrite, resumable=begun)
    if others:
        check_place(out)
