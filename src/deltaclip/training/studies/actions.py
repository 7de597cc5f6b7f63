"""Whether masks of motion help on real clips of actions: each with weights of its own, scenes kept apart."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from deltaclip.captions import ActionSet, find_action_sets, load_actions
from deltaclip.errors import TrainingError
from deltaclip.findings import StudyResult
from deltaclip.training.recipe import Recipe
from deltaclip.training.recipes import RECIPES, override
from deltaclip.training.studies.actions_clips import SeenActions, clip_digests, see_actions
from deltaclip.training.studies.actions_result import actions_result
from deltaclip.training.studies.actions_run import TEMPORAL, ActionRun
from deltaclip.training.studies.runner import Document, Stopped, StudyPlan, StudyProgress, at_once, is_late

__all__ = ["study_actions"]

STEPS = 650
SEEDS = 3
MASKS = ("full", "difference", "subject", "random", "subject+flow", "subject+flow+time", f"subject{TEMPORAL}")
"""Each is an arm of the study: a mask, after which ", temporal head" may follow."""
TEMPORAL_LAYERS = 2
FEWEST_CLIPS = 60
"""Smaller sets are left out, as too small to learn from, unless only one set is given."""
SAVES = 8
"""Number of states of a run: a kill costs an eighth of it."""
SETTINGS = (
    "model.image_size=48",
    "model.width=48",
    "model.max_words=20",
    "data.frames=4",
    "optim.lr=2e-3",
    "optim.batch=32",
    "optim.chunk=32",
    "loop.keep_states=1",
    "loop.report=last",
)
"""Changes to the recipe `actions`, so that all runs fit into an hour on two cores."""


def study_actions(plan: StudyPlan) -> StudyResult | Stopped:
    """Trains and measures each mask on each set, fold and seed, until the deadline.

    A mask of the plan may end in ", temporal head". Its runs see as many frames of a clip in a step as in the test.

    Frames are stored only in a temporary folder. Raises ValueError for a mask or setting that does not exist,
    CaptionError for a set that cannot be used, TrainingError if a run cannot continue.
    """
    sets, left_out = _sets(plan)
    runs = _runs(plan, sets)
    open_runs = [] if is_late(plan.deadline) else [run for run in runs if run.figures() is None]
    with tempfile.TemporaryDirectory(prefix="deltaclip-actions-") as folder:
        seeing = {run.actions.name: _Seeing.of(run, runs, Path(folder)) for run in open_runs}

        def tell_seen() -> None:
            done = sum(each.file.is_file() for each in seeing.values())
            plan.progress(StudyProgress("reading clips of sets", done, len(seeing)))

        def tell_trained() -> None:
            steps = sum(run.recipe.optim.steps or 0 for run in runs)
            plan.progress(StudyProgress("training", sum(run.steps_done for run in runs), steps))

        at_once(_Seeing.write, list(seeing.values()), plan.jobs, tell_seen)
        tasks = [_Task(run, seeing[run.actions.name]) for run in open_runs]
        at_once(_Task.perform, tasks, plan.jobs, tell_trained)
    found = [(run, run.figures()) for run in runs]
    measured: list[tuple[ActionRun, Document]] = [(run, figures) for run, figures in found if figures is not None]
    return actions_result(measured, left_out) if len(measured) == len(runs) else Stopped(len(measured), len(runs))


@dataclass(frozen=True, slots=True)
class _Seeing:
    """A set to be decoded once for all its runs. masks: their words. file: for frames and masks during the study."""

    actions: ActionSet
    masks: tuple[str, ...]
    num_frames: int
    short_side: int
    file: Path

    @classmethod
    def of(cls, run: ActionRun, runs: Sequence[ActionRun], folder: Path) -> "_Seeing":
        masks = tuple(dict.fromkeys(each.recipe.data.motion for each in runs))
        recipe = run.recipe
        # The smallest crop still has as many pixels as the model's input.
        side = int(np.ceil(recipe.model.image_size / np.sqrt(recipe.data.crop)))
        return cls(run.actions, masks, recipe.data.test_frames, side, folder / f"{run.actions.name}.npz")

    def write(self) -> None:
        see_actions(self.actions, self.masks, self.num_frames, self.short_side).write(self.file)


@dataclass(frozen=True, slots=True)
class _Task:
    """A run, and where its clips are."""

    run: ActionRun
    seeing: _Seeing

    def perform(self) -> None:
        seeing = self.seeing
        self.run.perform(_read(seeing.file, seeing.actions.folder, seeing.masks))


@lru_cache(maxsize=2)
def _read(file: Path, folder: Path, masks: tuple[str, ...]) -> SeenActions:
    """Read once in each process that trains."""
    return SeenActions.read(file, load_actions(folder), masks)


def _sets(plan: StudyPlan) -> tuple[list[ActionSet], list[str]]:
    """The sets to train on, and the names of those that are too small."""
    if plan.data is None:
        raise ValueError("the study actions needs the folder of its clips, data")
    found = [load_actions(folder) for folder in find_action_sets(plan.data).values()]
    kept = [each for each in found if len(found) == 1 or len(each.clips) >= FEWEST_CLIPS]
    if not kept:
        remedy = "Give the folder of one set to train on it anyway."
        raise TrainingError(str(plan.data), f"no set with {FEWEST_CLIPS} clips or more", remedy)
    return kept, [each.name for each in found if each not in kept]


def _runs(plan: StudyPlan, sets: Sequence[ActionSet]) -> list[ActionRun]:
    """Ordered by seed first, so that a limited time covers every mask and fold with one seed."""
    seeds = range(SEEDS if plan.seeds is None else plan.seeds)
    arms = plan.masks or MASKS
    recipes = [_recipe(plan, arm, 0) for arm in arms]
    if len({(recipe.data.motion, recipe.model.temporal_layers) for recipe in recipes}) < len(recipes):
        raise TrainingError("the study's masks", "one of them is given twice", "Give each mask once.")
    contents = {actions.name: clip_digests(actions) for actions in sets}
    runs = [
        ActionRun(
            _recipe(plan, arm, seed), actions, contents[actions.name], fold, plan.folder, plan.device, plan.deadline
        )
        for seed in seeds
        for actions in sets
        for fold in _folds(plan, actions, sets)
        for arm in arms
    ]
    for run in runs:
        if not all(run.parts):
            part = "train on" if run.parts[1] else "test on"
            found = f"no clip to {part} with {'its own split' if run.fold is None else f'fold {run.fold}'} held out"
            raise TrainingError(str(run.actions.folder), found, "Give different --folds, or fix captions.csv.")
    return runs


def _folds(plan: StudyPlan, actions: ActionSet, sets: Sequence[ActionSet]) -> Sequence[int | None]:
    """Folds of a set to hold out in turn; None, its own split, if it has no folds."""
    known = {fold for each in sets for fold in each.folds}
    if missing := [fold for fold in plan.folds or () if fold not in known]:
        remedy = f"Name some of {', '.join(map(str, sorted(known)))}." if known else "Leave out --folds."
        raise TrainingError(actions.name, f"no fold {', '.join(map(str, missing))}", remedy)
    chosen = [fold for fold in actions.folds if plan.folds is None or fold in plan.folds]
    return chosen if actions.folds else [None]


def _recipe(plan: StudyPlan, arm: str, seed: int) -> Recipe:
    mask = arm.removesuffix(TEMPORAL)
    steps = plan.steps or STEPS
    own = [
        f"data.motion={mask}",
        f"seed={seed}",
        f"optim.steps={steps}",
        f"loop.validate_every={max(steps // SAVES, 1)}",
    ]
    recipe = override(RECIPES["actions"], [*SETTINGS, *plan.settings, *own])
    if mask != arm:
        layers = recipe.model.temporal_layers or TEMPORAL_LAYERS
        recipe = override(recipe, [f"model.temporal_layers={layers}", f"data.frames={recipe.data.test_frames}"])
    if recipe.data.flip or recipe.data.turn:
        raise ValueError("data.flip and data.turn would make captions with left, right, up or down untrue")
    return recipe
