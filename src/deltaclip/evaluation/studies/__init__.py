"""Open questions about a mask and its encoder, as studies that each write figures, a picture and a paragraph."""

from collections.abc import Callable

from deltaclip.evaluation.studies.bench import SHAPES_SEED, Bench
from deltaclip.evaluation.studies.controls import controls
from deltaclip.evaluation.studies.degrade import degrade
from deltaclip.evaluation.studies.diagnose import diagnose
from deltaclip.evaluation.studies.files import write_study
from deltaclip.evaluation.studies.frames import frames
from deltaclip.evaluation.studies.length import length
from deltaclip.evaluation.studies.static import static
from deltaclip.evaluation.studies.study import StudyResult
from deltaclip.evaluation.studies.threshold import threshold

__all__ = ["SHAPES_SEED", "STUDIES", "Bench", "StudyResult", "write_study"]

STUDIES: dict[str, Callable[[Bench], StudyResult]] = {
    "threshold": threshold,
    "controls": controls,
    "frames": frames,
    "static": static,
    "degrade": degrade,
    "length": length,
    "diagnose": diagnose,
}
"""By name: what is measured -> what was found. Write it down with `write_study`."""
