"""`evaluate`: retrieval figures, from a data set, from a matrix, or on Moving Shapes."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from deltaclip.cli.benchmark import Asked, Targets, evaluate_dataset
from deltaclip.cli.encoders import load_with
from deltaclip.cli.files import StallLimitOption
from deltaclip.cli.material import SplitOption, VideosOption, refuse_unknown
from deltaclip.cli.output import JsonOption, Progress, emit, note, print_lines

if TYPE_CHECKING:  # torch is imported when the command runs
    from deltaclip.encoder import EncoderSpec
    from deltaclip.shapes import ShapesSpec

__all__ = ["evaluate"]

Sampling = Literal["uniform", "clip4clip-head", "clip4clip-tail", "clip4clip-uniform"]


SHAPES_OPTIONS = {
    "seed", "clips", "objects", "camera", "noise", "flicker", "cuts", "scenes", "slow_motion", "static_only",
    "directions", "equal_luma",
}  # fmt: skip
ENCODER_OPTIONS = {"encoder", "motion", "num_frames", "sampling", "max_words", "precision"}
DATASET_OPTIONS = {
    "annotations", "videos", "split", "allow_missing", "select_on_test", "post", "cache", "no_cache",
}  # fmt: skip
TARGET_OPTIONS = {"output", "ranks", "trec"}


def evaluate(
    context: typer.Context,
    dataset: Annotated[
        str | None,
        typer.Argument(
            help="shapes; or msrvtt, msrvtt-7k, msrvtt-full, msvd, didemo, activitynet, qvhighlights, folder.",
            metavar="DATASET",
        ),
    ] = None,
    annotations: Annotated[
        Path | None, typer.Option(help="The folder of its caption and split files, as downloaded.")
    ] = None,
    videos: VideosOption = None,
    encoder: Annotated[
        list[str] | None,
        typer.Option(
            help="shapes, a checkpoint folder, or a hub name. Given several times: the best on the split is shown."
        ),
    ] = None,
    split: SplitOption = "test",
    allow_missing: Annotated[
        bool, typer.Option("--allow-missing", help="Leave out missing and broken videos; every table says how many.")
    ] = False,
    select_on_test: Annotated[
        bool, typer.Option("--select-on-test", help="Choose among several encoders on the split test; marks the row.")
    ] = False,
    motion: Annotated[str | None, typer.Option(help="Another mask than the checkpoint's own.")] = None,
    num_frames: Annotated[int | None, typer.Option(min=1, help="Another number of frames than its own.")] = None,
    sampling: Annotated[
        Sampling, typer.Option(help="Middles of equal spans, or CLIP4Clip's frame a second with its choice of them.")
    ] = "uniform",
    max_words: Annotated[
        int | None, typer.Option(min=2, help="Another longest row of tokens; longer captions are cut, and counted.")
    ] = None,
    precision: Annotated[Literal["auto", "float32", "bfloat16"], typer.Option(help="Of the matrix products.")] = "auto",
    post: Annotated[
        Literal["none", "dsl", "qbnorm"],
        typer.Option(help="Re-weigh scores with the whole test set or the training captions; marks the row."),
    ] = "none",
    output: Annotated[
        Literal["table", "markdown", "latex"], typer.Option("--format", help="Of what is printed for people.")
    ] = "table",
    ranks: Annotated[Path | None, typer.Option(help="Write the rank of every text here, for `compare`.")] = None,
    trec: Annotated[Path | None, typer.Option(help="Write a TREC run here, and FILE.qrels beside it.")] = None,
    cache: Annotated[
        Path | None, typer.Option(help="Where vectors are kept; default: DELTACLIP_CACHE, or the user's cache folder.")
    ] = None,
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Neither use nor keep vectors.")] = False,
    similarity: Annotated[
        Path | None, typer.Option(help="A matrix instead: .npy, or .npz with similarity (Q, V) and owner (Q,).")
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="shapes: of the drawn clips.")] = None,
    clips: Annotated[int | None, typer.Option(min=3, help="shapes: how many clips, in groups of twins.")] = None,
    objects: Annotated[int, typer.Option(min=2, max=4, help="shapes: things in the picture.")] = 3,
    camera: Annotated[Literal["still", "pan", "shake"], typer.Option(help="shapes: how it moves.")] = "still",
    noise: Annotated[float, typer.Option(min=0, help="shapes: grey levels of noise.")] = 0.0,
    flicker: Annotated[float, typer.Option(min=0, max=0.9, help="shapes: share by which brightness flickers.")] = 0.0,
    cuts: Annotated[int, typer.Option(min=0, max=8, help="shapes: hard cuts in each scene.")] = 0,
    scenes: Annotated[
        int, typer.Option(min=1, max=16, help="shapes: scenes, one after the other, each with its sentence.")
    ] = 1,
    slow_motion: Annotated[float, typer.Option(min=1, help="shapes: how many times slower things move.")] = 1.0,
    static_only: Annotated[bool, typer.Option("--static-only", help="shapes: nothing moves; captions say so.")] = False,
    directions: Annotated[
        bool, typer.Option("--directions", help="shapes: captions say where the mover goes.")
    ] = False,
    equal_luma: Annotated[
        bool, typer.Option("--equal-luma", help="shapes: things as light as the background.")
    ] = False,
    stall_limit: StallLimitOption = None,
    as_json: JsonOption = False,
) -> None:
    """Rank videos for sentences and sentences for videos.

    \b
    Examples:
      deltaclip evaluate msvd --annotations msvd --videos msvd/YouTubeClips --encoder openai/clip-vit-base-patch32
      deltaclip evaluate shapes --encoder shapes
      deltaclip evaluate --similarity scores.npz
    """
    if (similarity is None) == (dataset is None):
        raise typer.BadParameter("give either a data set (shapes, msvd, ...) or --similarity FILE.")
    if similarity is not None:
        _refuse(context, SHAPES_OPTIONS | ENCODER_OPTIONS | DATASET_OPTIONS | TARGET_OPTIONS, "a matrix")
        from deltaclip.evaluation import evaluate_similarity

        _show(evaluate_similarity(similarity).to_json(), as_json)
        return
    assert dataset is not None, "no matrix was given"
    refuse_unknown(dataset, "DATASET", "shapes")
    _refuse(context, DATASET_OPTIONS if dataset == "shapes" else SHAPES_OPTIONS, dataset)
    if not encoder:
        raise typer.BadParameter("name the encoder to evaluate, e.g. --encoder shapes.", param_hint="'--encoder'")
    from deltaclip.encoder import EncoderSpec

    spec = EncoderSpec(
        motion=motion, num_frames=num_frames, precision=precision, sampling=sampling, max_words=max_words
    )
    targets = Targets(output, ranks, trec, as_json)
    if dataset != "shapes":
        if annotations is None or videos is None:
            raise typer.BadParameter("say where its files are, with --annotations DIR and --videos DIR.")
        asked = Asked(
            dataset=dataset,
            annotations=annotations,
            videos=videos,
            encoders=tuple(encoder),
            split=split,
            allow_missing=allow_missing,
            select_on_test=select_on_test,
            post=post,
            cache=cache,
            no_cache=no_cache,
            targets=targets,
        )
        evaluate_dataset(asked, spec)
        return
    try:
        from deltaclip.shapes import ShapesSpec

        world = ShapesSpec(
            num_objects=objects,
            camera=camera,
            noise=noise,
            flicker=flicker,
            cuts=cuts,
            scenes=scenes,
            slow_motion=slow_motion,
            static_only=static_only,
            directions=directions,
            equal_luma=equal_luma,
        )
    except ValueError as error:
        raise typer.BadParameter(f"{error}.") from error
    if len(encoder) > 1:
        raise typer.BadParameter("one at a time for shapes.", param_hint="'--encoder'")
    _evaluate_shapes(encoder[0], spec, world, seed, clips, targets)


def _evaluate_shapes(
    name: str, spec: "EncoderSpec", world: "ShapesSpec", seed: int | None, clips: int | None, targets: Targets
) -> None:
    targets.check()
    from deltaclip.evaluation.shapes import DEFAULT_CLIPS, DEFAULT_SEED, evaluate_shapes

    loaded = load_with(name, spec)
    note(loaded.describe())
    with Progress() as line:
        result = evaluate_shapes(
            loaded,
            world,
            seed=DEFAULT_SEED if seed is None else seed,
            num_clips=clips or DEFAULT_CLIPS,
            progress=lambda done, total: line.show(f"{done}/{total} videos", done, total),
        )
    targets.give(result)


def _refuse(context: typer.Context, options: set[str], what: str) -> None:
    """Options that would be passed over in silence are refused."""
    sources = {name: context.get_parameter_source(name) for name in sorted(options)}
    given = [name for name, source in sources.items() if source is not None and source.name == "COMMANDLINE"]
    if given:
        names = ", ".join("--format" if name == "output" else f"--{name.replace('_', '-')}" for name in given)
        raise typer.BadParameter(f"{names}: not for {what}.")


def _show(document: Mapping[str, Any], as_json: bool) -> None:  # Any: json
    if as_json:
        emit(dict(document))
        return
    from deltaclip.evaluation.tables import figure_lines

    print_lines(*figure_lines(document))
    if "optimistic" in document:
        note("some scores are equal: ties count against the query; the rows `best` count them for it")
