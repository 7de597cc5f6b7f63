"""The paper's figure 2: retrieval over the threshold of the difference mask."""

from deltaclip.evaluation.studies.setup import StudySetup, both_estimates, mask_figures
from deltaclip.findings import Curve, Panel, Row, StudyResult
from deltaclip.motion import STUDIED_THRESHOLDS

__all__ = ["study_threshold"]

CLIPS = 300


def study_threshold(setup: StudySetup) -> StudyResult:
    """T2V and V2T R@1 for each threshold, with the encoder's weights as they are, and without a mask."""
    world = setup.world(CLIPS)
    words = [f"difference:threshold={level:g}" for level in STUDIED_THRESHOLDS]
    encoders = [setup.encoder_for(word) for word in (*words, "full")]
    made = setup.encode("thresholds", world, encoders)
    settings: tuple[float | str, ...] = (*STUDIED_THRESHOLDS, "full")
    rows = [
        Row(
            {"mask": level},
            {**both_estimates(vectors, world), **mask_figures(vectors, setup.num_frames)},
            encoder.fingerprint,
        )
        for level, vectors, encoder in zip(settings, made, encoders, strict=True)
    ]
    curves = []
    for way in ("T2V R@1", "V2T R@1"):
        points = [row.estimate(way) for row in rows]
        curves.append(Curve.of(way, STUDIED_THRESHOLDS, points[:-1]))
        curves.append(
            Curve.of(f"{way}, no mask", STUDIED_THRESHOLDS, points[-1:] * len(STUDIED_THRESHOLDS), control=True)
        )
    cover = Curve("mean", STUDIED_THRESHOLDS, tuple(float(vectors.coverage.mean()) * 100 for vectors in made[:-1]))
    return StudyResult(
        name="threshold",
        question="How does retrieval depend on the threshold of the difference mask?",
        about=(
            "One set of weights, the same files and frames, the mask made with each threshold in grey levels of 255; "
            "`full` is no mask at all (alpha all ones). The weights were not retrained for any threshold, so one "
            "that they were trained with has an advantage: `study threshold-retrained` trains for each. Nothing is "
            "random but the drawing of clips and the bootstrap over videos (Moving Shapes: over groups of twins)."
        ),
        protocol=setup.protocol(world),
        rows=tuple(rows),
        panels=(
            Panel("Retrieval", "threshold (grey levels)", "R@1 (%)", tuple(curves), "steps"),
            Panel("Mask", "threshold (grey levels)", "coverage (%)", (cover,), "steps"),
        ),
    )
