"""`calibrate`: make int8 of an encoder, for OpenVINO, on videos like those that it will encode."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deltaclip.cli.encoders import load_encoder
from deltaclip.cli.index_report import name_failures
from deltaclip.cli.options import EncoderOption, JsonOption, LibraryOption, StallLimitOption
from deltaclip.cli.output import Progress, emit, note, print_lines, shown
from deltaclip.wording import count

if TYPE_CHECKING:  # torch is imported by the commands that need it
    from deltaclip.encoder import Calibrated, Encoder

__all__ = ["calibrate", "calibrate_on"]


def calibrate(
    paths: Annotated[
        list[Path],
        typer.Argument(help="Videos and folders of videos like those that will be encoded.", metavar="PATH"),
    ],
    encoder: EncoderOption = None,
    library: LibraryOption = None,
    stall_limit: StallLimitOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make int8 of an encoder, which OpenVINO runs faster on CPUs.

    int8 needs to know how large numbers become inside the encoder, which depends on the videos. Frames of at most 32
    videos, spread over all that are given, are used: half of them to find out, the others to compare int8 with fp32. If
    the mean centred cosine of these is below 0.98, int8 is refused. The result is kept beside the checkpoint, or in the
    cache folder for encoders that are bundled or from the hub; then --precision int8 uses it.

    \b
    Example:
      deltaclip calibrate ~/Videos --encoder shapes
    """
    from deltaclip.encoder import EncoderSpec

    made = calibrate_on(load_encoder(encoder, library, EncoderSpec(precision="int8")), paths)
    if as_json:
        emit({"file": str(made.file), **made.calibration.facts})
    else:
        print_lines(f"wrote {shown(made.file)}")


def calibrate_on(encoder: "Encoder", paths: list[Path]) -> "Calibrated":
    """Calibrate on files and folders; progress and the result go to stderr."""
    from deltaclip.encoder import calibrate as calibrate_encoder
    from deltaclip.encoder import calibration_clips
    from deltaclip.library import find_candidates

    found = find_candidates(paths)
    name_failures(found.failures)
    with Progress() as line:
        clips, failures = calibration_clips(
            encoder,
            found.files,
            lambda done, total: line.show(f"{done}/{total} videos to calibrate on", done, total),
        )
    for failure in failures:
        note(shown(failure))
    made = calibrate_encoder(encoder, clips)
    facts = made.calibration
    note(
        f"int8 of {encoder.name} calibrated on {count(facts.num_frames, 'frame')} of {count(facts.num_videos, 'video')}"
        f": centred cosine to fp32 {facts.cosine:.4f}, lowest {facts.lowest:.4f}"
    )
    return made
