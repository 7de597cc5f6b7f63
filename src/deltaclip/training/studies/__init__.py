"""Studies that train: each setting with weights of its own, several seeds, and all of it goes on after a kill."""

from collections.abc import Callable

from deltaclip.findings import StudyResult
from deltaclip.training.studies.plan import StudyPlan, StudyProgress
from deltaclip.training.studies.shapes import study_shapes

__all__ = ["STUDIES", "StudyPlan", "StudyProgress", "study_shapes"]

STUDIES: dict[str, Callable[[StudyPlan], StudyResult | None]] = {"shapes": study_shapes}
"""By name: what is to be trained -> what was found, or None where the time limit came first."""
