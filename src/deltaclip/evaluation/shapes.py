"""`evaluate shapes`: fixed worlds of drawn clips, through real mp4 files and the whole encoder."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from deltaclip.encoder import Encoder
from deltaclip.evaluation.encoding import encode_material
from deltaclip.evaluation.material import shapes_material
from deltaclip.evaluation.result import RetrievalResult, evaluate_vectors
from deltaclip.shapes import TEST_SEED, ShapesSpec, make_world

__all__ = ["DEFAULT_CLIPS", "DEFAULT_SEED", "DEFAULT_WORLD", "ShapesResult", "evaluate_shapes"]

DEFAULT_WORLD = ShapesSpec()
DEFAULT_CLIPS = 300
DEFAULT_SEED = TEST_SEED


@dataclass(frozen=True, slots=True)
class ShapesResult:
    """What came out, and of what.

    retrieval: both directions. right_group: percent of texts whose first video holds the right things, whichever
    of them moves; a third of it is what an encoder that does not see motion reaches as R@1.
    fallback: how many frames got the whole picture instead of their mask, by reason.
    seed, clips, encoder, fingerprint, motion, num_frames: how it was made.
    """

    retrieval: RetrievalResult
    right_group: float
    fallback: dict[str, int]
    seed: int
    clips: int
    encoder: str
    fingerprint: str
    motion: str | None
    num_frames: int

    def to_json(self) -> dict[str, Any]:  # Any: a json document
        """The retrieval figures, "right_group", "fallback" and a "protocol" that tells how they were made."""
        protocol = {
            "dataset": "shapes",
            "seed": self.seed,
            "clips": self.clips,
            "encoder": self.encoder,
            "fingerprint": self.fingerprint,
            "motion": self.motion,
            "num_frames": self.num_frames,
        }
        return {
            **self.retrieval.to_json(),
            "right_group": self.right_group,
            "fallback": self.fallback,
            "protocol": protocol,
        }


def evaluate_shapes(
    encoder: Encoder,
    spec: ShapesSpec = DEFAULT_WORLD,
    *,
    seed: int = DEFAULT_SEED,
    num_clips: int = DEFAULT_CLIPS,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> ShapesResult:
    """Rank clips of a drawn world for their full captions, both ways.

    Clips come in groups of twins: the same things, another mover. They are written as mp4 and read as any file is.
    progress is called with (videos done, videos in all).
    """
    with tempfile.TemporaryDirectory(prefix="deltaclip-shapes-") as folder:
        material = shapes_material(Path(folder), spec, seed, num_clips)
        vectors = encode_material(encoder, material, progress=progress)
    groups = np.array([clip.group for clip in make_world(seed, num_clips, spec)])
    first = np.argmax(vectors.texts @ vectors.videos.T, axis=1)
    return ShapesResult(
        retrieval=evaluate_vectors(vectors.texts, vectors.videos, vectors.owner),
        fallback=vectors.fallback,
        right_group=float(np.mean(groups[first] == groups) * 100),
        seed=seed,
        clips=len(material.videos),
        encoder=encoder.name,
        fingerprint=encoder.fingerprint,
        motion=encoder.reader_spec.motion,
        num_frames=encoder.reader_spec.num_frames,
    )
