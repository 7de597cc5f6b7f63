"""A ranking by more than one vector a video, beside that of the same videos and captions by one mean."""

from dataclasses import dataclass, field
from typing import Any, TypedDict

import numpy as np

from deltaclip.evaluation.bootstrap import RetrievalIntervals, retrieval_intervals
from deltaclip.evaluation.cost import Cost
from deltaclip.evaluation.evaluation import Evaluation
from deltaclip.evaluation.postprocess import ProcessedBlocks
from deltaclip.evaluation.protocol import Protocol
from deltaclip.evaluation.result import BothWays, RetrievalResult, recalls_in_words, result_of
from deltaclip.evaluation.scored import Scored
from deltaclip.ranking import Comparison, Ranking, compare_ranks

__all__ = ["AgainstMean", "RankedAgainst", "ranked_against"]


class RankedAgainst(TypedDict):
    """The fields of `AgainstMean` that follow from scores."""

    retrieval: RetrievalResult
    intervals: RetrievalIntervals
    ranking: Ranking
    scored: Scored
    whole: Evaluation
    gain: Comparison


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class AgainstMean(BothWays):
    """The figures of another way of scoring, and those of one mean a video.

    whole: the evaluation by one mean. gain: T2V against T2V of that, query by query. cost: None if that of one mean was
    not measured.
    """

    retrieval: RetrievalResult
    intervals: RetrievalIntervals
    protocol: Protocol
    ranking: Ranking = field(repr=False)
    scored: Scored = field(repr=False)
    whole: Evaluation
    gain: Comparison = field(repr=False)
    cost: Cost | None

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.way}: {recalls_in_words(self.retrieval)})"

    @property
    def way(self) -> str:
        """How videos were scored, in words."""
        return self.protocol.pooling

    def to_json(self) -> dict[str, Any]:  # Any: json
        """The figures of `RetrievalResult`, "intervals", "cost", "protocol", "whole": the evaluation by one mean, and
        "gain" over it, as `compare` gives it."""
        return {
            **self.retrieval.to_json(),
            "intervals": self.intervals.to_json(),
            "cost": self.cost and self.cost.to_json(),
            "protocol": self.protocol.to_json(),
            "gain": self.gain.to_json(),
            "whole": self.whole.to_json(),
        }

    def gain_line(self) -> str:
        """For people: what it is worth beside one mean a video."""
        gain, before = self.gain.metrics["R1"], self.whole.retrieval.t2v.R1
        return (
            f"T2V R@1 by one mean a video {before:.1f}: by {self.way} {gain.difference:+.1f} [{gain.interval[0]:+.1f}, "
            f"{gain.interval[1]:+.1f}], p {gain.p_value:.4f}"
        )


def ranked_against(whole: Evaluation, blocks: ProcessedBlocks) -> RankedAgainst:
    """Ranks scores of the same texts and videos as an evaluation's. blocks: with the same post-processing."""
    named = whole.scored.named
    ranking = blocks.rank(named.owner, len(named.videos))
    clusters = np.arange(len(named.videos)) if named.clusters is None else named.clusters
    return {
        "retrieval": result_of(ranking),
        "intervals": retrieval_intervals(ranking, named.owner, named.clusters),
        "ranking": ranking,
        "scored": Scored(named, blocks),
        "whole": whole,
        "gain": compare_ranks(ranking.t2v.pessimistic, whole.ranking.t2v.pessimistic, clusters[named.owner]),
    }
