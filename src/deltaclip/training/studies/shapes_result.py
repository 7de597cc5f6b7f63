"""The study `shapes` as rows over seeds, panels and verdicts."""

from collections.abc import Sequence
from itertools import groupby
from typing import Any

from deltaclip.findings import Curve, Figures, Panel, Row, Spread, StudyResult
from deltaclip.shapes import Twins
from deltaclip.training.studies.shapes_run import ShapesRun

__all__ = ["shapes_result"]

MeasuredShapes = tuple[ShapesRun, dict[str, Any]]  # Any: the json document of `ShapesRun.perform`
CONTROL = "full"
METRICS = {"R1": "R@1", "R5": "R@5", "R10": "R@10", "MdR": "MdR", "MnR": "MnR"}
RIGHT_THINGS = "right things"
RIGHT_MOVER = "right mover of these"
AMONG = " among right things"
AMONG_TWINS = "R@1 among twins"

QUESTIONS: dict[Twins, str] = {
    "mover": "Do motion masks help an encoder trained with them, if only motion tells clips apart?",
    "direction": "Does an encoder whose frames are averaged tell a movement from the same movement backwards?",
    "order": "Does an encoder whose frames are averaged tell which of two objects moves first?",
}
ABOUT = (
    "Every mask has weights of its own: a small CLIP trained from scratch and tested with that mask, all with the "
    "same steps, seeds, sizes, learning rates and clips. All seeds train on the same clips; the seed sets the fresh "
    "weights, the order, the frames of a step, rotations and wordings. {test} "
    "Random: the training and test clips (drawn once each), the positions of `random`, and the seeds. The curves are "
    "validations on {held} further groups of twins of the same camera, as frames in memory with the same masks but "
    "without mp4."
)
MOVER_TEST = (
    "The test uses twins (the same objects, with a different mover), written as mp4 and read by the whole encoder as "
    "in `deltaclip evaluate shapes`, the same files for all runs of a camera. `{right}` is the share of texts whose "
    "first clip has the right objects, whichever of them moves: an encoder blind to motion can reach a third of it at "
    "most as R@1, that is 33. `{mover}` is R@1 as a share of it, 33 by chance, and shows what the mask contributes "
    "however well objects are recognised. The questions are asked of these clips and one clip of each group in which "
    "nothing moves: `stayers only` names what stays in a clip with a mover (also true of the still clip), `nothing "
    "moves` is the sentence of a still clip, and `among right things` considers the clips of the question's own group "
    "only. Every training clip had a mover and every training sentence its motion, so these two kinds are new to every "
    "encoder. `no alpha dropout`: alpha dropout 0, all others {dropout:g} (without effect on `full`)."
)
PAIRS_TEST = (
    "The test uses pairs of twins, {pair}, written as mp4 and read by the whole encoder, the same files for all runs "
    "of a camera. Both show the same pictures in the opposite order, so that no picture, and no mean of pictures, "
    "tells them apart. `{among}` is R@1 if a text is compared with the two clips of its own pair only (T2V), or a clip "
    "with their two texts (V2T): 50 by chance; ties count against it. `{right}` is the share of texts whose first clip "
    "of all is of the right pair. `temporal head`: a small transformer over the frames' vectors, trained on all frames "
    "of a clip in every step."
)
PAIRS: dict[Twins, str] = {
    "mover": "",
    "direction": "a clip whose mover goes left, right, up or down, and the same clip backwards",
    "order": "a clip in which two of the objects move one after the other, and the same clip backwards",
}


def shapes_result(measured: Sequence[MeasuredShapes]) -> StudyResult:
    """The result from the figures of all runs, in the order of the table: grouped by setting, then by seed."""
    groups = [list(runs) for _, runs in groupby(measured, lambda each: (each[0].gallery.camera, each[0].variant))]
    rows = [_row(runs) for runs in groups]
    recipe = measured[0][0].recipe
    cameras = tuple(dict.fromkeys(run.gallery.camera for run, _ in measured))
    twins = recipe.world.twins
    if twins == "mover":
        ways = ("T2V R@1", RIGHT_MOVER if all(row.figures[RIGHT_MOVER] for row in rows) else "V2T R@1")
        test = MOVER_TEST.format(right=RIGHT_THINGS, mover=RIGHT_MOVER, dropout=recipe.data.alpha_dropout)
    else:
        ways = (f"T2V {AMONG_TWINS}", f"V2T {AMONG_TWINS}")
        test = PAIRS_TEST.format(pair=PAIRS[twins], among=AMONG_TWINS, right=RIGHT_THINGS)
    return StudyResult(
        name="shapes" if twins == "mover" else f"shapes-{twins}",
        question=QUESTIONS[twins],
        about=ABOUT.format(test=test, held=recipe.world.validation_groups),
        protocol=_protocol(measured),
        rows=tuple(rows),
        panels=(
            *(_by_camera(way, rows, cameras) for way in ways),
            *(_curves(camera, groups) for camera in cameras),
            *(
                _questions(camera, rows, among)
                for among in (("", AMONG) if twins == "mover" else ())
                for camera in cameras
            ),
        ),
        notes=tuple(note for camera in cameras for note in _verdicts(camera, rows, ways[0])),
    )


def _row(runs: Sequence[MeasuredShapes]) -> Row:
    """One setting over its seeds."""
    run, first = runs[0]

    def spread(*names: str) -> Spread:
        return Spread.of([_inside(figures, names) for _, figures in runs])

    figures: Figures = {
        f"{way.upper()} {name}": spread(way, key) for way in ("t2v", "v2t") for key, name in METRICS.items()
    }
    figures[RIGHT_THINGS] = spread("right_group")
    if run.gallery.twins == "mover":
        figures[RIGHT_MOVER] = _right_mover([each for _, each in runs])
        for kind in first["questions"]:
            figures[kind] = spread("questions", kind, "R1")
            figures[f"{kind}{AMONG}"] = spread("questions", kind, "right_things_R1")
    else:
        for way in ("t2v", "v2t"):
            figures[f"{way.upper()} {AMONG_TWINS}"] = spread("among_twins", way)
    figures["coverage"] = float(first["coverage"])  # depends on files and mask only: the same for all seeds
    figures["frames without mask"] = float(first["without_mask"])
    return Row({"camera": run.gallery.camera, "mask": run.variant}, figures)


def _right_mover(runs: Sequence[dict[str, Any]]) -> Spread | None:
    """None if a run never finds the right objects."""
    if not all(figures["right_group"] for figures in runs):
        return None
    return Spread.of([100 * figures["t2v"]["R1"] / figures["right_group"] for figures in runs])


def _inside(figures: dict[str, Any], names: Sequence[str]) -> float:
    found: Any = figures
    for name in names:
        found = found[name]
    return float(found)


def _protocol(measured: Sequence[MeasuredShapes]) -> dict[str, Any]:  # Any: plain values
    run, recipe = measured[0][0], measured[0][0].recipe

    def told(name: str) -> str:
        return ", ".join(dict.fromkeys(str(figures[name]) for _, figures in measured))

    return {
        "dataset": "shapes",
        "steps": recipe.optim.steps,
        "seeds": len({run.recipe.seed for run, _ in measured}),
        "runs": len(measured),
        "test_clips": run.gallery.clips,
        "test_seed": run.gallery.facts()["seed"],
        "training_groups": recipe.world.groups,
        "training_seed": recipe.world.seed,
        "image_size": recipe.model.image_size,
        "frames_a_step": recipe.data.frames,
        "frames_tested": recipe.data.test_frames,
        "batch": recipe.optim.batch,
        "lr": recipe.optim.lr,
        "training_seconds": round(sum(figures["seconds"] for _, figures in measured)),
        "machine": told("machine"),
        "torch": told("torch"),
        "commit": told("commit"),
    }


def _by_camera(way: str, rows: Sequence[Row], cameras: tuple[str, ...]) -> Panel:
    curves = []
    for mask in dict.fromkeys(str(row.setting["mask"]) for row in rows):
        points = [row.spread(way) for row in rows if row.setting["mask"] == mask]
        curves.append(Curve.of(mask, cameras, points, control=mask == CONTROL))
    return Panel(f"{way}, test", "camera", f"{way} (%)", tuple(curves), "bars")


def _curves(camera: str, groups: Sequence[Sequence[MeasuredShapes]]) -> Panel:
    """Validation over steps, the mean over seeds between the lowest and the highest."""
    curves = []
    for runs in groups:
        if runs[0][0].gallery.camera == camera:
            steps = tuple(float(step) for step, _ in runs[0][1]["validation"])
            by_step = zip(*([r1 for _, r1 in figures["validation"]] for _, figures in runs), strict=True)
            variant = runs[0][0].variant
            points = [Spread.of(values) for values in by_step]
            curves.append(Curve.of(variant, steps, points, control=variant == CONTROL))
    return Panel(f"T2V R@1, validation, {camera} camera", "step", "R@1 (%)", tuple(curves))


def _questions(camera: str, rows: Sequence[Row], among: str) -> Panel:
    kinds = tuple(name.removesuffix(AMONG) for name in rows[0].figures if name.endswith(AMONG))
    curves = []
    for row in rows:
        if row.setting["camera"] == camera:
            mask = str(row.setting["mask"])
            points = [row.spread(f"{kind}{among}") for kind in kinds]
            curves.append(Curve.of(mask, kinds, points, control=mask == CONTROL))
    return Panel(f"questions{among}, {camera} camera", "", "R@1 (%)", tuple(curves), "bars")


def _verdicts(camera: str, rows: Sequence[Row], way: str) -> list[str]:
    """The gain of each mask over none by one figure, paired by seed."""
    here = {str(row.setting["mask"]): row.spread(way) for row in rows if row.setting["camera"] == camera}
    if CONTROL not in here:
        return []
    notes = []
    for mask, ours in here.items():
        if mask != CONTROL:
            gains = Spread.of([a - b for a, b in zip(ours.runs, here[CONTROL].runs, strict=True)])
            ends = f"{gains.low:+.1f} to {gains.high:+.1f} over {len(gains.runs)} seeds"
            notes.append(f"{camera} camera, {mask}: {way} {gains.value:+.1f} against {CONTROL} ({ends}).")
    return notes
