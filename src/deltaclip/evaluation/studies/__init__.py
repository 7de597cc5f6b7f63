"""Open questions about a mask and its encoder, as studies that each write figures, a picture and a paragraph."""

from collections.abc import Callable

from deltaclip.evaluation.studies.controls import study_controls
from deltaclip.evaluation.studies.degrade import study_degrade
from deltaclip.evaluation.studies.diagnose import study_diagnose
from deltaclip.evaluation.studies.frames import study_frames
from deltaclip.evaluation.studies.length import study_length
from deltaclip.evaluation.studies.setup import SHAPES_SEED, StudySetup
from deltaclip.evaluation.studies.static import study_static
from deltaclip.evaluation.studies.threshold import study_threshold
from deltaclip.findings import StudyResult

__all__ = ["SHAPES_SEED", "STUDIES", "StudySetup"]

STUDIES: dict[str, Callable[[StudySetup], StudyResult]] = {
    "threshold": study_threshold,
    "controls": study_controls,
    "frames": study_frames,
    "static": study_static,
    "degrade": study_degrade,
    "length": study_length,
    "diagnose": study_diagnose,
}
"""By name: what is measured -> what was found. Write it down with `findings.write_study`."""
