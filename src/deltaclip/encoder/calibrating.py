"""Making int8 of an encoder on videos."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from deltaclip.channels import filled
from deltaclip.encoder.encoder import Encoder
from deltaclip.encoder.int8 import Calibration
from deltaclip.encoder.openvino_engine import OpenVinoEngine
from deltaclip.encoder.spec import ChoiceError
from deltaclip.errors import VideoError
from deltaclip.reader import Clip, guarded_calls, read_video

__all__ = ["Calibrated", "calibrate", "calibration_clips", "needs_calibration"]

MOST_VIDEOS = 32


@dataclass(frozen=True, slots=True)
class Calibrated:
    """calibration: what was made. file: where it is kept."""

    calibration: Calibration
    file: Path


def calibrate(encoder: Encoder, clips: Iterable[Clip]) -> Calibrated:
    """Makes int8 of an encoder on the frames of clips, and keeps it where `Encoder.load(..., precision="int8")` looks.

    encoder: loaded with the precision int8. clips: one of each of some videos that are like those to be encoded; up to
    256 of their frames are used, half to find the ranges of int8, half to check.
    Raises EngineError if OpenVINO or NNCF is not installed, there are too few frames, or int8 vectors are too far from
    float32 ones: then nothing is kept. Raises ChoiceError for an encoder of another precision.
    """
    if not isinstance(encoder.engine, OpenVinoEngine) or encoder.kept_precision != "int8":
        raise ChoiceError(f"precision of {encoder.name}: load it with precision='int8' to calibrate it")
    channels = encoder.engine.inputs.num_channels
    return Calibrated(*encoder.engine.calibrate([filled(clip.frames, channels) for clip in clips]))


def calibration_clips(
    encoder: Encoder, files: Sequence[Path], on_progress: Callable[[int, int], None] = lambda done, total: None
) -> tuple[list[Clip], list[VideoError]]:
    """A clip of each of at most 32 of the files, spread over them, and why the others of these cannot be read.

    on_progress: called with (videos read, videos to read).
    """
    numbers = np.linspace(0, len(files) - 1, min(len(files), MOST_VIDEOS)).round().astype(int)
    clips, failures = [], []
    with guarded_calls() as call:
        for done, number in enumerate(numbers, 1):
            try:
                clips.append(call(read_video, files[number], encoder.reader_spec))
            except VideoError as error:
                failures.append(error)
            on_progress(done, len(numbers))
    return clips, failures


def needs_calibration(encoder: Encoder) -> bool:
    """Whether an encoder in int8 has to be calibrated before it can run."""
    return isinstance(encoder.engine, OpenVinoEngine) and encoder.engine.needs_calibration
