"""Worse and worse videos: what becomes of the mask, and what of retrieval."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from deltaclip.evaluation.encoding import MaterialVectors
from deltaclip.evaluation.studies.disturbed import encode_disturbed
from deltaclip.evaluation.studies.mask_overlap import agreement, fed_mask, true_mask
from deltaclip.evaluation.studies.setup import StudySetup, World, estimate, ranks_both_ways
from deltaclip.findings import Curve, Estimate, Panel, Row, StudyResult
from deltaclip.ranking import bootstrap_means, percent_interval
from deltaclip.reader import Clip
from deltaclip.shapes import ShapesSpec

__all__ = ["study_degrade"]

CLIPS = 60
COMPARED = ("difference", "subject", "full")
STILL = ShapesSpec()
SHAKEN = ShapesSpec(camera="shake", shake=0.0)
WORLDS: dict[str, tuple[tuple[float, ShapesSpec], ...]] = {
    "noise": tuple((level, replace(STILL, noise=level)) for level in (0.0, 5.0, 10.0, 20.0, 40.0)),
    "flicker": tuple((share, replace(STILL, flicker=share)) for share in (0.0, 0.04, 0.08, 0.16, 0.32)),
    "shake": tuple((times, replace(SHAKEN, shake=times)) for times in (0.0, 0.25, 0.5, 1.0, 1.75)),
    "compression": tuple((float(crf), replace(STILL, crf=crf)) for crf in (18, 28, 36, 42, 48)),
}
UNITS = {
    "noise": "deviation (grey levels)",
    "flicker": "largest relative change",
    "shake": "strength (1 is a hand)",
    "compression": "x264's crf",
}
DATASET_UNITS = UNITS | {"shake": "deviation (1/1000 of the side)", "compression": "100 less JPEG's quality"}


def study_degrade(setup: StudySetup) -> StudyResult:
    """R@1 and the IoU of what the model is fed with the true motion, over the strength of each disturbance."""
    masks = tuple(dict.fromkeys((setup.motion, *COMPARED)))
    if setup.on_shapes:
        world, measured = _on_shapes(setup, masks)
        about = (
            "Drawn clips, made worse before they are written as files and read like any. IoU: what the model is fed "
            "(alpha above one half, at the model's resolution; a frame without mask counts with its whole picture) "
            "against where the mover is in that frame, a mean over frames, then over clips. `difference` also marks "
            "where the mover was in the sampled frame before, so that its IoU stays below one half even if it "
            "finds all. `shake` has places of its own, since a moving camera needs room. Random: the drawing of clips, "
            "noise, flicker and shake by seed, the bootstrap over groups of twins."
        )
    else:
        world = setup.world(CLIPS)
        measured = list(_on_data_set(setup, world, masks))
        about = (
            "Frames made worse after decoding, each by itself. The true motion is not known: IoU is that of what the "
            "model is fed with the same mask on the undisturbed frames (moved along if the picture is shaken). "
            "Compression is JPEG's. Random: noise, flicker and shake by seed, the bootstrap over videos."
        )
    rows = [Row(setting, figures, setup.encoder_for(str(setting["mask"])).fingerprint) for setting, figures in measured]
    return StudyResult(
        name="degrade",
        question="Does retrieval fail when the mask fails?",
        about=f"{about} `full` is the control: what its curve loses, the picture lost, not the mask.",
        protocol=setup.protocol(world),
        rows=tuple(rows),
        panels=tuple(_panels(rows, masks, UNITS if setup.on_shapes else DATASET_UNITS)),
    )


MeasuredRow = tuple[dict[str, str | float], dict[str, Estimate]]


def _on_shapes(setup: StudySetup, masks: Sequence[str]) -> tuple[World, list[MeasuredRow]]:
    known: dict[ShapesSpec, list[dict[str, Estimate]]] = {}
    rows: list[MeasuredRow] = []
    world = setup.drawn(STILL, setup.num_clips or CLIPS)
    for kind, worlds in WORLDS.items():
        for strength, spec in worlds:
            if spec not in known:
                world = world if spec == STILL else setup.drawn(spec, setup.num_clips or CLIPS)
                known[spec] = _figures_of_world(setup, world, masks, f"{kind} {strength:g}")
            for mask, figures in zip(masks, known[spec], strict=True):
                rows.append(({"disturbance": kind, "strength": strength, "mask": mask}, figures))
    return world, rows


def _figures_of_world(setup: StudySetup, world: World, masks: Sequence[str], what: str) -> list[dict[str, Estimate]]:
    """R@1 and IoU of each mask on one drawn world."""
    overlaps = np.zeros((len(masks), len(world.clips)))

    def look(mask: int, video: int, clip: Clip) -> None:
        overlaps[mask, video] = agreement(fed_mask(clip), true_mask(world.clips[video], clip))

    made = setup.encode(what, world, [setup.encoder_for(mask) for mask in masks], look)
    return [_figures(vectors, world.clusters, row) for vectors, row in zip(made, overlaps, strict=True)]


def _on_data_set(setup: StudySetup, world: World, masks: Sequence[str]) -> Iterator[MeasuredRow]:
    for (kind, strength, mask), vectors, overlaps in encode_disturbed(setup, world, masks):
        figures = _figures(vectors, world.clusters_of(vectors), overlaps)
        yield {"disturbance": kind, "strength": strength, "mask": mask}, figures


def _figures(
    vectors: MaterialVectors, clusters: NDArray[np.int64], overlaps: NDArray[np.float64]
) -> dict[str, Estimate]:
    ranks, _ = ranks_both_ways(vectors)
    iou = percent_interval(100 * overlaps, clusters, bootstrap_means({"IoU": 100 * overlaps}, clusters)["IoU"])
    return {
        "T2V R@1": estimate(ranks, clusters[vectors.owner]),
        "IoU": Estimate(float(overlaps.mean()) * 100, *iou, queries=len(overlaps)),
    }


def _panels(rows: Sequence[Row], masks: Sequence[str], units: dict[str, str]) -> Iterator[Panel]:
    """Retrieval above, IoU below, a column for each disturbance."""
    for figure, label in (("T2V R@1", "R@1 (%)"), ("IoU", "IoU (%)")):
        for kind, unit in units.items():
            curves = []
            for mask in masks:
                own = [row for row in rows if (row.setting["disturbance"], row.setting["mask"]) == (kind, mask)]
                x = tuple(float(str(row.setting["strength"])) for row in own)
                curves.append(Curve.of(mask, x, [row.estimate(figure) for row in own], control=mask == "full"))
            yield Panel(f"{kind}: {figure}", unit, label, tuple(curves))
