"""`cache`: the videos of a data set, decoded once for training or evaluation."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

import typer

from deltaclip.cli.material import found_videos, refuse_unknown
from deltaclip.cli.options import AllowMissingOption, AnnotationsOption, JsonOption, StallLimitOption
from deltaclip.cli.output import Progress, emit, finish, note, print_lines, shown

if TYPE_CHECKING:
    from deltaclip.captions import CaptionSet
    from deltaclip.frame_cache import CacheProgress, CacheSettings

__all__ = ["cache"]


@dataclass(frozen=True, slots=True)
class FrameOptions:
    """What is kept of each video."""

    PANEL: ClassVar = "Frames"

    frames: Annotated[
        int,
        typer.Option(
            min=1,
            metavar="N",
            help="Number of frames kept of each video. Training draws its frames from them, so keep several times as "
            "many as it needs.",
        ),
    ] = 32
    size: Annotated[
        int, typer.Option(min=8, metavar="PIXELS", help="Length of the short side of a frame; nothing is cropped.")
    ] = 224
    motion: Annotated[
        str,
        typer.Option(
            metavar="MASK",
            help="Motion mask to keep: subject, subject:binary, or none. Other masks are computed during training.",
        ),
    ] = "subject"
    quality: Annotated[int, typer.Option(min=1, max=100, metavar="N", help="JPEG quality of the frames.")] = 90
    raw: Annotated[
        bool,
        typer.Option(
            "--raw",
            help="Keep pixels and soft masks without any loss, which `evaluate --frame-cache` needs, in some fifteen "
            "times the space (default: JPEG, and masks of 8 bits).",
        ),
    ] = False

    def chosen(self) -> "CacheSettings":
        """Raises BadParameter for a mask that cannot be kept."""
        from deltaclip.frame_cache import CacheSettings

        motion = None if self.motion == "none" else self.motion
        try:
            return CacheSettings(self.frames, self.size, motion, None if self.raw else self.quality)
        except ValueError as error:
            raise typer.BadParameter(f"{error}.", param_hint="'--motion'") from error


def cache(
    *,
    dataset: Annotated[
        str | None,
        typer.Argument(help="Data set to decode: {datasets}. Leave it out if you give --captions.", metavar="DATASET"),
    ] = None,
    videos: Annotated[Path, typer.Option(metavar="DIR", help="Folder of the videos.")],
    out: Annotated[
        Path, typer.Option(metavar="DIR", help="Folder of the cache. A cache that already exists there is completed.")
    ],
    captions: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="File of your own captions, csv, tsv or jsonl, in place of a data set."),
    ] = None,
    annotations: AnnotationsOption = None,
    split: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME", help="Split to decode: train, val or test (default: all splits). May be repeated."
        ),
    ] = None,
    allow_missing: AllowMissingOption = False,
    settings: FrameOptions,
    workers: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Number of videos decoded at once (default: one per core).")
    ] = None,
    stall_limit: StallLimitOption = None,
    as_json: JsonOption = False,
) -> None:
    """Decode videos once and keep their frames for training.

    You may stop it at any time: the same command continues where it stopped. Videos that are already in the cache are
    decoded again only if their files have changed. Videos that are left out are named on stderr; the exit code is then
    1, or 0 with --allow-missing if there are others.

    \b
    Examples:
      deltaclip cache msvd --annotations msvd --videos clips --out frames
      deltaclip cache --captions captions.csv --videos clips --split train --out frames
    """
    from deltaclip.frame_cache import repair_cache, write_cache

    chosen = settings.chosen()
    ids = _ids(_captions(dataset, captions, annotations), split)
    files = found_videos(videos, ids)
    # Videos without a file are passed on too: those that are not cached are reported with those that cannot be read.
    wanted = {**files.found, **{video: videos / video for video in files.missing}}
    for text in repair_cache(out):
        note(shown(text))
    with Progress() as line:

        def progress(step: "CacheProgress") -> None:
            words = f"{step.done}/{step.total} videos  {line.rate(step.done):.1f} videos/s"
            line.show(words + (f"  {step.failed} failed" if step.failed else ""), step.done, step.total)

        report = write_cache(out, wanted, chosen, workers=workers, allow_missing=allow_missing, progress=progress)
    if as_json:
        emit({"out": out, "settings": chosen.to_json(), **asdict(report)})
    else:
        print_lines(
            f"{shown(out)}: {report.held} of {len(wanted)} videos cached, {report.written} of them now "
            f"({report.size_bytes / 1e6:.1f} MB in {report.seconds:.0f} s)"
        )
    for video in report.changed:
        note(shown(f"{video}  the file has changed since it was cached"))
    for video, texts in report.notes.items():
        note(shown(f"{video}  {'; '.join(texts)}"))
    for failure in report.failures:
        note(shown(f"{failure.path}  {failure.reason}"))
    # What was allowed is no failure, though it is named; a cache that holds none of the videos is.
    finish(bool(report.failures) and not (allow_missing and report.held))


def _captions(dataset: str | None, captions: Path | None, annotations: Path | None) -> "CaptionSet":
    """The named data set, or the user's own captions. Raises typer.BadParameter for both or neither."""
    from deltaclip.captions import load_captions

    if captions is not None:
        if dataset is not None or annotations is not None:
            raise typer.BadParameter("it cannot be combined with DATASET or --annotations.", param_hint="'--captions'")
        return load_captions("folder", captions)
    if dataset is None:
        raise typer.BadParameter("name a data set, or give --captions FILE.", param_hint="DATASET")
    refuse_unknown(dataset, "DATASET")
    if annotations is None:
        raise typer.BadParameter("give the folder of its caption files.", param_hint="'--annotations'")
    return load_captions(dataset, annotations)


def _ids(found: "CaptionSet", wanted: list[str] | None) -> list[str]:
    """The videos of the wanted splits, each once. Raises typer.BadParameter for a split that does not exist."""
    names = list(dict.fromkeys(wanted or found.splits))
    unknown = [name for name in names if name not in found.splits]
    if unknown:
        raise typer.BadParameter(
            f"there is no split {unknown[0]!r}; there is {', '.join(found.splits) or 'none at all'}.",
            param_hint="'--split'",
        )
    return list(dict.fromkeys(video for name in names for video in found.splits[name].videos))
