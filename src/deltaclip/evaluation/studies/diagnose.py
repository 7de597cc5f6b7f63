"""The signs by which the paper's method fails, each measured and judged."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from deltaclip.errors import VideoError
from deltaclip.evaluation.encoding import MaterialVectors
from deltaclip.evaluation.mask_report import TOO_BRIGHT, TOO_DARK
from deltaclip.evaluation.studies.in_step import (
    Agreement,
    MaskAndMotion,
    agreement_over_shifts,
    claims,
    read_mask_and_motion,
)
from deltaclip.evaluation.studies.setup import StudySetup, World
from deltaclip.evaluation.words import kinds_of
from deltaclip.findings import Curve, Panel, Row, StudyResult
from deltaclip.motion import MotionSpec
from deltaclip.pipeline import Job, Pipeline, single
from deltaclip.reader import ReaderSpec

__all__ = ["study_diagnose"]

CLIPS = 90
LOOKED_AT = 60
"""Clips whose masks are tried at all shifts."""
MANY = 0.2
"""Share of videos with a bad mask from which on the set is named."""
MOSTLY = 0.5
LEAST_AGREEMENT = 0.05
"""Correlation of mask and motion below which shifts cannot be told apart."""
SAME = 1e-5
"""Cosine distance below which two vectors are the same but for rounding."""
HARDLY = 0.01
"""Share of the distance between two videos below which a mask's effect cannot matter."""
FINE, WARNING, UNKNOWN = "fine", "WARNING", "cannot tell"


def study_diagnose(setup: StudySetup) -> StudyResult:
    """A verdict for each sign: mask too bright, too dark, unused, out of step; alpha idle; captions without motion."""
    world = setup.world(CLIPS)
    spec = replace(setup.encoder.reader_spec, motion=MotionSpec.parse(setup.motion))
    pair = [setup.encoder, setup.encoder]
    masked, plain = setup.encode(
        "own mask and none", world, pair, specs=[spec, replace(spec, motion=MotionSpec("full"))]
    )
    films = _films(setup, world, spec) if claims(setup.motion) else []
    effect = 1 - np.sum(masked.videos * plain.videos, axis=1)
    straight = agreement_over_shifts(films) if films else None
    aside = agreement_over_shifts(films, right=spec.image_size // 4) if films else None
    late = agreement_over_shifts(films, later=1) if films else None
    rows = [
        *_mask_signs(masked, spec.num_frames),
        _out_of_step(setup.motion, straight),
        _self_check(straight, aside, late, spec.image_size // 4),
        *_alpha_signs(effect, plain.videos),
        _static_heavy(masked.material.texts),
    ]
    warned = [row for row in rows if row.figures["verdict"] == WARNING]
    warnings = [f"{row.setting['sign']}: {row.figures['measured']}" for row in warned]
    return StudyResult(
        name="diagnose",
        question="Does this set with this encoder show a sign by which the method fails?",
        about=(
            f"The mask `{setup.motion}` and its effect on the vectors. Out of step: the correlation of alpha with the "
            "motion of the pixels, both as the model is fed them, over shifts of the mask in space and time; it must "
            "be highest at no shift. To show that it would be found, the same masks are moved by a quarter of the "
            "picture, and by a frame, on purpose. Alpha: the distance (1 less the cosine) of a video's vector with its "
            "mask to that with the whole picture. Captions: by the word lists in deltaclip.evaluation.words. Limits "
            "are ours. Random: nothing but the drawing of clips."
        ),
        protocol={**setup.protocol(world), "motion": setup.motion},
        rows=tuple(rows),
        panels=tuple(_panels(masked, effect, straight, aside)),
        notes=tuple(warnings) or ("No sign was found.",),
    )


def _films(setup: StudySetup, world: World, spec: ReaderSpec) -> list[MaskAndMotion]:
    """Those of the first clips that can be read; the others were counted when the vectors were made."""
    films: list[MaskAndMotion] = []
    paths = world.material.paths[:LOOKED_AT]
    with Pipeline(single(read_mask_and_motion)) as pipeline:
        for job, results in pipeline.read(Job(number, path, (spec,)) for number, path in enumerate(paths, 1)):
            try:
                films += results
            except VideoError:
                continue  # named and counted by `encode`, or refused there
            setup.progress("shifts", job.key, len(paths))
    return films


def _row(sign: str, measured: str, limit: str, verdict: str) -> Row:
    return Row({"sign": sign}, {"verdict": verdict, "measured": measured, "limit": limit})


def _mask_signs(masked: MaterialVectors, num_frames: int) -> list[Row]:
    bright, dark = float(np.mean(masked.coverage > TOO_BRIGHT)), float(np.mean(masked.coverage < TOO_DARK))
    unused = sum(masked.fallback.values()) / (len(masked.videos) * num_frames)
    reasons = ", ".join(f"{reason} {count}" for reason, count in masked.fallback.items())
    return [
        _row(
            "mask too bright",
            f"{bright:.0%} of the videos have a mean coverage above {TOO_BRIGHT:.0%}",
            f"{MANY:.0%}",
            WARNING if bright > MANY else FINE,
        ),
        _row(
            "mask too dark",
            f"{dark:.0%} of the videos have a mean coverage below {TOO_DARK:.1%}",
            f"{MANY:.0%}",
            WARNING if dark > MANY else FINE,
        ),
        _row(
            "mask not used",
            f"{unused:.0%} of the frames got the whole picture instead" + (f" ({reasons})" if reasons else ""),
            f"{MOSTLY:.0%}",
            WARNING if unused > MOSTLY else FINE,
        ),
    ]


def _out_of_step(motion: str, found: Agreement | None) -> Row:
    sign, limit = "mask and picture out of step", "no shift beyond a pixel"
    if not claims(motion):
        return _row(sign, f"{motion} does not say where the motion is", limit, UNKNOWN)
    if found is None or found.best < LEAST_AGREEMENT:
        return _row(sign, "mask and motion hardly agree at any shift", limit, UNKNOWN)
    verdict = FINE if _near(found.shift, (0, 0, 0)) else WARNING
    return _row(sign, f"{_shift(found)}; {found.at_zero:.2f} at no shift, {found.frames} frames", limit, verdict)


def _self_check(straight: Agreement | None, aside: Agreement | None, late: Agreement | None, pixels: int) -> Row:
    """Whether the same masks, moved on purpose, are found at their new place; on top of any shift they had before."""
    sign, limit = "self-check: masks moved on purpose", "both are found"
    if straight is None or aside is None or late is None or straight.best < LEAST_AGREEMENT:
        return _row(sign, "nothing to move", limit, UNKNOWN)
    frames, down, right = straight.shift
    found = [
        _near(aside.shift, (frames, down, right + pixels)),
        late.values.shape[0] > 1 and _near(late.shift, (frames + 1, down, right)),
    ]
    words = f"{pixels} pixels to the right: {_shift(aside)}; one frame: {_shift(late)}"
    return _row(sign, words, limit, FINE if all(found) else UNKNOWN)


def _near(shift: tuple[int, int, int], expected: tuple[int, int, int]) -> bool:
    """The same frame, and not more than a pixel away."""
    return shift[0] == expected[0] and all(abs(a - b) <= 1 for a, b in zip(shift[1:], expected[1:], strict=True))


def _shift(found: Agreement) -> str:
    frames, down, right = found.shift
    return f"best ({found.best:.2f}) at {right:+d} pixels right, {down:+d} down, {frames:+d} frames"


def _alpha_signs(effect: NDArray[np.float32], videos: NDArray[np.float32]) -> list[Row]:
    same = float(np.mean(effect < SAME))
    apart = _mean_distance(videos)
    rows = [
        _row(
            "alpha does not act",
            f"{same:.0%} of the videos have the same vector with and without their mask",
            f"{MOSTLY:.0%}",
            WARNING if same > MOSTLY else FINE,
        )
    ]
    if len(videos) > 1 and apart > SAME:
        share = max(float(effect.mean()), 0.0) / apart
        measured = f"a mask moves a vector by {share:.2%} of the mean distance between two videos"
        rows.append(_row("alpha hardly acts", measured, f"{HARDLY:.0%}", WARNING if share < HARDLY else FINE))
    else:
        rows.append(_row("alpha hardly acts", "all videos have the same vector", f"{HARDLY:.0%}", UNKNOWN))
    return rows


def _mean_distance(videos: NDArray[np.float32]) -> float:
    """1 less the cosine, mean over pairs of different videos, without the matrix of all pairs."""
    count = len(videos)
    if count < 2:
        return 0.0
    total = videos.sum(axis=0, dtype=np.float64)
    return float(1 - (total @ total - count) / (count * (count - 1)))


def _static_heavy(texts: Sequence[str]) -> Row:
    without = 1 - kinds_of(texts).count("motion") / len(texts)
    measured = f"{without:.0%} of {len(texts)} captions have no motion verb"
    return _row("static-heavy set", measured, f"{MOSTLY:.0%}", WARNING if without > MOSTLY else FINE)


def _panels(
    masked: MaterialVectors, effect: NDArray[np.float32], straight: Agreement | None, aside: Agreement | None
) -> list[Panel]:
    panels = [
        _histogram("Coverage of the masks", "coverage (%)", 100 * masked.coverage, (0.0, 100.0)),
        _histogram("What a mask does to a vector", "1 - cosine", effect, (0.0, max(float(effect.max()), 1e-4))),
    ]
    if straight is not None and aside is not None:
        later, down, right = straight.centre
        x = tuple(float(place - right) for place in range(straight.values.shape[2]))
        curves = [
            Curve(label, x, tuple(found.values[later, down].tolist()), control=found is aside)
            for label, found in (("as fed", straight), ("moved on purpose", aside))
        ]
        panels.append(Panel("Mask against motion", "mask off to the right (pixels)", "correlation", tuple(curves)))
    return panels


def _histogram(title: str, label: str, values: NDArray[np.floating], span: tuple[float, float]) -> Panel:
    counts, edges = np.histogram(values, 10, span)
    names = tuple(f"{middle:.3g}" for middle in ((edges[:-1] + edges[1:]) / 2).tolist())
    return Panel(title, label, "videos", (Curve("videos", names, tuple(float(count) for count in counts)),), "bars")
