"""Sentences and videos by name with the scores between them, whoever made these: what ranks and runs are saved from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from deltaclip.evaluation.postprocess import ProcessedBlocks
from deltaclip.evaluation.runs import TREC_DEPTH, SavedRanks, named_candidates, write_qrels, write_ranks, write_trec
from deltaclip.evaluation.score_files import write_scores
from deltaclip.ranking import Ranking, top_candidates

__all__ = ["HasRanks", "NamedPairs", "Scored", "query_names", "save_ranks", "save_scores", "save_trec", "saved_ranks"]

SHOWN_CANDIDATES = 5
"""How many of a query's candidates are kept with its rank, for people to look at."""


@dataclass(frozen=True, slots=True, eq=False)
class NamedPairs:
    """Sentences and videos by name.

    videos: (V,) and queries: (Q,) names, each once. owner: (Q,) int64, the place of each text's video. texts: (Q,), and
    groups: (V,), names of what videos share so that they are not independent; None if not known.
    """

    videos: tuple[str, ...] = field(repr=False)
    queries: tuple[str, ...] = field(repr=False)
    owner: NDArray[np.int64] = field(repr=False)
    texts: tuple[str, ...] | None = field(default=None, repr=False)
    groups: tuple[str, ...] | None = field(default=None, repr=False)

    @property
    def clusters(self) -> NDArray[np.int64] | None:
        """(V,) int64: the number of each video's group; None if each is its own."""
        if self.groups is None:
            return None
        return np.unique(np.array(self.groups), return_inverse=True)[1].astype(np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """What was ranked, and by which scores."""

    named: NamedPairs
    blocks: ProcessedBlocks = field(repr=False)


@runtime_checkable
class HasRanks(Protocol):
    """What can be saved: an `Evaluation` or a `ScoresEvaluation`."""

    @property
    def scored(self) -> Scored: ...

    @property
    def ranking(self) -> Ranking: ...

    @property
    def protocol(self) -> "_HasJson": ...


@runtime_checkable
class _HasJson(Protocol):
    def to_json(self) -> dict[str, Any]: ...  # Any: json


def saved_ranks(evaluation: HasRanks) -> SavedRanks:
    """The rank of each text among the videos, with its first candidates."""
    named, blocks = evaluation.scored.named, evaluation.scored.blocks
    candidates = top_candidates(blocks.t2v(), SHOWN_CANDIDATES)
    owners = named.owner.tolist()
    return SavedRanks(
        direction="t2v",
        queries=named.queries,
        videos=tuple(named.videos[place] for place in owners),
        ranks=evaluation.ranking.t2v.pessimistic,
        texts=named.texts,
        candidates=named_candidates(candidates, named.videos, len(named.queries)),
        protocol=evaluation.protocol.to_json(),
        groups=named.groups and tuple(named.groups[place] for place in owners),
    )


def save_ranks(path: Path, evaluation: HasRanks) -> None:
    """Writes `saved_ranks` as `runs.read_ranks` reads them."""
    write_ranks(path, saved_ranks(evaluation))


def save_trec(path: Path, evaluation: HasRanks) -> Path:
    """The first 1,000 videos of each text as a TREC run, and beside it the judgements: their path is returned."""
    named = evaluation.scored.named
    write_trec(path, top_candidates(evaluation.scored.blocks.t2v(), TREC_DEPTH), named.queries, named.videos)
    judgements = path.with_name(path.name + ".qrels")
    owners = (named.videos[place] for place in named.owner.tolist())
    write_qrels(judgements, zip(named.queries, owners, strict=True))
    return judgements


def save_scores(path: Path, evaluation: HasRanks) -> None:
    """The scores before any post-processing, with all names, as `evaluate_similarity` reads them.

    path: .npz, .csv or .tsv; ValueError for another suffix. The whole matrix is held in memory.
    """
    named = evaluation.scored.named
    protocol: Mapping[str, Any] = evaluation.protocol.to_json()
    write_scores(
        path,
        evaluation.scored.blocks.plain(),
        named.owner,
        named.videos,
        named.queries,
        texts=named.texts,
        groups=named.groups,
        protocol=protocol,
    )


def query_names(videos: Sequence[str], owner: NDArray[np.int64]) -> tuple[str, ...]:
    """(Q,) `video#n`: the video of each text, and the how-manieth of its texts it is, from 0."""
    seen: dict[int, int] = {}
    names = []
    for place in owner.tolist():
        seen[place] = seen.get(place, -1) + 1
        names.append(f"{videos[place]}#{seen[place]}")
    return tuple(names)
