"""Two systems on the same queries: differences, whether they are luck, and on which queries they come about."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from deltaclip.evaluation.recorded import check_same_material, marked_name
from deltaclip.evaluation.runs import SavedRanks, align_ranks
from deltaclip.evaluation.words import CAPTION_KINDS, CaptionKind, kinds_of
from deltaclip.ranking import Comparison, compare_ranks
from deltaclip.wording import count

__all__ = ["SHOWN_METRICS", "Compared", "QueryPair", "compare_saved"]

SHOWN_METRICS = ("R1", "R5", "R10", "MnR")
"""Of those that are compared, what tables show."""


@dataclass(frozen=True, slots=True)
class QueryPair:
    """One query and its rank by both systems.

    query, video: names. text: what was asked, or None. first, second: ranks from 1. first_found, second_found: the
    video that each system put first, or None if the file does not say.
    """

    query: str
    video: str
    text: str | None
    first: int
    second: int
    first_found: str | None
    second_found: str | None

    @property
    def gain(self) -> float:
        """How many times better the first ranks it, as a logarithm: rank 1 against 10 weighs as 10 against 100."""
        return float(np.log(self.second / self.first))


@dataclass(frozen=True, slots=True)
class Compared:
    """The first system against the second.

    first, second: their names. overall: all queries. by_kind: those with texts of each kind of `words.caption_kind`;
    empty if the texts are not known. wins, losses: queries that the first ranks better and worse, clearest first.
    protocols: how the ranks of the first and the second were made, as saved. grouped: whether intervals and p-values
    draw groups of videos, such as twins, and not single videos.
    """

    first: str
    second: str
    overall: Comparison
    by_kind: Mapping[CaptionKind, Comparison]
    wins: tuple[QueryPair, ...] = field(repr=False)
    losses: tuple[QueryPair, ...] = field(repr=False)
    protocols: tuple[Mapping[str, Any], Mapping[str, Any]] = field(repr=False)  # Any: json
    grouped: bool = False

    @property
    def marked(self) -> tuple[str, str]:
        """Both names with the marks that no form of the figures may lose."""
        return marked_name(self.first, self.protocols[0]), marked_name(self.second, self.protocols[1])

    @property
    def drawn(self) -> str:
        """What intervals and p-values take as independent, with its number: `30 groups of videos`."""
        number = self.overall.clusters
        return f"{count(number, 'group')} of videos" if self.grouped else count(number, "video")

    def to_json(self) -> dict[str, Any]:  # Any: a json document
        """{"first", "second", "grouped", the fields of `Comparison`, "by_kind": {kind: those fields}}."""
        kinds = {kind: part.to_json() for kind, part in self.by_kind.items()}
        names = {"first": self.first, "second": self.second, "grouped": self.grouped}
        return {**names, **self.overall.to_json(), "by_kind": kinds}


def compare_saved(names: tuple[str, str], first: SavedRanks, second: SavedRanks) -> Compared:
    """Compare two rankings of the same queries. names: what the two are called.

    Raises CaptionError that names the first difference if their queries are not the same, or were not ranked among
    the same videos.
    """
    remedy = "Rank the same split of the same data set with both, without missing videos or with the same ones missing."
    check_same_material(names, first.protocol, second.protocol, remedy)
    ours, theirs, groups = align_ranks(first, second)
    place = {query: number for number, query in enumerate(second.queries)}
    order = [place[query] for query in first.queries]
    known = first.texts or (second.texts and tuple(second.texts[number] for number in order))
    kinds = np.array(kinds_of(known)) if known else np.array([])
    by_kind = {}
    for kind in CAPTION_KINDS:
        chosen = np.flatnonzero(kinds == kind)
        if len(chosen):
            by_kind[kind] = compare_ranks(ours[chosen], theirs[chosen], groups[chosen])
    pairs = [
        QueryPair(
            query=query,
            video=first.videos[number],
            text=known[number] if known else None,
            first=int(ours[number]),
            second=int(theirs[number]),
            first_found=_found(first, number),
            second_found=_found(second, order[number]),
        )
        for number, query in enumerate(first.queries)
    ]
    best = sorted((pair for pair in pairs if pair.gain > 0), key=lambda pair: -pair.gain)
    worst = sorted((pair for pair in pairs if pair.gain < 0), key=lambda pair: pair.gain)
    return Compared(
        *names,
        overall=compare_ranks(ours, theirs, groups),
        by_kind=by_kind,
        wins=tuple(best),
        losses=tuple(worst),
        protocols=(first.protocol, second.protocol),
        grouped=first.groups is not None or second.groups is not None,
    )


def _found(saved: SavedRanks, number: int) -> str | None:
    """The video that a system put first."""
    if saved.candidates is None or not saved.candidates[number]:
        return None
    return saved.candidates[number][0][0]
