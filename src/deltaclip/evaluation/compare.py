"""Two systems on the same queries: differences, whether they are luck, and on which queries they come about."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deltaclip.encoder import Encoder
from deltaclip.evaluation.material import Vectors
from deltaclip.evaluation.runs import SavedRanks, align_ranks, named_candidates
from deltaclip.evaluation.words import KINDS, CaptionKind, kinds_of
from deltaclip.ranking import Comparison, compare_ranks, rank_blocks, similarity_blocks, top_candidates

__all__ = ["Compared", "QueryPair", "compare_saved", "ranks_of"]


@dataclass(frozen=True, slots=True)
class QueryPair:
    """One query and its rank by both systems.

    query, video: names. text: what was asked, or None. first, second: ranks from 1. first_found, second_found: the
    video that each system put first, or None where the file does not say.
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
    empty where the texts are not known. wins, losses: queries that the first ranks better and worse, clearest first.
    """

    first: str
    second: str
    overall: Comparison
    by_kind: Mapping[CaptionKind, Comparison]
    wins: tuple[QueryPair, ...] = field(repr=False)
    losses: tuple[QueryPair, ...] = field(repr=False)

    def to_json(self) -> dict[str, Any]:  # Any: a json document
        """{"first", "second", the fields of `Comparison`, "by_kind": {kind: those fields}}."""
        kinds = {kind: part.to_json() for kind, part in self.by_kind.items()}
        return {"first": self.first, "second": self.second, **self.overall.to_json(), "by_kind": kinds}


def compare_saved(names: tuple[str, str], first: SavedRanks, second: SavedRanks) -> Compared:
    """Compare two rankings of the same queries. names: what the two are called.

    Raises CaptionError that names the first difference where their queries are not the same.
    """
    ours, theirs, groups = align_ranks(first, second)
    place = {query: number for number, query in enumerate(second.queries)}
    order = [place[query] for query in first.queries]
    known = first.texts or (second.texts and tuple(second.texts[number] for number in order))
    kinds = np.array(kinds_of(known)) if known else np.array([])
    by_kind = {}
    for kind in KINDS:
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
    return Compared(*names, compare_ranks(ours, theirs, groups), by_kind, tuple(best), tuple(worst))


def ranks_of(encoder: Encoder, vectors: Vectors) -> SavedRanks:
    """T2V ranks of vectors that an encoder made, as `evaluate --ranks` writes them."""
    material = vectors.material
    blocks = similarity_blocks(vectors.texts, vectors.videos, vectors.owner)
    ranking = rank_blocks(blocks, vectors.owner, len(vectors.videos))
    named = named_candidates(top_candidates(blocks(), 1), material.videos, len(material.texts))
    return SavedRanks(
        direction="t2v",
        queries=query_names(material.videos, material.owner),
        videos=tuple(material.videos[place] for place in material.owner.tolist()),
        ranks=ranking.t2v.pessimistic,
        texts=material.texts,
        candidates=named,
        protocol={"dataset": material.dataset, "fingerprint": encoder.fingerprint},
    )


def query_names(videos: Sequence[str], owner: NDArray[np.int64]) -> tuple[str, ...]:
    """(Q,) `video#n`: the video of each text, and the how-manieth of its texts it is, from 0."""
    seen: Counter[int] = Counter()
    names = []
    for place in owner.tolist():
        names.append(f"{videos[place]}#{seen[place]}")
        seen[place] += 1
    return tuple(names)


def _found(saved: SavedRanks, number: int) -> str | None:
    """The video that a system put first."""
    if saved.candidates is None or not saved.candidates[number]:
        return None
    return saved.candidates[number][0][0]
