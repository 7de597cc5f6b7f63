"""A retrieval result as papers print it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from deltaclip.ranking import Metrics, Ranking, Ranks, compute_metrics, sum_of_recalls

__all__ = ["BothWays", "RetrievalResult", "recalls_in_words", "result_of"]


@dataclass(frozen=True, slots=True, repr=False)
class RetrievalResult:
    """Metrics of one evaluation, ties against the query.

    t2v: texts as queries. v2t: videos as queries by CLIP4Clip's rule. v2t_plain: the best own caption among all
    captions. See `deltaclip.ranking` for the rules.
    optimistic: by the names above, the metrics with ties for the query, of those directions that have ties.
    """

    t2v: Metrics
    v2t: Metrics
    v2t_plain: Metrics
    optimistic: Mapping[str, Metrics] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"RetrievalResult({recalls_in_words(self)})"

    @property
    def sum_of_recalls(self) -> float:
        """R@1 + R@5 + R@10 of t2v and v2t, 0..600: "RSum" in papers."""
        return sum_of_recalls(self.t2v, self.v2t)

    def to_json(self) -> dict[str, Any]:  # Any: a json document
        """{"t2v": {the fields of `Metrics`}, "v2t", "v2t_plain", "sum_of_recalls"}, R and nDCG in percent.

        "optimistic" is beside them only if there are ties.
        """
        document: dict[str, Any] = {name: asdict(getattr(self, name)) for name in ("t2v", "v2t", "v2t_plain")}
        document["sum_of_recalls"] = self.sum_of_recalls
        if self.optimistic:
            document["optimistic"] = {name: asdict(metrics) for name, metrics in self.optimistic.items()}
        return document


class BothWays:
    """The figures of both directions, for results that hold more than a `RetrievalResult`."""

    __slots__ = ()
    retrieval: RetrievalResult

    @property
    def t2v(self) -> Metrics:
        """Texts as queries, as in `RetrievalResult`."""
        return self.retrieval.t2v

    @property
    def v2t(self) -> Metrics:
        """Videos as queries, as in `RetrievalResult`."""
        return self.retrieval.v2t


def recalls_in_words(result: RetrievalResult) -> str:
    """T2V and V2T with their recalls, median rank and number of queries, for `repr`."""
    ways = {"T2V": result.t2v, "V2T": result.v2t}
    return "; ".join(
        f"{name} R@1 {way.R1:.1f} R@5 {way.R5:.1f} R@10 {way.R10:.1f} MdR {way.MdR:g} of {way.queries}"
        for name, way in ways.items()
    )


def result_of(ranking: Ranking) -> RetrievalResult:
    """The metrics of a ranking."""
    directions: dict[str, Ranks] = {part.name: getattr(ranking, part.name) for part in fields(ranking)}
    return RetrievalResult(
        **{name: compute_metrics(ranks.pessimistic) for name, ranks in directions.items()},
        optimistic={name: compute_metrics(ranks.optimistic) for name, ranks in directions.items() if ranks.tied},
    )
