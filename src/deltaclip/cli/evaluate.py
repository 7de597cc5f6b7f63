"""`evaluate`: metrics of an encoder on a data set, on drawn clips or on a folder, or of a matrix of scores."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import typer

from deltaclip.cli.encoders import load_with, motion_and_others
from deltaclip.cli.evaluate_dataset import DatasetRun, ScoringOptions, Targets, evaluate_dataset, evaluate_scores
from deltaclip.cli.evaluate_sentences import (
    SENTENCE_SETS,
    SentenceOptions,
    evaluate_action_folder,
    evaluate_moment_dataset,
    evaluate_moment_folder,
    evaluate_reversed_dataset,
)
from deltaclip.cli.groups import names, typed
from deltaclip.cli.material import refuse_unknown
from deltaclip.cli.options import AllEncoderOptions, DatasetOptions, JsonOption, StallLimitOption
from deltaclip.cli.output import Progress, note

if TYPE_CHECKING:  # torch is imported when the command runs
    from deltaclip.encoder import EncoderSpec
    from deltaclip.shapes import ShapesSpec

__all__ = ["evaluate"]


@dataclass(frozen=True, slots=True)
class ShapesOptions:
    """Which clips of Moving Shapes are drawn."""

    PANEL: ClassVar = "Drawn clips (evaluate shapes)"

    seed: Annotated[
        int | None,
        typer.Option(min=0, metavar="N", help="Random seed of the clips (default: the seed of the fixed test set)."),
    ] = None
    clips: Annotated[
        int | None,
        typer.Option(
            min=3, metavar="N", help="Number of clips, in groups of twins that differ in what moves (default: 300)."
        ),
    ] = None
    objects: Annotated[int, typer.Option(min=2, max=4, metavar="N", help="Number of objects in each clip.")] = 3
    camera: Annotated[Literal["still", "pan", "shake"], typer.Option(help="Movement of the camera.")] = "still"
    noise: Annotated[
        float, typer.Option(min=0, metavar="SD", help="Standard deviation of the noise in each frame, in grey levels.")
    ] = 0.0
    flicker: Annotated[
        float,
        typer.Option(min=0, max=0.9, metavar="SHARE", help="Largest relative change in brightness between frames."),
    ] = 0.0
    cuts: Annotated[int, typer.Option(min=0, max=8, metavar="N", help="Number of hard cuts in each scene.")] = 0
    scenes: Annotated[
        int,
        typer.Option(
            min=1, max=16, metavar="N", help="Number of scenes in each clip; the caption has one sentence per scene."
        ),
    ] = 1
    slow_motion: Annotated[
        float, typer.Option(min=1, metavar="FACTOR", help="Slow the moving object down by this factor.")
    ] = 1.0
    static_only: Annotated[
        bool, typer.Option("--static-only", help="Draw clips in which nothing moves, with captions that say so.")
    ] = False
    directions: Annotated[
        bool, typer.Option("--directions", help="Move objects in one direction, which the caption names.")
    ] = False
    equal_luma: Annotated[
        bool, typer.Option("--equal-luma", help="Draw objects as bright as the background, so that only hue differs.")
    ] = False

    def world(self) -> "ShapesSpec":
        """The world to draw from. Raises BadParameter if the options are mutually exclusive."""
        from deltaclip.shapes import ShapesSpec

        try:
            return ShapesSpec(
                num_objects=self.objects,
                camera=self.camera,
                noise=self.noise,
                flicker=self.flicker,
                cuts=self.cuts,
                scenes=self.scenes,
                slow_motion=self.slow_motion,
                static_only=self.static_only,
                directions=self.directions,
                equal_luma=self.equal_luma,
            )
        except ValueError as error:
            raise typer.BadParameter(f"{error}.") from error


OF_SHAPES = names(ShapesOptions)
OF_DATASETS = names(DatasetOptions, ScoringOptions)
OF_SENTENCES = names(SentenceOptions)
OF_ACTIONS, OF_MOMENTS = ("folds",), ("by", "moment_seconds")
OF_REVERSED = ("reversed", "opposites")
OF_ENCODERS = ("encoder", *names(AllEncoderOptions))
NOT_OF_SCORES = (
    "videos",
    "workers",
    "segments",
    "interaction",
    "cache",
    "frame_cache",
    "no_cache",
    "select_on_test",
)
"""Options of data sets that have no meaning for a file of scores."""


def evaluate(
    context: typer.Context,
    *,
    dataset: Annotated[
        str | None,
        typer.Argument(
            metavar="DATASET",
            help="Data set to measure on: shapes (drawn clips), actions or moments (your own folder), {datasets}.",
        ),
    ] = None,
    encoder: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Encoder to evaluate: shapes, which is bundled, a checkpoint folder, or a Hugging Face hub name; for "
            "actions and moments also motion, which is bundled, or the folder of a motion encoder. May be repeated: "
            "the best encoder on the split is reported.",
            rich_help_panel=AllEncoderOptions.PANEL,
        ),
    ] = None,
    choices: AllEncoderOptions,
    material: DatasetOptions,
    scoring: ScoringOptions,
    targets: Targets,
    shapes: ShapesOptions,
    sentences: SentenceOptions,
    similarity: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Evaluate scores of any program instead of an encoder: a matrix in .npy or .npz, or a table in .csv "
            "or .tsv, a row for each caption and a column for each video. With DATASET and --annotations, its names or "
            "its order are those of the data set.",
        ),
    ] = None,
    stall_limit: StallLimitOption = None,
    as_json: JsonOption = False,
) -> None:
    """Measure an encoder in text-video retrieval.

    Videos are ranked for every caption (T2V) and captions for every video (V2T); the report has R@1, R@5, R@10, MdR
    and MnR with 95% intervals, and how they were made. For actions, clips are named by the wordings of their classes
    and wordings find clips; for moments, each sentence looks for its moment in its video.

    \b
    Examples:
      deltaclip evaluate msvd --annotations msvd --videos clips --encoder mine
      deltaclip evaluate shapes --encoder shapes
      deltaclip evaluate actions --data gestures --encoder motion
      deltaclip evaluate moments --data films --by motion
      deltaclip evaluate qvhighlights --moments --split val --annotations qv --videos clips --by motion
      deltaclip evaluate msrvtt --reversed --annotations msrvtt --videos clips --encoder motion
      deltaclip evaluate --similarity scores.npz
      deltaclip evaluate msrvtt --annotations msrvtt --similarity theirs.csv --ranks theirs.ranks
    """
    if similarity is not None:
        _refuse(context, (*OF_SHAPES, *NOT_OF_SCORES, *OF_SENTENCES, *OF_ENCODERS), "--similarity")
        if dataset is None:
            _refuse(context, ("annotations", "split", "allow_missing"), "--similarity without a data set")
        else:
            refuse_unknown(dataset, "DATASET")
        evaluate_scores(similarity, dataset, material, scoring, targets, as_json)
        return
    if dataset is None:
        raise typer.BadParameter("give either a data set (shapes, msvd, ...) or --similarity FILE.")
    refuse_unknown(dataset, "DATASET", "shapes", *SENTENCE_SETS)
    way = next((name for name in ("moments", "reversed") if getattr(sentences, name)), None)
    what = dataset if way is None or dataset in ("shapes", *SENTENCE_SETS) else f"{dataset} --{way}"
    _refuse(context, _not_of(dataset, way), what)
    if dataset in SENTENCE_SETS:
        _refuse_options_of_clip(context, encoder or [], dataset)
        evaluate_folder = evaluate_action_folder if dataset == "actions" else evaluate_moment_folder
        evaluate_folder(encoder or [], choices.spec(), sentences, as_json)
        return
    if way is not None:
        _refuse_options_of_clip(context, encoder or [], what)
        evaluate_way = evaluate_moment_dataset if way == "moments" else evaluate_reversed_dataset
        evaluate_way(dataset, material, encoder or [], choices.spec(), sentences, as_json)
        return
    if not encoder:
        raise typer.BadParameter("give an encoder to evaluate, such as --encoder shapes.", param_hint="'--encoder'")
    if dataset != "shapes":
        evaluate_dataset(DatasetRun(dataset, tuple(encoder), choices.spec(), material, scoring, targets), as_json)
        return
    world = shapes.world()
    if len(encoder) > 1:
        raise typer.BadParameter("give one encoder at a time for shapes.", param_hint="'--encoder'")
    _evaluate_shapes(encoder[0], choices.spec(), world, shapes, targets, as_json)


def _evaluate_shapes(
    name: str,
    spec: "EncoderSpec",
    world: "ShapesSpec",
    shapes: ShapesOptions,
    targets: Targets,
    as_json: bool,
) -> None:
    targets.check()
    from deltaclip.evaluation import DEFAULT_CLIPS, DEFAULT_SEED, evaluate_shapes

    loaded = load_with(name, spec)
    note(loaded.describe())
    with Progress() as line:
        result = evaluate_shapes(
            loaded,
            world,
            seed=DEFAULT_SEED if shapes.seed is None else shapes.seed,
            num_clips=shapes.clips or DEFAULT_CLIPS,
            progress=lambda done, total: line.show(f"{done}/{total} videos", done, total),
        )
    targets.give(result, as_json)


def _not_of(dataset: str, way: str | None) -> tuple[str, ...]:
    """The options that do not belong to a data set, or to looking for its moments or directions."""
    if way is not None and dataset not in ("shapes", *SENTENCE_SETS):
        others = OF_REVERSED if way == "moments" else (*OF_MOMENTS, "moments")
        return (*OF_SHAPES, *names(ScoringOptions), "data", *OF_ACTIONS, *others, *names(Targets))
    match dataset:
        case "shapes":
            return (*OF_DATASETS, *OF_SENTENCES)
        case "actions":
            return (*OF_SHAPES, *OF_DATASETS, *OF_MOMENTS, "moments", *OF_REVERSED, *names(Targets))
        case "moments":
            return (*OF_SHAPES, *OF_DATASETS, *OF_ACTIONS, "moments", *OF_REVERSED, *names(Targets))
        case _:
            return (*OF_SHAPES, *OF_SENTENCES)


def _refuse_options_of_clip(context: typer.Context, encoders: Sequence[str], dataset: str) -> None:
    """Raises BadParameter for options of a CLIP if motion encoders alone are asked, which have none."""
    motion, others = motion_and_others(encoders)
    if (given := typed(context, names(AllEncoderOptions))) and not others:
        what = f"the encoder {motion[0]}" if motion else f"{dataset} without --encoder NAME"
        raise typer.BadParameter(f"{', '.join(given)} cannot be used with {what}.")


def _refuse(context: typer.Context, options: Collection[str], what: str) -> None:
    """Raises BadParameter for options that would be ignored."""
    if given := typed(context, options):
        raise typer.BadParameter(f"{', '.join(given)} cannot be used with {what}.")
