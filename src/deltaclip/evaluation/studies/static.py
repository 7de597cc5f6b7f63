"""Queries about what does not move: what a mask of motion costs there."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from deltaclip.evaluation.studies.setup import StudySetup, World, estimate, ranks_both_ways
from deltaclip.evaluation.words import CAPTION_KINDS, kinds_of
from deltaclip.findings import Curve, Panel, Row, StudyResult
from deltaclip.ranking import any_true_ranks
from deltaclip.shapes import ShapesSpec, ask

__all__ = ["study_static"]

CLIPS = 240
COMPARED = ("full", "difference", "subject", "inverted", "random")


def study_static(setup: StudySetup) -> StudyResult:
    """T2V R@1 by kind of query, for the encoder's own mask and the compared ones."""
    masks = tuple(dict.fromkeys((setup.motion, *COMPARED)))
    return _on_shapes(setup, masks) if setup.on_shapes else _on_captions(setup, masks)


def _on_shapes(setup: StudySetup, masks: Sequence[str]) -> StudyResult:
    """One gallery: clips with a mover, and one clip of each group's objects in which nothing moves."""
    moving = setup.drawn(ShapesSpec(), setup.num_clips or CLIPS)
    still = setup.drawn(ShapesSpec(static_only=True), len(set(moving.clusters.tolist())))
    gallery = _joined(moving, still)
    kinds = ask(moving.clips, still.clips)
    encoders = [setup.encoder_for(mask) for mask in masks]
    made = setup.encode("moving and still", gallery, encoders)
    rows = []
    for mask, encoder, vectors in zip(masks, encoders, made, strict=True):
        for kind, questions in kinds.items():
            scores = encoder.encode_texts(questions.texts) @ vectors.videos.T
            true, same = questions.true, questions.same_things
            own = np.where(same, scores, -np.inf)
            figures = {
                "R@1": estimate(any_true_ranks(scores, true), questions.groups),
                "right objects only: R@1": estimate(any_true_ranks(own, true & same), questions.groups),
            }
            rows.append(Row({"mask": mask, "query": kind}, figures, encoder.fingerprint))
    return StudyResult(
        name="static",
        question="What becomes of questions about objects that do not move?",
        about=(
            "One gallery of drawn clips: groups of twins (the same objects, a different mover), and for each group a "
            'clip in which nothing moves. A query is right if it is true of the first clip, since "the red circle '
            'moves" is true of several; `stayers only` names the objects that stay in a clip with a mover (true '
            "also of the still clip), `nothing moves` is the sentence of a still clip. `right objects only` ranks "
            "only the clips of the query's own group: all hold the named objects, and only motion tells them apart. "
            "Random: the drawing of clips, the places of `random`, the bootstrap over groups of twins."
        ),
        protocol={**setup.protocol(gallery), "texts": sum(len(each.texts) for each in kinds.values())},
        rows=tuple(rows),
        panels=tuple(_panel(title, rows, masks, tuple(kinds)) for title in rows[0].figures),
    )


def _on_captions(setup: StudySetup, masks: Sequence[str]) -> StudyResult:
    """The captions of a data set by `words.caption_kind`."""
    world = setup.world(CLIPS)
    encoders = [setup.encoder_for(mask) for mask in masks]
    made = setup.encode("masks", world, encoders)
    kinds = np.array(kinds_of(made[0].material.texts))
    present = tuple(kind for kind in CAPTION_KINDS if (kinds == kind).any())
    rows = []
    for mask, encoder, vectors in zip(masks, encoders, made, strict=True):
        ranks, _ = ranks_both_ways(vectors)
        groups = world.clusters_of(vectors)[vectors.owner]
        for kind in present:
            figures = {"R@1": estimate(ranks[kinds == kind], groups[kinds == kind])}
            rows.append(Row({"mask": mask, "query": kind}, figures, encoder.fingerprint))
    return StudyResult(
        name="static",
        question="What becomes of questions about objects that do not move?",
        about=(
            "T2V R@1 over the whole gallery, for the captions with a motion verb, those with a static noun and no such "
            "verb, and the rest, by the word lists in deltaclip.evaluation.words. Random: the bootstrap over videos."
        ),
        protocol=setup.protocol(world),
        rows=tuple(rows),
        panels=(_panel("R@1", rows, masks, present),),
    )


def _panel(figure: str, rows: Sequence[Row], masks: Sequence[str], kinds: tuple[str, ...]) -> Panel:
    curves = [
        Curve.of(mask, kinds, [row.estimate(figure) for row in rows if row.setting["mask"] == mask]) for mask in masks
    ]
    return Panel(figure.replace(": R@1", ""), "", "R@1 (%)", tuple(curves), "bars")


def _joined(first: World, second: World) -> World:
    """Both sets of files as one gallery, for their videos; queries are made by the study."""
    one, two = first.material, second.material
    material = replace(
        one,
        videos=tuple(f"{name}-{number}" for number, part in ((1, one), (2, two)) for name in part.videos),
        paths=one.paths + two.paths,
        texts=one.texts + two.texts,
        owner=np.concatenate([one.owner, two.owner + len(one.videos)]),
        groups=(one.groups or ()) + (two.groups or ()),  # a still clip has the objects of the twins of its group
    )
    return World(material, first.clips + second.clips, np.concatenate([first.clusters, second.clusters]))
