"""Videos found by the best of their segments, as `index` keeps them, beside one mean a video, as benchmarks have it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deltaclip.encoder import Encoder
from deltaclip.errors import VideoError
from deltaclip.evaluation.bootstrap import RetrievalIntervals, retrieval_intervals
from deltaclip.evaluation.cost import Cost
from deltaclip.evaluation.evaluation import Evaluation
from deltaclip.evaluation.material import Material
from deltaclip.evaluation.postprocess import DualSoftmax, processed_scores
from deltaclip.evaluation.protocol import Protocol
from deltaclip.evaluation.result import RetrievalResult, recalls_in_words, result_of
from deltaclip.evaluation.scored import Scored
from deltaclip.pipeline import Job, Pipeline, usual_workers
from deltaclip.ranking import Block, Comparison, Metrics, Ranking, compare_ranks, row_blocks
from deltaclip.reader import read_moments

__all__ = ["SegmentEvaluation", "SegmentVectors", "encode_segments", "evaluate_segments"]

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
class SegmentEvaluation:
    """The figures of ranking by the best segment, and those of one mean a video, of the same videos and captions.

    segments: how many there are. gain: T2V by the best segment against T2V by one mean, query by query. cost: as of
    `Evaluation`, with all frames of all segments.
    """

    retrieval: RetrievalResult
    intervals: RetrievalIntervals
    protocol: Protocol
    ranking: Ranking = field(repr=False)
    scored: Scored = field(repr=False)
    whole: Evaluation
    segments: int
    gain: Comparison = field(repr=False)
    cost: Cost | None = None

    def __repr__(self) -> str:
        return f"SegmentEvaluation({self.protocol.pooling}: {recalls_in_words(self.retrieval)})"

    @property
    def t2v(self) -> Metrics:
        """Texts as queries, as in `RetrievalResult`."""
        return self.retrieval.t2v

    @property
    def v2t(self) -> Metrics:
        """Videos as queries, as in `RetrievalResult`."""
        return self.retrieval.v2t

    def to_json(self) -> dict[str, Any]:  # Any: json
        """The figures of `RetrievalResult`, "intervals", "cost", "protocol", "segments": how many, "whole": the
        evaluation by one mean, and "gain" over it, as `compare` gives it."""
        return {
            **self.retrieval.to_json(),
            "intervals": self.intervals.to_json(),
            "cost": self.cost and self.cost.to_json(),
            "protocol": self.protocol.to_json(),
            "segments": self.segments,
            "gain": self.gain.to_json(),
            "whole": self.whole.to_json(),
        }


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
    named, vectors = whole.scored.named, whole.vectors
    blocks = processed_scores(found.best(vectors.texts, named.owner), len(named.videos), post)
    ranking = blocks.rank(named.owner, len(named.videos))
    clusters = np.arange(len(named.videos)) if named.clusters is None else named.clusters
    return SegmentEvaluation(
        retrieval=result_of(ranking),
        intervals=retrieval_intervals(ranking, named.owner, named.clusters),
        protocol=replace(whole.protocol, pooling=f"best segment of {seconds:g} s"),
        ranking=ranking,
        scored=Scored(named, blocks),
        whole=whole,
        segments=len(found.rows),
        gain=compare_ranks(ranking.t2v.pessimistic, whole.ranking.t2v.pessimistic, clusters[named.owner]),
        cost=whole.cost and whole.cost.of_segments(len(found.rows), lambda row: found.scores(row[None]), vectors.texts),
    )
