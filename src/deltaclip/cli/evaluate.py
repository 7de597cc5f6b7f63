"""`evaluate`: retrieval figures, from a matrix or from an encoder on Moving Shapes."""

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from deltaclip.cli.encoders import EncoderOption
from deltaclip.cli.output import JsonOption, Progress, emit, note, print_lines

__all__ = ["evaluate"]

HEADER = "          R@1    R@5   R@10   R@50  nDCG@10    MdR     MnR  queries"


def evaluate(
    dataset: Annotated[str | None, typer.Argument(help="shapes", metavar="DATASET")] = None,
    similarity: Annotated[
        Path | None, typer.Option(help="A matrix instead: .npy, or .npz with similarity (Q, V) and owner (Q,).")
    ] = None,
    encoder: EncoderOption = None,
    motion: Annotated[str | None, typer.Option(help="Another mask than the checkpoint's own.")] = None,
    num_frames: Annotated[int | None, typer.Option(min=1, help="Another number of frames than its own.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Of the drawn clips.")] = None,
    clips: Annotated[int | None, typer.Option(min=3, help="How many clips, in groups of twins.")] = None,
    objects: Annotated[int, typer.Option(min=2, max=4, help="Things in the picture.")] = 3,
    camera: Annotated[Literal["still", "pan", "shake"], typer.Option(help="How it moves.")] = "still",
    noise: Annotated[float, typer.Option(min=0, help="Grey levels of noise.")] = 0.0,
    flicker: Annotated[float, typer.Option(min=0, max=0.9, help="Share by which brightness flickers.")] = 0.0,
    cuts: Annotated[int, typer.Option(min=0, max=8, help="Hard cuts in each scene.")] = 0,
    scenes: Annotated[
        int, typer.Option(min=1, max=16, help="Scenes, one after the other, each with its sentence.")
    ] = 1,
    slow_motion: Annotated[float, typer.Option(min=1, help="How many times slower things move.")] = 1.0,
    static_only: Annotated[bool, typer.Option("--static-only", help="Nothing moves; captions say so.")] = False,
    directions: Annotated[bool, typer.Option("--directions", help="Captions say where the mover goes.")] = False,
    equal_luma: Annotated[bool, typer.Option("--equal-luma", help="Things as light as the background.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Rank videos for sentences and sentences for videos.

    \b
    Examples:
      deltaclip evaluate shapes --encoder shapes
      deltaclip evaluate --similarity scores.npz
    """
    if (similarity is None) == (dataset is None):
        raise typer.BadParameter("give either a data set (shapes) or --similarity FILE.")
    if similarity is not None:
        from deltaclip.evaluation import evaluate_similarity

        _show(evaluate_similarity(similarity).to_json(), as_json)
        return
    if dataset != "shapes":
        raise typer.BadParameter(f"{dataset!r} is not a data set here: shapes.", param_hint="DATASET")
    if encoder is None:
        raise typer.BadParameter("name the encoder to evaluate, e.g. --encoder shapes.", param_hint="'--encoder'")
    from deltaclip.encoder import Encoder, EncoderSpec
    from deltaclip.evaluation.shapes import DEFAULT_CLIPS, DEFAULT_SEED, evaluate_shapes
    from deltaclip.shapes import ShapesSpec

    try:
        spec = ShapesSpec(
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
        loaded = Encoder.load(encoder, EncoderSpec(motion=motion, num_frames=num_frames))
    except ValueError as error:
        raise typer.BadParameter(f"{error}.") from error
    note(loaded.describe())
    with Progress() as line:
        result = evaluate_shapes(
            loaded,
            spec,
            seed=DEFAULT_SEED if seed is None else seed,
            num_clips=clips or DEFAULT_CLIPS,
            progress=lambda done, total: line.show(f"{done}/{total} videos", done, total),
        )
    _show(result.to_json(), as_json)
    if not as_json:
        print_lines(f"right things, whichever moves: {result.right_group:.1f}")


def _show(document: dict[str, Any], as_json: bool) -> None:  # Any: json
    if as_json:
        emit(document)
        return
    print_lines(HEADER)
    rows = {name: document[name] for name in ("t2v", "v2t", "v2t_plain")}
    rows |= {f"{name} best": figures for name, figures in document.get("optimistic", {}).items()}
    for name, row in rows.items():
        print_lines(
            f"{name:9} {row['R1']:5.1f}  {row['R5']:5.1f}  {row['R10']:5.1f}  {row['R50']:5.1f}"
            f"  {row['nDCG10']:7.1f}  {row['MdR']:5.1f}  {row['MnR']:6.2f}  {row['queries']:7d}"
        )
    print_lines(f"sum of recalls: {document['sum_of_recalls']:.1f}")
    if "optimistic" in document:
        note("some scores are equal: ties count against the query; the rows `best` count them for it")
