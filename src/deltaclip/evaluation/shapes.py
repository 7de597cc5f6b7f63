"""`evaluate shapes`: fixed worlds of drawn clips, through real mp4 files and the whole encoder."""

import tempfile
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from deltaclip.encoder import Encoder
from deltaclip.evaluation.encoding import encode_material
from deltaclip.evaluation.evaluation import Evaluation, evaluate_material
from deltaclip.evaluation.material import shapes_material
from deltaclip.shapes import TEST_SEED, ShapesSpec, make_world

__all__ = ["DEFAULT_CLIPS", "DEFAULT_SEED", "DEFAULT_WORLD", "evaluate_shapes"]

DEFAULT_WORLD = ShapesSpec()
DEFAULT_CLIPS = 300
DEFAULT_SEED = TEST_SEED


def evaluate_shapes(
    encoder: Encoder,
    spec: ShapesSpec = DEFAULT_WORLD,
    *,
    seed: int = DEFAULT_SEED,
    num_clips: int = DEFAULT_CLIPS,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Evaluation:
    """Rank clips of a drawn world for their full captions, both ways.

    Clips come in groups of twins: the same objects, a different mover. They are written as mp4 and read as any file is.
    The intervals draw whole groups, because the ranks of twins are not independent.
    progress is called with (videos done, videos in all).
    """
    with tempfile.TemporaryDirectory(prefix="deltaclip-shapes-") as folder:
        material = shapes_material(Path(folder), spec, seed, num_clips)
        vectors = encode_material(encoder, material, progress=progress)
    groups = np.array([clip.group for clip in make_world(seed, num_clips, spec)])
    first = np.argmax(vectors.texts @ vectors.videos.T, axis=1)
    evaluation = evaluate_material(encoder, vectors)
    return replace(
        evaluation,
        protocol=replace(evaluation.protocol, world=asdict(spec)),
        right_group=float(np.mean(groups[first] == groups) * 100),
    )
