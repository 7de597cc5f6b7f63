"""Whether masks help if only motion tells clips apart: each mask with weights of its own, on Moving Shapes."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

from deltaclip.errors import TrainingError
from deltaclip.findings import StudyResult
from deltaclip.shapes import Twins
from deltaclip.training.recipes import RECIPES, override
from deltaclip.training.studies.runner import Stopped, StudyPlan, StudyProgress, at_once
from deltaclip.training.studies.shapes_result import shapes_result
from deltaclip.training.studies.shapes_run import ShapesGallery, ShapesRun

__all__ = ["study_shapes"]

STEPS = 200
SEEDS = 3
ALL_MASKS = ("full", "difference", "subject", "random", "inverted")
BACKWARDS_MASKS = ("full", "subject", "subject+flow", "subject+flow+time")
MASKS: dict[Twins, tuple[str, ...]] = {"mover": ALL_MASKS, "direction": BACKWARDS_MASKS, "order": BACKWARDS_MASKS}
CAMERAS = ("still", "pan")
CLIPS = 300
"""Number of test clips, as in `evaluate shapes`."""
SETTINGS = ("world.groups=800", "world.directions=0", "world.mover_epochs=0", "optim.warm_up=0.1")
"""Changes to the recipe `shapes`; with STEPS, so that all runs fit into 75 minutes on two cores."""


@dataclass(frozen=True, slots=True)
class _Arm:
    """A line of the table for each camera. name: of the line. mask: to train with. settings: changes to the recipe."""

    name: str
    mask: str
    settings: tuple[str, ...] = ()


TEMPORAL_HEAD = _Arm("subject, temporal head", "subject", ("model.temporal_layers=2",))
FURTHER_ARMS: dict[Twins, tuple[_Arm, ...]] = {
    "mover": (_Arm("subject, no alpha dropout", "subject", ("data.alpha_dropout=0",)),),
    "direction": (TEMPORAL_HEAD,),
    "order": (TEMPORAL_HEAD,),
}
"""Trained beside the plain masks of a kind of twins, unless masks are chosen: then only if one has the arm's name."""


def study_shapes(plan: StudyPlan) -> StudyResult | Stopped:
    """Trains and measures each mask on each camera with each seed, until the deadline.

    Raises ValueError for a mask, camera or setting that does not exist, TrainingError if a run cannot continue.
    """
    runs = _runs(plan)
    open_runs = [run for run in runs if run.figures() is None]
    pools = list({run.drawn: run for run in open_runs}.values())
    material: list[ShapesGallery | ShapesRun] = [*dict.fromkeys(run.gallery for run in open_runs), *pools]
    made = _Counter(plan, "drawing clips", len(pools))
    at_once(_prepare, material, plan.jobs, lambda: made.show(sum(pool.drawn.is_file() for pool in pools)))
    steps = plan.steps or STEPS
    trained = _Counter(plan, "training", steps * len(runs))
    # Ordered by seed first: a study that a time limit stops has every setting once.
    in_order = sorted(runs, key=lambda run: run.recipe.seed)
    figures = at_once(_perform, in_order, plan.jobs, lambda: trained.show(sum(run.steps_done for run in runs)))
    found = {run.out: each for run, each in zip(in_order, figures, strict=True) if each is not None}
    if len(found) < len(runs):
        return Stopped(len(found), len(runs))
    shutil.rmtree(plan.folder / "clips", ignore_errors=True)  # gigabytes that can be drawn again in minutes
    return shapes_result([(run, found[run.out]) for run in runs])


@dataclass(frozen=True, slots=True)
class _Counter:
    """Reports progress to the plan."""

    plan: StudyPlan
    doing: str
    total: int

    def show(self, done: int) -> None:
        self.plan.progress(StudyProgress(self.doing, done, self.total))


def _runs(plan: StudyPlan) -> list[ShapesRun]:
    """The runs of every camera, mask and seed, in the order of the table."""
    cameras, further = plan.cameras or CAMERAS, {arm.name: arm for arm in FURTHER_ARMS[plan.twins]}
    seeds = range(SEEDS if plan.seeds is None else plan.seeds)
    wanted = plan.masks or (*MASKS[plan.twins], *further)
    arms = [further.get(name) or _Arm(name, name) for name in wanted]
    runs = []
    for camera, arm, seed in product(cameras, arms, seeds):
        own = [
            f"data.motion={arm.mask}",
            f"world.cameras={camera}",
            f"world.twins={plan.twins}",
            f"seed={seed}",
            f"optim.steps={plan.steps or STEPS}",
        ]
        recipe = override(RECIPES["shapes"], [*SETTINGS, *plan.settings, *own])
        if arm is TEMPORAL_HEAD:  # positions that were never trained would be noise in the test
            own = [f"data.frames={recipe.data.test_frames}"]
        recipe = override(recipe, [*arm.settings, *own])
        gallery = ShapesGallery(camera, plan.clips or CLIPS, plan.folder / "test", plan.twins)
        runs.append(ShapesRun(recipe, arm.name, gallery, plan.folder, plan.device, plan.deadline))
    _refuse_twice(runs)
    return runs


def _refuse_twice(runs: Sequence[ShapesRun]) -> None:
    """Two runs must not share a folder."""
    if len({run.out for run in runs}) < len(runs):
        remedy = "Give each mask and each camera once."
        raise TrainingError("the study's masks and cameras", "one of them is given twice", remedy)


def _prepare(task: ShapesGallery | ShapesRun) -> None:
    if isinstance(task, ShapesGallery):
        task.write()
    else:
        task.draw()


def _perform(run: ShapesRun) -> dict[str, object] | None:
    return run.perform()
