"""Videos found by the best of their segments, as `index` keeps them, beside one mean a video, as benchmarks have it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deltaclip.encoder import Encoder
from deltaclip.errors import VideoError
from deltaclip.evaluation.against_mean import AgainstMean, ranked_against
from deltaclip.evaluation.evaluation import Evaluation
from deltaclip.evaluation.material import Material
from deltaclip.evaluation.postprocess import DualSoftmax, processed_scores
from deltaclip.pipeline import Job, Pipeline, usual_workers
from deltaclip.ranking import Block, row_blocks
from deltaclip.reader import read_moments

__all__ = ["SegmentEvaluation", "SegmentVectors", "by_segments", "encode_segments", "evaluate_segments"]

BLOCK_ROWS = 256


@dataclass(frozen=True, slots=True, eq=False)
class SegmentVectors:
    """The segments of all videos. rows: (S, D) float32, unit rows. starts: (V,) int64, the first row of each video."""

    rows: NDArray[np.float32] = field(repr=False)
    starts: NDArray[np.int64] = field(repr=False)

    def best(self, texts: NDArray[np.float32], owner: NDArray[np.int64]) -> Callable[[], Iterator[Block]]:
        """Blocks of the score of each video's best segment. texts: (Q, D), unit rows. owner: (Q,), each one's video."""

        def blocks() -> Iterator[Block]:
            for places in row_blocks(owner, BLOCK_ROWS):
                yield places, self.scores(texts[places])

        return blocks

    def scores(self, texts: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n, D) unit rows -> (n, V): the score of each video's best segment."""
        scores: NDArray[np.float32] = np.maximum.reduceat(texts @ self.rows.T, self.starts, axis=1)
        return scores


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class SegmentEvaluation(AgainstMean):
    """The figures of ranking by the best segment, and those of one mean a video, of the same videos and captions.

    segments: how many there are; all frames of all of them are in the cost.
    """

    segments: int

    def to_json(self) -> dict[str, Any]:  # Any: json
        """As `AgainstMean`, and "segments": how many."""
        return {**AgainstMean.to_json(self), "segments": self.segments}

    def lines(self) -> list[str]:
        """For people, beside its figures."""
        return [f"{self.segments:,} segments; {self.gain_line()}"]


def encode_segments(
    encoder: Encoder,
    material: Material,
    seconds: float,
    *,
    workers: int | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> SegmentVectors:
    """The vectors of all segments, cut as `index` cuts. seconds: their longest length.

    workers: child processes that read, None for the usual number. progress: called with (videos done, videos in all).
    Of a file that is damaged the segments before the damage count. Raises VideoError for one without any.
    """
    vectors: list[NDArray[np.float32]] = []
    jobs = (Job(number, path, (encoder.reader_spec, seconds)) for number, path in enumerate(material.paths))
    with Pipeline(read_moments, usual_workers() if workers is None else workers) as pipeline:
        for job, clips in pipeline.read(jobs):
            own = list[NDArray[np.float32]]()
            try:
                own.extend(encoder.encode_clips([clip]) for clip in clips)
            except VideoError:
                if not own:
                    raise
            vectors.append(np.concatenate(own))
            progress(job.key + 1, len(material.paths))
    counts = [len(own) for own in vectors]
    return SegmentVectors(np.concatenate(vectors), np.cumsum([0, *counts[:-1]]).astype(np.int64))


def evaluate_segments(
    whole: Evaluation, found: SegmentVectors, seconds: float, post: DualSoftmax | None = None
) -> SegmentEvaluation:
    """Ranks segments of the videos of an evaluation. whole: by one mean a video, with the same `post`."""
    texts, owner = whole.vectors.texts, whole.vectors.owner
    blocks = processed_scores(found.best(texts, owner), len(found.starts), post)
    cost = whole.cost and whole.cost.of_segments(len(found.rows), lambda row: found.scores(row[None]), texts)
    return SegmentEvaluation(
        **ranked_against(whole, blocks),
        protocol=replace(whole.protocol, pooling=f"best segment of {seconds:g} s"),
        cost=cost,
        segments=len(found.rows),
    )


def by_segments(
    encoder: Encoder,
    whole: Evaluation,
    seconds: float,
    post: DualSoftmax | None = None,
    *,
    workers: int | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> SegmentEvaluation:
    """Encodes and ranks the segments of the videos of an evaluation: see `encode_segments` and `evaluate_segments`."""
    found = encode_segments(encoder, whole.vectors.material, seconds, workers=workers, progress=progress)
    return evaluate_segments(whole, found, seconds, post)
