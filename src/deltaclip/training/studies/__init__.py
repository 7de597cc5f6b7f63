"""Studies that train: each setting with weights of its own, several seeds, and all of it goes on after a kill."""

from collections.abc import Callable

from deltaclip.findings import StudyResult
from deltaclip.training.studies.actions import study_actions
from deltaclip.training.studies.runner import Stopped, StudyPlan, StudyProgress
from deltaclip.training.studies.shapes import study_shapes

__all__ = ["STUDIES", "Stopped", "StudyPlan", "StudyProgress", "study_actions", "study_shapes"]

STUDIES: dict[str, Callable[[StudyPlan], StudyResult | Stopped]] = {"shapes": study_shapes, "actions": study_actions}
"""By name, none of which is in `evaluation.studies.STUDIES`: what is to be trained -> what was found, or how far it is
where its deadline came first."""
