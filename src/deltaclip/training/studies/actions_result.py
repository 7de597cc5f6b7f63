"""The study `actions` as rows over seeds and folds, panels and verdicts."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from deltaclip.findings import Curve, Figures, Panel, Row, Spread, StudyResult
from deltaclip.training.studies.actions_controls import CONTROLS, controls_of
from deltaclip.training.studies.actions_run import MERGED, ActionRun
from deltaclip.wording import count

__all__ = ["actions_result"]

MeasuredActions = tuple[ActionRun, dict[str, Any]]  # Any: the json document of `ActionRun.perform`
Setting = tuple[str, str, str]
"""Set, number of classes, arm."""
CONTROL = "full"
ABSENT = Spread(float("nan"), float("nan"), float("nan"), ())
"""A bar that is not there."""
WAYS = ("T2V mAP", "T2V R@1", "V2T R@1")
UNCHANGED = "as they are"
"""The clips that no control has changed."""

ABOUT = (
    "Every mask has weights of its own: a small CLIP with the channels of that mask, trained from scratch and tested "
    "with it, all with the same steps, seeds, sizes and learning rates. A caption names the class of a clip, in one of "
    "several wordings in training and in the first one in the test; pairs of one class are not negatives of each "
    "other. A set with folds is tested fold by fold, on scenes that were not in training; a set without folds is "
    "trained on train and tested on test. Nothing is chosen by validation: the last weights count. T2V: each class is "
    "a query for its held-out clips, with mAP over all of them and R@1, the share of classes whose first clip is "
    "right; V2T R@1: the share of clips whose own class is nearest; ties count against the query. A figure is the mean "
    "over folds, then over seeds; `sd of folds` is the standard deviation of V2T R@1 over folds, `train` is V2T R@1 on "
    "the training clips. `mask cosine` is the cosine of vectors with and without their masks at the end of training: "
    "near 1, the mask has hardly any effect. A clip has {frames} frames at equal spans, each encoded alone with its "
    "mask; their mean has no order. So a movement and its reverse look alike to every mask without a sign: {merged}. "
    "Fewer classes are the same runs with these merged, which needs no order. An encoder with a temporal head (a small "
    "transformer over the frames' vectors) knows the order; it is trained with all frames of a clip in every step, "
    "others with {step_frames} of them. Controls, without further training, on the held-out clips of each mask with "
    "flow or a temporal head: `flow elsewhere` moves the two flow channels around the edges of the picture by a random "
    "offset for each clip, the same for all its frames, and leaves alpha and its weight by time where they were; `flow "
    "turned` turns the sign of both; `frames shuffled` puts the frames in a random order, each with its own channels, "
    "so that what time was measured stays with its frame, and the mean without a head is the same. Random: the seeds "
    "(fresh weights, order of clips, crops, frames of a step, wordings, dropped masks); the positions of `random` and "
    "the offsets and orders of the controls, which are drawn once."
)
BASELINES = {
    "egogestar": (
        "egogestar, for comparison: the README of the clips has linear classifiers on the same folds. V2T R@1 is 19 "
        "for the average of 12 still frames (HOG) and 36 for that of their 11 difference maps; on the set's own test "
        "split, 24, and 43 to 47 with difference maps; with swipes merged (8 classes), 32 and 46. Optical flow in "
        "temporal order reaches 93: order helps more than masks there, and without flow or a temporal "
        "head this encoder has none."
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
            (run.actions.name, classes, run.arm)
            for classes_at in range(2)
            for run, figures in measured
            for classes in list(figures["test"])[classes_at : classes_at + 1]
        )
    )
    settings.sort(key=lambda setting: [run.actions.name for run, _ in measured].index(setting[0]))
    rows = [row for setting in settings for row in _rows(setting, measured)]
    sets = tuple(dict.fromkeys(run.actions.name for run, _ in measured))
    recipe = measured[0][0].recipe
    notes = [note for name in sets for note in (*_verdicts(name, rows), *_changes(name, rows))]
    notes += _without_controls(measured)
    notes += [text for name, text in BASELINES.items() if name in sets]
    notes += [f"{name} is left out: it has too few clips to learn from." for name in left_out]
    merged = ", ".join(sorted(MERGED))
    return StudyResult(
        name="actions",
        question="Do masks of motion help a small encoder on real clips of actions?",
        about=ABOUT.format(frames=recipe.data.test_frames, step_frames=_step_frames(measured), merged=merged),
        protocol=_protocol(measured),
        rows=tuple(rows),
        panels=(
            *(_bars(way, rows) for way in WAYS),
            *_controls(rows),
            *(_losses(name, measured) for name in sets),
        ),
        notes=tuple(notes),
    )


def _of_seeds(setting: Setting, measured: Sequence[MeasuredActions]) -> list[list[dict[str, Any]]]:
    """Figures of a setting by seed, and within a seed by fold."""
    name, classes, arm = setting
    by_seed: dict[int, list[dict[str, Any]]] = {}
    for run, figures in measured:
        if (run.actions.name, run.arm) == (name, arm) and classes in figures["test"]:
            by_seed.setdefault(run.recipe.seed, []).append(figures)
    return list(by_seed.values())


def _rows(setting: Setting, measured: Sequence[MeasuredActions]) -> list[Row]:
    """One set, number of classes and arm over folds and seeds, its clips as they are and as each control has them."""
    name, classes, arm = setting
    runs = _of_seeds(setting, measured)
    cosines = [fold["mask_cosine"] for folds in runs for fold in folds if fold["mask_cosine"] is not None]
    trained: Figures = {
        "train": Spread.of([float(np.mean([fold["train"][classes][WAYS[2]] for fold in folds])) for folds in runs]),
        "mask cosine": round(float(np.mean(cosines)), 3) if cosines else None,
        "frames without mask": round(float(runs[0][0]["frames_without_mask"]), 3),
    }
    absent: Figures = {figure: None for figure in trained}
    shown = {UNCHANGED: _tested([[fold["test"][classes] for fold in folds] for folds in runs]) | trained}
    for control in CONTROLS:
        if all(control in fold.get("controls", {}) for folds in runs for fold in folds):
            tested = _tested([[fold["controls"][control][classes] for fold in folds] for folds in runs])
            shown[control] = {**tested, **absent}
    return [
        Row({"set": name, "classes": int(classes), "mask": arm, "clips": clips}, figures)
        for clips, figures in shown.items()
    ]


def _tested(runs: Sequence[Sequence[dict[str, float]]]) -> Figures:
    """Figures of the held-out clips from those of each seed and fold."""
    # (seeds, folds)
    by_fold = np.array([[fold[WAYS[2]] for fold in folds] for folds in runs])
    return {
        **{way: Spread.of([float(np.mean([fold[way] for fold in folds])) for folds in runs]) for way in WAYS},
        "sd of folds": float(by_fold.mean(axis=0).std(ddof=1)) if by_fold.shape[1] > 1 else None,
    }


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
        "frames_a_step": _step_frames(measured),
        "frames_tested": recipe.data.test_frames,
        "alpha_dropout": recipe.data.alpha_dropout,
        "training_seconds": round(sum(figures["seconds"] for _, figures in measured)),
        "machine": told("machine"),
        "torch": told("torch"),
        "commit": told("commit"),
    }


def _bars(way: str, rows: Sequence[Row]) -> Panel:
    """Sets and their numbers of classes beside each other, a bar for each mask from the lowest to the highest seed."""
    own = [row for row in rows if row.setting["clips"] == UNCHANGED]
    places = tuple(dict.fromkeys(_place(row) for row in own))
    curves = []
    for mask in dict.fromkeys(str(row.setting["mask"]) for row in own):
        points = [row.spread(way) for row in own if row.setting["mask"] == mask]
        curves.append(Curve.of(mask, places, points, control=mask == CONTROL))
    return Panel(f"{way}, held-out clips", "set, classes", f"{way} (%)", tuple(curves), "bars")


def _controls(rows: Sequence[Row]) -> tuple[Panel, ...]:
    """V2T R@1 of each arm that has controls, a bar for each; over all classes, since merging them hides the order."""
    by_place: dict[str, dict[str, Spread]] = {}
    for row in rows:
        name = str(row.setting["set"])
        classes = [int(str(each.setting["classes"])) for each in rows if each.setting["set"] == name]
        if row.setting["classes"] == max(classes):
            points = by_place.setdefault(f"{name}, {row.setting['mask']}", {})
            points[str(row.setting["clips"])] = row.spread(WAYS[2])
    shown = {place: points for place, points in by_place.items() if len(points) > 1}
    curves = [
        Curve.of(clips, tuple(shown), [points.get(clips, ABSENT) for points in shown.values()])
        for clips in (UNCHANGED, *CONTROLS)
        if any(clips in points for points in shown.values())
    ]
    if not curves:
        return ()
    return (Panel(f"{WAYS[2]}, held-out clips changed", "set, mask", f"{WAYS[2]} (%)", tuple(curves), "bars"),)


def _place(row: Row) -> str:
    return f"{row.setting['set']} {row.setting['classes']}"


def _losses(name: str, measured: Sequence[MeasuredActions]) -> Panel:
    """Loss over steps, the mean of all runs between the lowest and the highest."""
    runs: dict[str, list[list[list[float]]]] = {}
    for run, figures in measured:
        if run.actions.name == name:
            runs.setdefault(run.arm, []).append(figures["loss"])
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
            if (row.setting["set"], row.setting["classes"], row.setting["clips"]) == (name, classes, UNCHANGED)
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


def _changes(name: str, rows: Sequence[Row]) -> list[str]:
    """What each control costs each mask, paired by seed."""
    told: dict[str, list[str]] = {}
    own: dict[str, Spread] = {}
    for row in rows:
        if row.setting["set"] != name:
            continue
        arm, found = f"{name}, {row.setting['classes']} classes, {row.setting['mask']}", row.spread(WAYS[2])
        if row.setting["clips"] == UNCHANGED:  # comes before its controls
            own[arm] = found
            continue
        change = Spread.of([theirs - ours for theirs, ours in zip(found.runs, own[arm].runs, strict=True)])
        words = f"{found.value:.1f}, {change.value:+.1f} ({change.low:+.1f} to {change.high:+.1f})"
        told.setdefault(arm, []).append(f"{row.setting['clips']} {words}")
    return [f"{arm}, {WAYS[2]} {own[arm].value:.1f}: {'; '.join(words)}." for arm, words in told.items()]


def _without_controls(measured: Sequence[MeasuredActions]) -> list[str]:
    """Which arms lack controls because some of their runs are older than these."""
    older = Counter(
        f"{run.actions.name}, {run.arm}"
        for run, figures in measured
        if set(controls_of(run.recipe)) - set(figures.get("controls", {}))
    )
    return [
        f"{arm}: no controls, since an earlier deltaclip finished {count(number, 'run')} without them; remove the "
        "files of these runs in actions/runs to train them again."
        for arm, number in older.items()
    ]


def _step_frames(measured: Sequence[MeasuredActions]) -> int:
    """Frames of a clip in a step without a temporal head; with one if all runs have it."""
    return min(run.recipe.data.frames for run, _ in measured)
