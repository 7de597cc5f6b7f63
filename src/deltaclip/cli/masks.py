"""`masks`: what a motion mask selects, as numbers, as a picture, and as a page for a folder."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deltaclip.cli.files import require_writable, writable
from deltaclip.cli.options import JsonOption, StallLimitOption
from deltaclip.cli.output import Progress, clock, emit, finish, note, print_lines, shown
from deltaclip.durable import write_bytes_whole, write_whole
from deltaclip.wording import count

if TYPE_CHECKING:  # imported by the command itself: OpenCV takes a while
    from deltaclip.motion import MotionSpec

__all__ = ["masks"]

MAX_FAILURES_SHOWN = 10


def masks(
    video: Annotated[Path, typer.Argument(help="Video file, or a folder for --report.", metavar="VIDEO")],
    motion: Annotated[
        str, typer.Option(metavar="MASK", help="Motion mask to compute: {masks}. The paper's is difference.")
    ] = "subject",
    num_frames: Annotated[
        int,
        typer.Option(min=1, metavar="N", help="Number of frames, taken from the middles of equal spans of the video."),
    ] = 12,
    size: Annotated[
        int,
        typer.Option(min=8, metavar="PIXELS", help="Length of the short side at which motion is measured."),
    ] = 224,
    png: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Also write a picture (.png) of frames, masks and overlays. If the mask measures motion, arrows show "
            "the way of what moves in 0.2 s against the background, and a line above each frame says how the camera "
            "moves.",
        ),
    ] = None,
    npz: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Also write NumPy arrays (.npz): seconds, motion (the binary mask), measured (the soft mask), alpha "
            "(what an encoder is fed: all ones if a frame falls back), fallback (why it does, else empty), coverage, "
            "confidence. The mask subject adds velocity (T, H, W, 2; picture heights a second, right and down, against "
            "the background), camera (T, 4; pan right and tilt up in picture heights, zoom in as a natural logarithm, "
            "roll clockwise in radians, all a second), velocity_confidence and camera_confidence, both 0 if nothing "
            "could be measured.",
        ),
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write a page (.html) with the masks of every video in a folder."),
    ] = None,
    stall_limit: StallLimitOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what a motion mask selects in a video or in a folder.

    \b
    Examples:
      deltaclip masks dog.mp4 --png dog.png
      deltaclip masks ~/Videos --report masks.html
    """
    from deltaclip.motion import MotionSpec
    from deltaclip.names import on_disk

    video = on_disk(video)
    try:
        mask = MotionSpec.parse(motion)
    except ValueError as error:
        raise typer.BadParameter(f"{error}.", param_hint="'--motion'") from error
    if report is not None:
        if png is not None or npz is not None:
            raise typer.BadParameter("--report cannot be combined with --png or --npz.")
        _report(video, mask, num_frames, report, as_json)
    elif video.is_dir():
        raise typer.BadParameter(f"{shown(video)} is a folder: add --report FILE.html.", param_hint="VIDEO")
    else:
        _one(video, mask, num_frames, size, png, npz, as_json)


def _one(
    video: Path, mask: "MotionSpec", num_frames: int, size: int, png: Path | None, npz: Path | None, as_json: bool
) -> None:
    import numpy as np

    from deltaclip.motion import encode_png
    from deltaclip.reader import guarded_calls, read_motion

    for file, suffix in ((npz, ".npz"), (png, ".png")):
        if file is not None:
            require_writable(file, suffix)  # before the work
    with guarded_calls() as call:
        frames, found = call(read_motion, video, mask, num_frames, size)
    if npz is not None:
        arrays = {
            "seconds": frames.seconds,
            "motion": found.mask,
            "measured": found.measured,
            "alpha": found.alpha,
            "fallback": np.array([reason or "" for reason in found.fallback], np.str_),
            "coverage": found.coverage,
            "confidence": found.confidence,
        }
        if found.flow is not None:
            arrays |= {
                "velocity": found.flow.velocity_at(*found.mask.shape[1:]),
                "camera": found.flow.camera,
                "velocity_confidence": found.flow.confidence,
                "camera_confidence": found.flow.camera_confidence,
            }
        with writable(npz, ".npz"):
            write_whole(npz, lambda stream: np.savez_compressed(stream, **arrays))  # type: ignore[arg-type]  # names
    if png is not None:
        from deltaclip.evaluation import mask_sheet

        with writable(png, ".png"):
            write_bytes_whole(png, encode_png(mask_sheet(frames.rgb, frames.seconds, found)))
    if as_json:
        told = {
            "seconds": frames.seconds,
            "coverage": found.coverage,
            "confidence": found.confidence,
            "fallback": list(found.fallback),
            "notes": list(frames.notes),
        }
        if found.flow is not None:
            told |= {"camera": found.flow.camera, "camera_confidence": found.flow.camera_confidence}
        emit(told)
        return
    for second, share, trust, reason in zip(
        frames.seconds, found.coverage, found.confidence, found.fallback, strict=True
    ):
        whole = f"  whole frame used: {shown(reason)}" if reason else ""
        print_lines(f"{clock(second):>9}  moving {share:6.1%}  confidence {trust:.2f}{whole}")
    for words in frames.notes:
        note(f"{shown(video)}: {words}")
    for written in (png, npz):
        if written is not None:
            note(f"wrote {shown(written)}")


def _report(folder: Path, mask: "MotionSpec", num_frames: int, out: Path, as_json: bool) -> None:
    from deltaclip.evaluation import MaskSummary, report_page, summarise_masks
    from deltaclip.library import find_candidates

    require_writable(out)  # before minutes of work
    candidates = find_candidates([folder])
    summaries = [MaskSummary.failed(failure.path, failure.reason) for failure in candidates.failures]
    total = len(candidates.files)
    with Progress() as line:
        line.show(f"0/{total} videos", 0, total)
        for number, one in enumerate(summarise_masks(candidates.files, mask, num_frames), 1):
            summaries.append(one)
            line.show(f"{number}/{total} videos", number, total)
    with writable(out):
        write_bytes_whole(out, report_page(f"`{mask}` masks for {folder.name}/", summaries).encode())
    rows = [
        {
            "path": str(one.path),
            "coverage": None if one.error else float(one.coverage.mean()),
            "confidence": None if one.error else float(one.confidence.mean()),
            "fallback": {reason: one.fallback.count(reason) for reason in sorted({r for r in one.fallback if r})},
            "warning": one.warning,
            "notes": list(one.notes),
            "error": one.error,
        }
        for one in summaries
    ]
    failed = [one for one in summaries if one.error]
    if as_json:
        emit({"report": str(out), "videos": rows})
    else:
        warned = sum(row["warning"] is not None for row in rows)
        read = count(len(rows) - len(failed), "video")
        print_lines(f"{read} read, {warned} with a warning; {len(failed)} could not be read")
    for one in summaries:
        for words in one.notes:
            note(f"{shown(one.path)}: {words}")
    for failure in failed[:MAX_FAILURES_SHOWN]:
        note(f"{shown(failure.path)}  {shown(failure.error)}")
    if len(failed) > MAX_FAILURES_SHOWN:
        note(f"... {len(failed) - MAX_FAILURES_SHOWN} more (the page lists all)")
    note(f"wrote {shown(out)}")
    finish(bool(failed))
