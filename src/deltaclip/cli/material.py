"""Which videos and sentences a command measures on: a data set as downloaded, or drawn clips."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deltaclip.cli.output import note, shown

if TYPE_CHECKING:  # torch is imported by the commands that need it
    from deltaclip.evaluation.material import Material

__all__ = ["AllowMissingOption", "AnnotationsOption", "DatasetOption", "SplitOption", "VideosOption", "split_material"]

DatasetOption = Annotated[str, typer.Option(help="shapes (drawn clips), or a data set: see `deltaclip data`.")]
AnnotationsOption = Annotated[
    Path | None, typer.Option(help="The folder of the data set's caption and split files, as downloaded.")
]
VideosOption = Annotated[Path | None, typer.Option(help="The folder of its videos.")]
SplitOption = Annotated[str, typer.Option(help="train, val or test.")]
AllowMissingOption = Annotated[
    bool, typer.Option("--allow-missing", help="Go on without videos that are not there, and say how many.")
]


def split_material(
    dataset: str, annotations: Path | None, videos: Path | None, split: str, *, allow_missing: bool
) -> "Material | None":
    """The split of a data set, or None for `shapes`, which is drawn. Raises BadParameter where options do not fit."""
    if dataset == "shapes":
        given: Sequence[object] = (annotations, videos)
        if any(part is not None for part in given) or split != "test":
            raise typer.BadParameter("shapes is drawn: it has no --annotations, --videos and --split.")
        return None
    from deltaclip.captions import DATASETS, find_videos, load_captions

    if dataset not in DATASETS:
        known = ", ".join(("shapes", *DATASETS))
        raise typer.BadParameter(f"{dataset!r} is not a data set here: {known}.", param_hint="'--dataset'")
    if annotations is None or videos is None:
        raise typer.BadParameter(f"{dataset} needs --annotations and --videos.")
    from deltaclip.evaluation.material import material_of_split

    captions = load_captions(dataset, annotations)
    for text in captions.notes:
        note(shown(text))
    splits = captions.splits
    if split not in splits:
        raise typer.BadParameter(f"{dataset} has no split {split!r}: {', '.join(splits)}.", param_hint="'--split'")
    files = find_videos(videos, splits[split].videos)
    return material_of_split(dataset, split, splits[split], files, allow_missing=allow_missing)
