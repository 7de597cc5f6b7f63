"""Long videos: one vector for the whole, or one for each piece and the best of them."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from deltaclip.errors import CaptionError
from deltaclip.evaluation.studies.setup import StudySetup, World, estimate
from deltaclip.findings import Curve, Panel, Row, StudyResult
from deltaclip.pipeline import Job, Pipeline
from deltaclip.ranking import any_true_ranks
from deltaclip.reader import read_moments
from deltaclip.shapes import ShapesClip, ShapesSpec, Thing, full_caption

__all__ = ["study_length"]

SCENES = (1, 2, 4, 8, 16)
CLIPS = 60
SCENE_SECONDS = 2.0
"""Of Moving Shapes: 48 frames at 24 a second."""
OFF_BEAT_SECONDS = 3.0
"""Pieces whose borders are not at the cuts, as in real videos."""

Matrix = NDArray[np.float32]


def study_length(setup: StudySetup) -> StudyResult:
    """R@1 for the sentence of one scene, over the number of scenes, by way of pooling."""
    return _on_shapes(setup) if setup.on_shapes else _on_joined_videos(setup)


def _on_shapes(setup: StudySetup) -> StudyResult:
    rows, world = [], None
    for scenes in SCENES:
        world = setup.drawn(ShapesSpec(scenes=scenes), setup.num_clips or CLIPS)
        sentences = [_sentences(clip) for clip in world.clips]
        texts = setup.encoder.encode_texts([text for clip in sentences for text in clip])
        asking = np.repeat(world.clusters, [len(clip) for clip in sentences])
        facts = [set(_facts(clip)) for clip in world.clips]
        true = np.array([[fact in held for held in facts] for clip in world.clips for fact in _facts(clip)])
        [whole] = setup.encode(f"{scenes} scenes, whole", world, [setup.encoder])
        pieces = _pieces(setup, world, SCENE_SECONDS, f"{scenes} scenes, pieces")
        off_beat = _pieces(setup, world, OFF_BEAT_SECONDS, f"{scenes} scenes, pieces off the beat")
        ways = {
            f"whole, {setup.num_frames} frames": texts @ whole.videos.T,
            "whole, mean of all pieces": texts @ _means(pieces).T,
            "best piece of 2 s (one scene)": _best(texts, pieces),
            "best piece of 3 s": _best(texts, off_beat),
        }
        for way, scores in ways.items():
            figures = {"R@1": estimate(any_true_ranks(scores, true), asking)}
            rows.append(Row({"scenes": scenes, "way": way}, figures, setup.encoder.fingerprint))
    assert world is not None
    about = (
        f"Drawn videos of 1 to 16 scenes of 2 s, {len(world.clips)} videos at each length; the query is the full "
        "sentence of one scene, and right if the first video holds a scene that it is true of. `whole` is one "
        f"vector of {setup.num_frames} frames over the whole video, or the mean of the vectors of its pieces (so that "
        "every scene is seen as well as in short videos); `best piece` scores a video by its best moment. Pieces of "
        "2 s are cut exactly between the scenes, which no real video grants; those of 3 s are not. Random: the drawing "
        "of clips, the bootstrap over groups of twins."
    )
    return _result(setup, world, rows, about, "scenes")


def _on_joined_videos(setup: StudySetup) -> StudyResult:
    """Videos of a data set taken together as if joined, on their vectors: each is a piece."""
    world = setup.world(CLIPS)
    [made] = setup.encode("videos", world, [setup.encoder])
    groups = len(made.videos) // SCENES[-1]
    if groups < 2:
        found = f"{len(made.videos)} videos"
        remedy = f"Give at least {2 * SCENES[-1]}: two long videos of {SCENES[-1]} are the least to choose from."
        raise CaptionError(made.material.dataset, found, remedy)
    order = np.random.default_rng(setup.seed).permutation(len(made.videos))[: groups * SCENES[-1]]
    joined = order.reshape(groups, SCENES[-1])
    rows = []
    for scenes in SCENES:
        part = joined[:, :scenes]
        place = np.full(len(made.videos), -1)
        place[part.ravel()] = np.repeat(np.arange(groups), scenes)
        asked = np.flatnonzero(place[made.owner] >= 0)
        texts, own = made.texts[asked], place[made.owner[asked]]
        true = own[:, None] == np.arange(groups)
        pieces = [made.videos[row] for row in part]
        for way, scores in {"mean": texts @ _means(pieces).T, "best piece": _best(texts, pieces)}.items():
            figures = {"R@1": estimate(any_true_ranks(scores, true), made.owner[asked])}
            rows.append(Row({"videos joined": scenes, "way": way}, figures, setup.encoder.fingerprint))
    about = (
        f"1 to 16 videos of the data set taken together as one long video, {groups} such at each length; the query is "
        "a caption of one of them. Joined on their vectors, not as files: `mean` is the mean of the videos' vectors, "
        "`best piece` the best of them, cut exactly between the videos. Random: which videos go together, the "
        "bootstrap over videos."
    )
    return _result(setup, world, rows, about, "videos joined")


def _result(setup: StudySetup, world: World, rows: list[Row], about: str, over: str) -> StudyResult:
    ways = tuple(dict.fromkeys(str(row.setting["way"]) for row in rows))
    x = tuple(float(scenes) for scenes in SCENES)
    curves = [Curve.of(way, x, [row.estimate("R@1") for row in rows if row.setting["way"] == way]) for way in ways]
    return StudyResult(
        name="length",
        question="Does a sentence find its moment in a long video?",
        about=about,
        protocol=setup.protocol(world),
        rows=tuple(rows),
        panels=(Panel("One scene's sentence", over, "R@1 (%)", tuple(curves), log=True),),
    )


def _sentences(clip: ShapesClip) -> list[str]:
    return [full_caption(shot.things, shot.mover) for shot in clip.shots]


def _facts(clip: ShapesClip) -> list[tuple[frozenset[Thing], Thing | None]]:
    """What each scene's sentence says: which objects, and which of them moves."""
    return [(frozenset(shot.things), None if shot.mover is None else shot.things[shot.mover]) for shot in clip.shots]


def _pieces(setup: StudySetup, world: World, seconds: float, what: str) -> list[Matrix]:
    """The vectors of the pieces of each video, (pieces, D) each."""
    found = []
    jobs = (Job(number, path, (setup.encoder.reader_spec, seconds)) for number, path in enumerate(world.material.paths))
    with Pipeline(read_moments) as pipeline:
        for job, clips in pipeline.read(jobs):
            found.append(setup.encoder.encode_clips(clips))
            setup.progress(what, job.key + 1, len(world.material.paths))
    return found


def _means(pieces: Iterable[Matrix]) -> Matrix:
    """(V, D) unit rows: the mean of each video's pieces."""
    means = np.stack([part.mean(axis=0) for part in pieces])
    return np.asarray(means / np.linalg.norm(means, axis=1, keepdims=True), np.float32)


def _best(texts: Matrix, pieces: Iterable[Matrix]) -> Matrix:
    """(Q, V): the score of each video's best piece."""
    return np.stack([(texts @ part.T).max(axis=1) for part in pieces], axis=1)
