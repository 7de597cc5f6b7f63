"""`masks`: what a mask takes for motion in one video, as numbers and as a picture."""

from pathlib import Path
from typing import Annotated

import typer

from deltaclip.cli.files import writable
from deltaclip.cli.output import JsonOption, clock, emit, note, print_lines, shown

__all__ = ["masks"]


def masks(
    video: Annotated[Path, typer.Argument(help="The video file.", metavar="VIDEO")],
    motion: Annotated[
        str, typer.Option(help="difference (the paper's), full, random, inverted or centre.")
    ] = "difference",
    num_frames: Annotated[int, typer.Option(min=1, help="Frames, at the middles of as many equal spans.")] = 12,
    size: Annotated[int, typer.Option(min=8, help="Short side in pixels at which motion is measured.")] = 224,
    png: Annotated[Path | None, typer.Option(help="Write frames and masks as a picture.")] = None,
    npz: Annotated[Path | None, typer.Option(help="Write seconds, motion (as measured) and coverage as numpy.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Measure what moves in a video.

    \b
    Example:
      deltaclip masks dog.mp4 --png dog.png
    """
    import numpy as np

    from deltaclip.motion import MOTIONS, Row, Tile, encode_png, overlay, sheet
    from deltaclip.reader import read_motion

    if motion not in MOTIONS:
        raise typer.BadParameter(f"{motion!r} is not one of {', '.join(MOTIONS)}.", param_hint="'--motion'")
    frames, measured = read_motion(video, motion, num_frames, size)
    if npz is not None:
        with writable(npz), npz.open("wb") as file:  # a name without .npz stays as it was given
            np.savez_compressed(file, seconds=frames.seconds, motion=measured.mask, coverage=measured.coverage)
    if png is not None:
        rows = [
            Row("", (Tile(picture, clock(second)), Tile(overlay(picture, alpha), reason or f"moving {share:.0%}")))
            for picture, second, alpha, share, reason in zip(
                frames.rgb, frames.seconds, measured.alpha, measured.coverage, measured.fallback, strict=True
            )
        ]
        with writable(png):
            png.write_bytes(encode_png(sheet(rows)))
    if as_json:
        emit({"seconds": frames.seconds, "coverage": measured.coverage, "fallback": list(measured.fallback)})
        return
    for second, share, reason in zip(frames.seconds, measured.coverage, measured.fallback, strict=True):
        print_lines(
            f"{clock(second):>9}  moving {share:6.1%}" + (f"  whole frame taken: {shown(reason)}" if reason else "")
        )
    for written in (png, npz):
        if written is not None:
            note(f"wrote {shown(written)}")
