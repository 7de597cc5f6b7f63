"""`data`: the captions and splits of a data set, and which of its videos exist."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from deltaclip.cli.material import found_videos, refuse_unknown
from deltaclip.cli.options import JsonOption
from deltaclip.cli.output import emit, finish, note, print_lines, shown
from deltaclip.wording import listed

__all__ = ["data"]

SHOWN_MISSING = 5


def data(
    dataset: Annotated[
        str,
        typer.Argument(
            help="Data set to read: {datasets}. `folder` is your own captions, in a csv, tsv or jsonl file.",
            metavar="DATASET",
        ),
    ],
    annotations: Annotated[
        Path, typer.Option(metavar="DIR", help="Folder of the data set's caption and split files, as downloaded.")
    ],
    videos: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Folder of the data set's videos: report which are missing (default: do not look)."
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show the splits of a data set, and which videos are missing.

    \b
    Examples:
      deltaclip data msvd --annotations msvd --videos clips
      deltaclip data folder --annotations captions.csv --videos clips
    """
    from deltaclip.captions import load_captions

    refuse_unknown(dataset, "DATASET")
    found = load_captions(dataset, annotations)
    missing: dict[str, list[str]] | None = None
    if videos is not None:
        absent = set(found_videos(videos, (name for split in found.splits.values() for name in split.videos)).missing)
        missing = {name: [video for video in split.videos if video in absent] for name, split in found.splits.items()}
    splits = {
        name: {
            "videos": len(split.videos),
            "captions": None if split.captions is None else len(split.captions),
            "missing": None if missing is None else len(missing[name]),
        }
        for name, split in found.splits.items()
    }
    if as_json:
        document: dict[str, Any] = {"dataset": dataset, "splits": splits, "notes": list(found.notes)}  # Any: json
        emit(document if missing is None else document | {"missing_videos": missing})
    else:
        _show(splits, found.notes, missing)
    finish(missing is not None and any(missing.values()))


def _show(
    splits: Mapping[str, Mapping[str, int | None]], notes: tuple[str, ...], missing: Mapping[str, list[str]] | None
) -> None:
    print_lines("split      videos  captions   missing")
    for name, row in splits.items():
        figures = ("-" if row[key] is None else f"{row[key]:,}" for key in ("videos", "captions", "missing"))
        print_lines(f"{name:8} " + "  ".join(f"{figure:>8}" for figure in figures))
    for text in notes:
        note(shown(text))
    for name, ids in (missing or {}).items():
        if ids:
            more = " (use --json to list all)" if len(ids) > SHOWN_MISSING else ""
            note(shown(f"missing in {name}: {listed(ids, most=SHOWN_MISSING)}{more}"))
