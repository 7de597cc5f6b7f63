"""The paper's figure 2 with weights of its own for each threshold: on drawn clips, and on real clips of actions."""

from collections.abc import Sequence
from dataclasses import replace

from deltaclip.findings import Curve, Figures, Panel, Row, Spread, StudyResult
from deltaclip.motion import STUDIED_THRESHOLDS, MotionSpec
from deltaclip.training.studies.actions import study_actions
from deltaclip.training.studies.runner import Stopped, StudyPlan
from deltaclip.training.studies.shapes import study_shapes

__all__ = ["study_threshold_retrained"]

CONTROL = "full"
LEVELS = {str(MotionSpec.parse(f"difference:threshold={level:g}")): level for level in STUDIED_THRESHOLDS}
"""Mask, as recipes write it -> its threshold in grey levels of 255."""
PAPER_LEVEL = 25.0
"""The threshold that the paper uses."""
CAMERAS = ("still",)
WAYS = ("T2V R@1", "V2T R@1")

ABOUT = (
    "For each threshold of the difference mask, in grey levels of 255, a small CLIP is trained from scratch and tested "
    "with it, and one without any mask (`full`, alpha all ones): {sources}. All runs of a set have the same steps, "
    "seeds, sizes, learning rates and clips. A figure is the mean over seeds with the lowest and the highest. The "
    "studies `shapes` and `actions`, whose runs these are, tell how they are trained and what is random."
)
DRAWN = "Moving Shapes, where only motion tells the three clips of a group apart"
REAL = "the labelled clips of {sets}, where a figure is the mean over the folds held out in turn"


def study_threshold_retrained(plan: StudyPlan) -> StudyResult | Stopped:
    """Trains and measures each threshold on Moving Shapes and, if the plan has data, on those clips of actions.

    Raises what `study_shapes` and `study_actions` raise, and ValueError for folds without data.
    """
    if plan.folds and plan.data is None:
        raise ValueError("folds are of the clips of actions, data")
    masks = (CONTROL, *LEVELS)
    drawn = study_shapes(
        replace(plan, folder=plan.folder / "shapes", masks=masks, cameras=plan.cameras or CAMERAS, data=None)
    )
    parts = [drawn]
    if plan.data is not None:
        parts.append(study_actions(replace(plan, folder=plan.folder / "actions", masks=masks)))
    found = [part for part in parts if isinstance(part, StudyResult)]
    if len(found) < len(parts):
        done = sum(part.finished if isinstance(part, Stopped) else _num_runs(part) for part in parts)
        return Stopped(done, sum(part.runs if isinstance(part, Stopped) else _num_runs(part) for part in parts))
    return _result(found)


def _num_runs(part: StudyResult) -> int:
    return int(str(part.protocol["runs"]))


def _result(parts: Sequence[StudyResult]) -> StudyResult:
    rows = [row for part in parts for row in _rows(part)]
    places = tuple(dict.fromkeys(str(row.setting["clips"]) for row in rows))
    sources = [DRAWN, *(REAL.format(sets=part.protocol["sets"]) for part in parts[1:])]
    return StudyResult(
        name="threshold-retrained",
        question="How does retrieval depend on the threshold of the difference mask, with weights trained for each?",
        about=ABOUT.format(sources="; ".join(sources)),
        protocol={f"{part.name}_{key}": value for part in parts for key, value in part.protocol.items()},
        rows=tuple(rows),
        panels=tuple(_panel(place, [row for row in rows if row.setting["clips"] == place]) for place in places),
        notes=tuple(note for place in places for note in _verdicts(place, rows)),
    )


def _rows(part: StudyResult) -> list[Row]:
    """Those of one study with the same figures in all; of actions those of all classes, which are not merged."""
    most = {row.setting["set"]: row.setting["classes"] for row in reversed(part.rows) if "set" in row.setting}
    rows = []
    for row in part.rows:
        name = row.setting.get("set")
        if name is not None and row.setting["classes"] != most[name]:
            continue
        place = f"drawn, {row.setting['camera']} camera" if name is None else f"{name}, {most[name]} classes"
        mask = str(row.setting["mask"])
        figures: Figures = {way: row.spread(way) for way in WAYS}
        figures["frames without mask"] = 1.0 if mask == CONTROL else row.figures["frames without mask"]
        rows.append(Row({"clips": place, "threshold": LEVELS.get(mask, CONTROL)}, figures))
    return rows


def _panel(place: str, rows: Sequence[Row]) -> Panel:
    by_level = {row.setting["threshold"]: row for row in rows}
    curves = []
    for way in WAYS:
        curves.append(Curve.of(way, STUDIED_THRESHOLDS, [by_level[level].spread(way) for level in STUDIED_THRESHOLDS]))
        control = [by_level[CONTROL].spread(way)] * len(STUDIED_THRESHOLDS)
        curves.append(Curve.of(f"{way}, no mask", STUDIED_THRESHOLDS, control, control=True))
    return Panel(place, "threshold (grey levels)", "R@1 (%)", tuple(curves), "steps")


def _verdicts(place: str, rows: Sequence[Row]) -> list[str]:
    """How each threshold differs from the paper's 25, and no mask from it, paired by seed."""
    here = {row.setting["threshold"]: row for row in rows if row.setting["clips"] == place}
    notes = []
    for level, row in here.items():
        if level == PAPER_LEVEL:
            continue
        told = []
        for way in WAYS:
            pairs = zip(row.spread(way).runs, here[PAPER_LEVEL].spread(way).runs, strict=True)
            gain = Spread.of([ours - theirs for ours, theirs in pairs])
            told.append(f"{way} {gain.value:+.1f} ({gain.low:+.1f} to {gain.high:+.1f})")
        name = "no mask" if level == CONTROL else f"threshold {level:g}"
        notes.append(f"{place}, {name} against {PAPER_LEVEL:g}: {', '.join(told)}.")
    return notes
