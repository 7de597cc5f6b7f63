"""`cache`: every video of a data set decoded once, for trainings to read."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deltaclip.cli.files import StallLimitOption
from deltaclip.cli.material import found_videos, refuse_unknown
from deltaclip.cli.output import JsonOption, Progress, emit, finish, note, print_lines, shown

if TYPE_CHECKING:
    from deltaclip.captions import CaptionSet
    from deltaclip.training.cache import CacheProgress, CacheSettings

__all__ = ["cache"]


def cache(
    videos: Annotated[Path, typer.Option(help="The folder of the videos.")],
    out: Annotated[Path, typer.Option(help="Folder of the cache; one that is there is completed.")],
    dataset: Annotated[
        str | None, typer.Argument(help="msrvtt, msvd, ... as for `data`; or give --captions.", metavar="DATASET")
    ] = None,
    captions: Annotated[Path | None, typer.Option(help="Your own captions, a csv or jsonl, instead.")] = None,
    annotations: Annotated[Path | None, typer.Option(help="The folder of the data set's caption files.")] = None,
    split: Annotated[
        list[str] | None, typer.Option(help="train, val or test; may be given again. All where left out.")
    ] = None,
    frames: Annotated[int, typer.Option(min=1, help="Frames of a video: more than a step takes, to vary.")] = 32,
    size: Annotated[int, typer.Option(min=8, help="Short side of the pictures in pixels; nothing is cropped.")] = 224,
    motion: Annotated[
        str, typer.Option(help="The mask to keep: subject, subject:binary or none. Others are made when reading.")
    ] = "subject",
    quality: Annotated[int, typer.Option(min=1, max=100, help="Of JPEG.")] = 90,
    raw: Annotated[bool, typer.Option("--raw", help="Raw pixels instead of JPEG: eight times the space.")] = False,
    workers: Annotated[int | None, typer.Option(min=1, help="Videos at once; one a core where left out.")] = None,
    allow_missing: Annotated[
        bool, typer.Option("--allow-missing", help="Leave out videos that are not there, and go on.")
    ] = False,
    stall_limit: StallLimitOption = None,
    as_json: JsonOption = False,
) -> None:
    """Decode videos once, so that training need not.

    May be stopped at any moment; the same command goes on from there. Videos that are in the cache already are not
    decoded again, unless their files changed.

    \b
    Examples:
      deltaclip cache msvd --annotations msvd --videos msvd/YouTubeClips --out msvd-cache
      deltaclip cache --captions captions.csv --videos clips --split train --out clips-cache
    """
    from dataclasses import asdict

    from deltaclip.training.cache import mend_cache, write_cache

    settings = _settings(frames, size, motion, None if raw else quality)
    ids = _ids(_captions(dataset, captions, annotations), split)
    files = found_videos(videos, ids)
    # A video without a file goes along, to be named with all others that cannot be read, unless it is held already.
    wanted = {**files.found, **{video: videos / video for video in files.missing}}
    for text in mend_cache(out):
        note(shown(text))
    with Progress() as line:

        def progress(step: "CacheProgress") -> None:
            words = f"{step.done}/{step.total} videos  {line.rate(step.done):.1f} a second"
            line.show(words + (f"  {step.failed} failed" if step.failed else ""), step.done, step.total)

        report = write_cache(out, wanted, settings, workers=workers, allow_missing=allow_missing, progress=progress)
    if as_json:
        emit({"out": out, "settings": settings.to_json(), **asdict(report)})
    else:
        print_lines(
            f"{shown(out)}: {report.held} of {len(wanted)} videos held, {report.written} written now "
            f"({report.size_bytes / 1e6:.1f} MB in {report.seconds:.0f} s)"
        )
    for video in report.changed:
        note(shown(f"{video}  its file changed since it was cached"))
    for video, texts in report.notes.items():
        note(shown(f"{video}  {'; '.join(texts)}"))
    for failure in report.failures:
        note(shown(f"{failure.path}  {failure.reason}"))
    finish(bool(report.failures))


def _settings(frames: int, size: int, motion: str, quality: int | None) -> "CacheSettings":
    from deltaclip.training.cache import CacheSettings

    try:
        return CacheSettings(frames, size, None if motion == "none" else motion, quality)
    except ValueError as error:
        raise typer.BadParameter(f"{error}.", param_hint="'--motion'") from error


def _captions(dataset: str | None, captions: Path | None, annotations: Path | None) -> "CaptionSet":
    """The data set that is named, or the file of one's own. Raises typer.BadParameter for both or neither."""
    from deltaclip.captions import load_captions

    if captions is not None:
        if dataset is not None or annotations is not None:
            raise typer.BadParameter("goes without DATASET and --annotations.", param_hint="'--captions'")
        return load_captions("folder", captions)
    if dataset is None:
        raise typer.BadParameter("name a data set, or give --captions FILE.", param_hint="DATASET")
    refuse_unknown(dataset, "DATASET")
    if annotations is None:
        raise typer.BadParameter("give the folder of its caption files.", param_hint="'--annotations'")
    return load_captions(dataset, annotations)


def _ids(found: "CaptionSet", wanted: list[str] | None) -> list[str]:
    """The videos of the splits wanted, each once. Raises typer.BadParameter for a split that is not there."""
    names = list(dict.fromkeys(wanted or found.splits))
    unknown = [name for name in names if name not in found.splits]
    if unknown:
        raise typer.BadParameter(
            f"{unknown[0]!r} is not there: {', '.join(found.splits) or 'no split at all'}.", param_hint="'--split'"
        )
    return list(dict.fromkeys(video for name in names for video in found.splits[name].videos))
