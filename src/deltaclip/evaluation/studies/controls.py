"""Every mask with the same weights: what the mask itself gives."""

from deltaclip.evaluation.studies.setup import StudySetup, both_estimates, mask_figures, ranks_both_ways
from deltaclip.findings import Curve, Estimate, Panel, Row, StudyResult
from deltaclip.motion import MOTIONS
from deltaclip.ranking import compare_ranks

__all__ = ["study_controls"]

VARIANTS = ("subject:binary", "subject:floor=0.2", "subject:binary,floor=0.2", "difference:floor=0.2")
CLIPS = 300


def study_controls(setup: StudySetup) -> StudyResult:
    """T2V and V2T R@1 with each mask, and the paired difference to `full`."""
    world = setup.world(CLIPS)
    masks = tuple(dict.fromkeys((setup.motion, *MOTIONS, *VARIANTS)))
    encoders = [setup.encoder_for(mask) for mask in masks]
    made = dict(zip(masks, setup.encode("masks", world, encoders), strict=True))
    without_mask, _ = ranks_both_ways(made["full"])
    rows = []
    for mask, encoder in zip(masks, encoders, strict=True):
        vectors = made[mask]
        groups = world.clusters_of(vectors)[vectors.owner]
        against = compare_ranks(ranks_both_ways(vectors)[0], without_mask, groups).metrics["R1"]
        gain = Estimate(against.difference, *against.interval, queries=len(without_mask))
        figures = {
            **both_estimates(vectors, world),
            "T2V R@1 less full": gain,
            "p": against.p_value,
            **mask_figures(vectors, setup.num_frames),
        }
        rows.append(Row({"mask": mask}, figures, encoder.fingerprint))

    def curve(way: str) -> Curve:
        return Curve.of(way, masks, [row.estimate(way) for row in rows])

    return StudyResult(
        name="controls",
        question="Does the mask give the result, or would any mask, or none?",
        about=(
            "One set of weights, the same files and frames, a different mask: `full` is none, `random` the difference "
            "mask in a wrong place, `inverted` what does not move, `centre` a box in the middle. `subject` is fed with "
            "shades, `binary` without, `floor=0.2` hides nothing altogether. A gain that a control shows too is not "
            f"the mask's. The weights belong to `{setup.encoder.record.motion or 'no mask'}`: every other mask is new "
            "to them, so a low figure says that it is strange to them as much as that it is wrong. `T2V R@1 less full` "
            "is paired over the same queries, with a permutation p-value, not corrected for the number of masks. "
            "Random: the drawing of clips, the places of `random`, the bootstrap over videos (Moving Shapes: groups of "
            "twins)."
        ),
        protocol=setup.protocol(world),
        rows=tuple(rows),
        panels=(Panel("Masks, same weights", "", "R@1 (%)", (curve("T2V R@1"), curve("V2T R@1")), "bars"),),
    )
