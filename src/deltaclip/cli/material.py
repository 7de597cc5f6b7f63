"""Which videos and sentences a command measures on: a data set as downloaded, or drawn clips."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deltaclip.cli.output import note, shown
from deltaclip.wording import did_you_mean

if TYPE_CHECKING:  # torch is imported by the commands that need it
    from deltaclip.captions import CaptionSet, Split, VideoFiles
    from deltaclip.evaluation.material import Material

__all__ = [
    "AllowMissingOption",
    "AnnotationsOption",
    "DatasetOption",
    "SplitOption",
    "VideosOption",
    "found_videos",
    "refuse_unknown",
    "split_captions",
    "split_material",
]

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
    refuse_unknown(dataset, "'--dataset'", "shapes")
    if annotations is None or videos is None:
        raise typer.BadParameter(f"{dataset} needs --annotations and --videos.")
    from deltaclip.evaluation.material import material_of_split

    _, found = split_captions(dataset, annotations, split)
    files = found_videos(videos, found.videos)
    return material_of_split(dataset, split, found, files, allow_missing=allow_missing)


def refuse_unknown(dataset: str, param_hint: str, *more: str) -> None:
    """Raises BadParameter for the name of no data set. more: names that the command takes besides."""
    from deltaclip.captions import DATASETS

    known = (*more, *DATASETS)
    if dataset not in known:
        words = f"{dataset!r} is not a data set here: {did_you_mean(dataset.lower(), known, '.')}"
        raise typer.BadParameter(words, param_hint=param_hint)


def split_captions(dataset: str, annotations: Path, split: str) -> "tuple[CaptionSet, Split]":
    """The data set, with its notes told, and its split of that name. Raises BadParameter for a split it has not."""
    from deltaclip.captions import load_captions

    captions = load_captions(dataset, annotations)
    for text in captions.notes:
        note(shown(text))
    if split not in captions.splits:
        words = f"{dataset} has no split {split!r}: {', '.join(captions.splits)}."
        raise typer.BadParameter(words, param_hint="'--split'")
    return captions, captions.splits[split]


def found_videos(folder: Path, ids: Iterable[str]) -> "VideoFiles":
    """The files of these ids, with a note for each folder that could not be looked into while some are missing."""
    from deltaclip.captions import find_videos

    files = find_videos(folder, ids)
    for text in files.unreadable:
        note(shown(text))
    return files
