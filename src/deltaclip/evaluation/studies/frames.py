"""Retrieval over the number of frames."""

from deltaclip.evaluation.studies.setup import StudySetup, both_estimates, mask_figures
from deltaclip.findings import Curve, Panel, Row, StudyResult

__all__ = ["study_frames"]

NUM_FRAMES = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32)
CLIPS = 150


def study_frames(setup: StudySetup) -> StudyResult:
    """T2V and V2T R@1 with 1 to 32 frames, with the encoder's own mask and without one."""
    world = setup.world(CLIPS)
    masks = tuple(dict.fromkeys((setup.motion, "full")))
    rows = []
    for number in NUM_FRAMES:
        encoders = [setup.encoder_for(mask, number) for mask in masks]
        made = setup.encode(f"{number} frames", world, encoders)
        for mask, vectors, encoder in zip(masks, made, encoders, strict=True):
            figures = {**both_estimates(vectors, world), **mask_figures(vectors, number)}
            rows.append(Row({"frames": number, "mask": mask}, figures, encoder.fingerprint))
    x = tuple(float(number) for number in NUM_FRAMES)

    def panel(way: str) -> Panel:
        curves = []
        for mask in masks:
            points = [row.estimate(way) for row in rows if row.setting["mask"] == mask]
            curves.append(Curve.of(mask, x, points, control=mask == "full"))
        return Panel(way, "frames", "R@1 (%)", tuple(curves), log=True)

    return StudyResult(
        name="frames",
        question="How many frames of a video does retrieval need?",
        about=(
            "The same weights and files; frames at the middles of equal spans of time. More frames are also nearer to "
            "each other, so that a mask made of differences between sampled frames sees less of a slow motion: "
            "`coverage` and `frames without mask` (those that got the whole picture instead) tell. The weights were "
            f"not retrained for any number; this encoder's own is {setup.num_frames}. Nothing is random but the "
            "drawing of clips and the bootstrap over videos (Moving Shapes: over groups of twins)."
        ),
        protocol=setup.protocol(world),
        rows=tuple(rows),
        panels=(panel("T2V R@1"), panel("V2T R@1")),
    )
