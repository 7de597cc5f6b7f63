"""Bootstrap intervals of a whole evaluation, both directions over the same drawn videos."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deltaclip.ranking import Interval, Ranking, bootstrap_replicates, percentile_interval, rank_intervals
from deltaclip.wording import count

__all__ = ["RetrievalIntervals", "retrieval_intervals"]

FEW_VIDEOS = 10
"""Below it a bootstrap over videos is much too narrow: it can draw only what it has."""


@dataclass(frozen=True, slots=True)
class RetrievalIntervals:
    """Where the figures of a `RetrievalResult` would be if other videos had been drawn.

    t2v, v2t, v2t_plain: by name of the metric. sum_of_recalls: of t2v and v2t on the same samples.
    level: share of samples inside, 0..1. samples, seed: how they were drawn. videos: of how many. groups: how many
    groups of videos were drawn from instead of single videos, None if each video is independent.
    """

    t2v: Mapping[str, Interval]
    v2t: Mapping[str, Interval]
    v2t_plain: Mapping[str, Interval]
    sum_of_recalls: Interval
    level: float
    samples: int
    seed: int
    videos: int
    groups: int | None = None

    @property
    def warning(self) -> str | None:
        """What to know if too few videos were drawn from; of one the interval has no width at all."""
        drawn = self.videos if self.groups is None else self.groups
        if drawn >= FEW_VIDEOS:
            return None
        what = count(drawn, "video") if self.groups is None else f"{count(drawn, 'group')} of videos"
        return f"intervals over {what} are too narrow: with fewer than {FEW_VIDEOS} they say little"

    def to_json(self) -> dict[str, Any]:  # Any: a json document
        """{"t2v": {"R1": [low, high], ...}, "v2t", "v2t_plain", "sum_of_recalls": [low, high], "level", ...}.

        "groups" is there if groups of videos were drawn, "warning" if fewer than 10 groups or videos were drawn from.
        """
        directions = {name: getattr(self, name) for name in ("t2v", "v2t", "v2t_plain")}
        return {
            **{way: {name: list(pair) for name, pair in pairs.items()} for way, pairs in directions.items()},
            "sum_of_recalls": list(self.sum_of_recalls),
            "level": self.level,
            "samples": self.samples,
            "seed": self.seed,
            "videos": self.videos,
            **({} if self.groups is None else {"groups": self.groups}),
            **({} if self.warning is None else {"warning": self.warning}),
        }


def retrieval_intervals(
    ranking: Ranking,
    owner: NDArray[np.int64],
    clusters: NDArray[np.int64] | None = None,
    *,
    samples: int = 2000,
    level: float = 0.95,
    seed: int = 0,
) -> RetrievalIntervals:
    """Percentile bootstrap over videos. owner: (Q,), each text's video, as it was ranked.

    clusters: (V,), the number of the group that each video is in, if groups are to be drawn whole because their videos
    are not independent; None if each video is. t2v draws with all captions. One seed draws the same videos for all
    directions: each knows the videos that own a text, in order.
    """
    asking = np.unique(owner)  # the videos that own a text; they alone are queries of v2t
    videos = np.arange(len(ranking.v2t.pessimistic)) if clusters is None else clusters[asking]
    texts = owner if clusters is None else clusters[owner]
    groups = {"t2v": texts, "v2t": videos, "v2t_plain": videos}
    replicates = {
        way: bootstrap_replicates(getattr(ranking, way).pessimistic, group, samples=samples, seed=seed)
        for way, group in groups.items()
    }
    recalls = [replicates[way][name] for way in ("t2v", "v2t") for name in ("R1", "R5", "R10")]
    return RetrievalIntervals(
        **{
            way: rank_intervals(getattr(ranking, way).pessimistic, groups[way], by_name, level)
            for way, by_name in replicates.items()
        },
        sum_of_recalls=percentile_interval(np.sum(recalls, axis=0), level),
        level=level,
        samples=samples,
        seed=seed,
        videos=len(videos),
        groups=None if clusters is None else len(np.unique(videos)),
    )
