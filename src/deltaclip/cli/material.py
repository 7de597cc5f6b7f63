"""Which videos and captions a command measures on: a data set as downloaded, or drawn clips."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from deltaclip.cli.options import GalleryOptions
from deltaclip.cli.output import note, shown
from deltaclip.wording import did_you_mean

if TYPE_CHECKING:  # torch is imported by the commands that need it
    from deltaclip.captions import CaptionSet, Split, VideoFiles
    from deltaclip.evaluation import Material

__all__ = [
    "found_videos",
    "refuse_unknown",
    "split_captions",
    "split_material",
]


def split_material(gallery: GalleryOptions) -> "Material | None":
    """The split of a data set, or None for `shapes`, which is drawn. Raises BadParameter if options do not fit."""
    dataset, annotations, videos = gallery.dataset, gallery.annotations, gallery.videos
    if dataset == "shapes":
        if annotations is not None or videos is not None or gallery.split != "test":
            raise typer.BadParameter("shapes draws its clips: leave out --annotations, --videos and --split.")
        return None
    refuse_unknown(dataset, "'--dataset'", "shapes")
    if annotations is None or videos is None:
        raise typer.BadParameter(f"{dataset} needs --annotations and --videos.")
    from deltaclip.evaluation import material_of_split

    _, found = split_captions(dataset, annotations, gallery.split)
    files = found_videos(videos, found.videos)
    return material_of_split(dataset, gallery.split, found, files, allow_missing=gallery.allow_missing)


def refuse_unknown(dataset: str, param_hint: str, *more: str) -> None:
    """Raises BadParameter for a name that is not a data set. more: further names that the command accepts."""
    from deltaclip.captions import DATASETS

    known = (*more, *DATASETS)
    if dataset not in known:
        words = f"{dataset!r} is not a known data set: {did_you_mean(dataset.lower(), known, '.')}"
        raise typer.BadParameter(words, param_hint=param_hint)


def split_captions(dataset: str, annotations: Path, split: str) -> "tuple[CaptionSet, Split]":
    """The data set and its split of that name; notes are printed. Raises BadParameter if it has no such split."""
    from deltaclip.captions import load_captions

    captions = load_captions(dataset, annotations)
    for text in captions.notes:
        note(shown(text))
    if split not in captions.splits:
        words = f"{dataset} has no split {split!r}; it has {', '.join(captions.splits)}."
        raise typer.BadParameter(words, param_hint="'--split'")
    return captions, captions.splits[split]


def found_videos(folder: Path, ids: Iterable[str]) -> "VideoFiles":
    """The files of these ids. If some are missing, a note names each folder that could not be searched."""
    from deltaclip.captions import find_videos

    files = find_videos(folder, ids)
    for text in files.unreadable:
        note(shown(text))
    return files
