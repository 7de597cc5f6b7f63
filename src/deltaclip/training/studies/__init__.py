"""Studies that train: each setting with weights of its own and several seeds; a killed study can be continued."""

from collections.abc import Callable

from deltaclip.findings import StudyResult
from deltaclip.training.studies.actions import study_actions
from deltaclip.training.studies.runner import Stopped, StudyPlan, StudyProgress
from deltaclip.training.studies.shapes import study_shapes
from deltaclip.training.studies.threshold import study_threshold_retrained

__all__ = [
    "STUDIES",
    "Stopped",
    "StudyPlan",
    "StudyProgress",
    "study_actions",
    "study_shapes",
    "study_threshold_retrained",
]

STUDIES: dict[str, Callable[[StudyPlan], StudyResult | Stopped]] = {
    "shapes": study_shapes,
    "actions": study_actions,
    "threshold-retrained": study_threshold_retrained,
}
"""By name, none of which is in `evaluation.studies.STUDIES`: from a plan to the result, or to how far the study is if
its deadline came first."""
