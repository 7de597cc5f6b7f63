"""The study `actions` as rows over seeds and folds, panels and verdicts."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from deltaclip.findings import Curve, Figures, Panel, Row, Spread, StudyResult
from deltaclip.training.studies.actions_run import MERGED, ActionRun

__all__ = ["actions_result"]

MeasuredActions = tuple[ActionRun, dict[str, Any]]  # Any: the json document of `ActionRun.perform`
Setting = tuple[str, str, str]
"""Set, number of classes, mask."""
CONTROL = "full"
WAYS = ("T2V mAP", "T2V R@1", "V2T R@1")

ABOUT = (
    "Every mask has weights of its own: a small CLIP with four channels, trained from scratch and tested with that "
    "mask, all with the same steps, seeds, sizes and learning rates. A caption names the class of a clip, in one of "
    "several wordings in training and in the first one in the test; pairs of one class are not negatives of each "
    "other. A set with folds is tested fold by fold, on scenes that were not in training; a set without folds is "
    "trained on train and tested on test. Nothing is chosen by validation: the last weights count. T2V: each class is "
    "a query for its held-out clips, with mAP over all of them and R@1, the share of classes whose first clip is "
    "right; V2T R@1: the share of clips whose own class is nearest; ties count against the query. A figure is the mean "
    "over folds, then over seeds; `sd of folds` is the standard deviation of V2T R@1 over folds, `train` is V2T R@1 on "
    "the training clips. `mask cosine` is the cosine of vectors with and without their masks at the end of training: "
    "near 1, the mask has hardly any effect. A clip has {frames} frames at equal spans, each encoded alone with its "
    "mask; their mean has no order. So a movement and its reverse look alike to every mask without a sign: {merged}. "
    "Fewer classes are the same runs with these merged, which needs no order. Random: the seeds (fresh weights, order "
    "of clips, crops, frames of a step, wordings, dropped masks); the positions of `random`, which are drawn once."
)
BASELINES = {
    "egogestar": (
        "egogestar, for comparison: the README of the clips has linear classifiers on the same folds. V2T R@1 is 19 "
        "for the average of 12 still frames (HOG) and 36 for that of their 11 difference maps; on the set's own test "
        "split, 24, and 43 to 47 with difference maps; with swipes merged (8 classes), 32 and 46. Optical flow in "
        "temporal order reaches 93: order helps more than masks there, and this encoder has none."
    ),
    "croatian_signs": (
        "croatian_signs is a control: it has one signer, and one still frame suffices (a linear classifier on the "
        "middle frame is right on all test clips), so a mask can only harm. It says nothing about unseen people."
    ),
}
"""Published figures, shown beside ours if the set is included."""


def actions_result(measured: Sequence[MeasuredActions], left_out: Sequence[str]) -> StudyResult:
    """The result from the figures of all runs. left_out: names of sets that are too small."""
    settings = list(
        dict.fromkeys(
            (run.actions.name, classes, run.recipe.data.motion)
            for classes_at in range(2)
            for run, figures in measured
            for classes in list(figures["test"])[classes_at : classes_at + 1]
        )
    )
    settings.sort(key=lambda setting: [run.actions.name for run, _ in measured].index(setting[0]))
    rows = [_row(setting, measured) for setting in settings]
    sets = tuple(dict.fromkeys(run.actions.name for run, _ in measured))
    recipe = measured[0][0].recipe
    notes = [note for name in sets for note in _verdicts(name, rows)]
    notes += [text for name, text in BASELINES.items() if name in sets]
    notes += [f"{name} is left out: it has too few clips to learn from." for name in left_out]
    merged = ", ".join(sorted(MERGED))
    return StudyResult(
        name="actions",
        question="Do masks of motion help a small encoder on real clips of actions?",
        about=ABOUT.format(frames=recipe.data.test_frames, merged=merged),
        protocol=_protocol(measured),
        rows=tuple(rows),
        panels=(*(_bars(way, rows) for way in WAYS), *(_losses(name, measured) for name in sets)),
        notes=tuple(notes),
    )


def _of_seeds(setting: Setting, measured: Sequence[MeasuredActions]) -> list[list[dict[str, Any]]]:
    """Figures of a setting by seed, and within a seed by fold."""
    name, classes, mask = setting
    by_seed: dict[int, list[dict[str, Any]]] = {}
    for run, figures in measured:
        if (run.actions.name, run.recipe.data.motion) == (name, mask) and classes in figures["test"]:
            by_seed.setdefault(run.recipe.seed, []).append(figures)
    return list(by_seed.values())


def _row(setting: Setting, measured: Sequence[MeasuredActions]) -> Row:
    """One set, number of classes and mask over folds and seeds."""
    name, classes, mask = setting
    runs = _of_seeds(setting, measured)

    def spread(part: str, way: str) -> Spread:
        return Spread.of([float(np.mean([fold[part][classes][way] for fold in folds])) for folds in runs])

    # (seeds, folds)
    by_fold = np.array([[fold["test"][classes][WAYS[2]] for fold in folds] for folds in runs])
    cosines = [fold["mask_cosine"] for folds in runs for fold in folds if fold["mask_cosine"] is not None]
    figures: Figures = {
        **{way: spread("test", way) for way in WAYS},
        "sd of folds": float(by_fold.mean(axis=0).std(ddof=1)) if by_fold.shape[1] > 1 else None,
        "train": spread("train", WAYS[2]),
        "mask cosine": round(float(np.mean(cosines)), 3) if cosines else None,
        "frames without mask": round(float(runs[0][0]["frames_without_mask"]), 3),
    }
    return Row({"set": name, "classes": int(classes), "mask": mask}, figures)


def _protocol(measured: Sequence[MeasuredActions]) -> dict[str, Any]:  # Any: plain values
    recipe = measured[0][0].recipe

    def told(name: str) -> str:
        return ", ".join(dict.fromkeys(str(figures[name]) for _, figures in measured))

    folds = {run.actions.name: run.actions.folds for run, _ in measured}
    held = {
        name: sorted({run.fold for run, _ in measured if run.actions.name == name and run.fold is not None})
        for name in folds
    }
    return {
        "sets": ", ".join(folds),
        "clips": ", ".join(
            f"{name} {len(run.actions.clips)}" for name, run in {r.actions.name: r for r, _ in measured}.items()
        ),
        "folds": ", ".join(f"{name} {len(held[name])} of {len(each)}" for name, each in folds.items() if each) or None,
        "seeds": len({run.recipe.seed for run, _ in measured}),
        "runs": len(measured),
        "steps": recipe.optim.steps,
        "batch": recipe.optim.batch,
        "lr": recipe.optim.lr,
        "image_size": recipe.model.image_size,
        "width": recipe.model.width,
        "crop": recipe.data.crop,
        "frames_a_step": recipe.data.frames,
        "frames_tested": recipe.data.test_frames,
        "alpha_dropout": recipe.data.alpha_dropout,
        "training_seconds": round(sum(figures["seconds"] for _, figures in measured)),
        "machine": told("machine"),
        "torch": told("torch"),
        "commit": told("commit"),
    }


def _bars(way: str, rows: Sequence[Row]) -> Panel:
    """Sets and their numbers of classes beside each other, a bar for each mask from the lowest to the highest seed."""
    places = tuple(dict.fromkeys(_place(row) for row in rows))
    curves = []
    for mask in dict.fromkeys(str(row.setting["mask"]) for row in rows):
        points = [row.spread(way) for row in rows if row.setting["mask"] == mask]
        curves.append(Curve.of(mask, places, points, control=mask == CONTROL))
    return Panel(f"{way}, held-out clips", "set, classes", f"{way} (%)", tuple(curves), "bars")


def _place(row: Row) -> str:
    return f"{row.setting['set']} {row.setting['classes']}"


def _losses(name: str, measured: Sequence[MeasuredActions]) -> Panel:
    """Loss over steps, the mean of all runs between the lowest and the highest."""
    runs: dict[str, list[list[list[float]]]] = {}
    for run, figures in measured:
        if run.actions.name == name:
            runs.setdefault(run.recipe.data.motion, []).append(figures["loss"])
    curves = []
    for mask, losses in runs.items():
        steps = tuple(float(step) for step, _ in losses[0])
        points = [Spread.of([loss for _, loss in at_step]) for at_step in zip(*losses, strict=True)]
        curves.append(Curve.of(mask, steps, points, control=mask == CONTROL))
    return Panel(f"Loss, {name}", "step", "loss", tuple(curves))


def _verdicts(name: str, rows: Sequence[Row]) -> list[str]:
    """The gain of each mask over none, paired by seed."""
    notes = []
    for classes in dict.fromkeys(row.setting["classes"] for row in rows if row.setting["set"] == name):
        here = {
            str(row.setting["mask"]): row
            for row in rows
            if (row.setting["set"], row.setting["classes"]) == (name, classes)
        }
        for mask, row in here.items():
            if mask == CONTROL or CONTROL not in here:
                continue
            told = []
            for way in (WAYS[0], WAYS[2]):
                pairs = zip(row.spread(way).runs, here[CONTROL].spread(way).runs, strict=True)
                gain = Spread.of([ours - theirs for ours, theirs in pairs])
                told.append(f"{way} {gain.value:+.1f} ({gain.low:+.1f} to {gain.high:+.1f})")
            seeds = len(row.spread(WAYS[0]).runs)
            notes.append(f"{name}, {classes} classes, {mask} against {CONTROL} over {seeds} seeds: {', '.join(told)}.")
    return notes
