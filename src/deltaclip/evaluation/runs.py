"""Ranks on disk, query by query: our own file, which `compare` reads, and run files that trec_eval reads."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from deltaclip.durable import write_whole
from deltaclip.errors import CaptionError
from deltaclip.ranking import TopCandidates

__all__ = ["Direction", "SavedRanks", "align_ranks", "named_candidates", "read_ranks", "write_qrels", "write_ranks"]
__all__ += ["TREC_DEPTH", "write_trec"]

Direction = Literal["t2v", "v2t", "v2t_plain"]
Named = tuple[tuple[str, float], ...]
"""TopCandidates of one query by name, best first, with their scores."""

RANKS_FORMAT = "deltaclip ranks 1"
TREC_DEPTH = 1000
"""How many candidates a query has in TREC runs by custom."""


@dataclass(frozen=True, slots=True, eq=False)
class SavedRanks:
    """The rank of each query of one direction.

    direction: see `deltaclip.ranking.ranks`. queries: (N,) names, each once. videos: (N,) the video each query belongs
    to; for v2t the query itself. ranks: (N,) int64 from 1, ties against the query. texts: (N,) what was asked, or None.
    candidates: (N,) the best few, or None. protocol: how they were made, a json object. groups: (N,) the group of each
    query's video, if videos of one group are not independent; None if each video is its own.
    """

    direction: Direction
    queries: tuple[str, ...]
    videos: tuple[str, ...]
    ranks: NDArray[np.int64]
    texts: tuple[str, ...] | None = None
    candidates: tuple[Named, ...] | None = None
    protocol: Mapping[str, Any] = field(default_factory=dict)  # Any: a json document
    groups: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        for name in ("videos", "ranks", "texts", "candidates", "groups"):
            column = getattr(self, name)
            if column is not None and len(column) != len(self.queries):
                raise ValueError(f"{len(column)} {name} for {len(self.queries)} queries")
        if len(set(self.queries)) != len(self.queries):
            raise ValueError("two queries have one name")

    def __repr__(self) -> str:
        return f"SavedRanks({self.direction}, queries={len(self.queries)})"


def named_candidates(candidates: Iterable[TopCandidates], names: Sequence[str], num_queries: int) -> tuple[Named, ...]:
    """The candidates of `ranking.top_candidates` in the order of the queries, by name. names: (V,)."""
    named: list[Named] = [()] * num_queries
    for part in candidates:
        for row, places, scores in zip(part.rows.tolist(), part.places.tolist(), part.scores.tolist(), strict=True):
            named[row] = tuple((names[place], score) for place, score in zip(places, scores, strict=True))
    return tuple(named)


def write_ranks(path: Path, saved: SavedRanks) -> None:
    """One json object a line: a head, then a query each.

    Head {"format", "direction", "queries": how many, "protocol"}; query {"query", "video", "rank"} and if known
    "text", "group", "candidates": [[video, score], ...]. Names may hold anything, since json quotes them.
    """

    def lines() -> Iterator[str]:
        head = {"format": RANKS_FORMAT, "direction": saved.direction, "queries": len(saved.queries)}
        yield json.dumps({**head, "protocol": saved.protocol}) + "\n"
        for place, query in enumerate(saved.queries):
            line: dict[str, Any] = {"query": query, "video": saved.videos[place], "rank": int(saved.ranks[place])}
            if saved.texts is not None:
                line["text"] = saved.texts[place]
            if saved.groups is not None:
                line["group"] = saved.groups[place]
            if saved.candidates is not None:
                line["candidates"] = saved.candidates[place]
            yield json.dumps(line) + "\n"

    _write_lines(path, lines())


def read_ranks(path: Path) -> SavedRanks:
    """What `write_ranks` wrote, or a different program in the same format.

    Raises CaptionError that names file and line if it is anything else, is cut short or has a query twice.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as err:
        raise CaptionError(str(path), f"cannot be read as text ({err})", "Give a file of saved ranks.") from err
    head = _json_line(path, 1, lines[0])
    if head.get("format") != RANKS_FORMAT or head.get("direction") not in get_args(Direction):
        raise CaptionError(
            f"{path}, line 1",
            "not the header of a file of ranks",
            f'It must contain "format": "{RANKS_FORMAT}" and a direction.',
        )
    protocol = _protocol(path, head)
    parts = [_query_line(path, number, line) for number, line in enumerate(lines[1:], 2) if line.strip()]
    if head.get("queries") != len(parts):
        raise CaptionError(
            str(path),
            f"{len(parts)} queries, but its header says {head.get('queries')}",
            "It is cut short: write it again.",
        )
    queries = [part["query"] for part in parts]
    if len(set(queries)) < len(queries):
        twice = next(number for number, query in enumerate(queries) if query in queries[:number])
        raise CaptionError(f"{path}, line {twice + 2}", f"query {queries[twice]!r} again", "Name each query once.")
    return SavedRanks(
        direction=head["direction"],
        queries=tuple(queries),
        videos=tuple(part["video"] for part in parts),
        ranks=np.array([part["rank"] for part in parts], np.int64),
        texts=tuple(part["text"] for part in parts) if all("text" in part for part in parts) else None,
        candidates=tuple(part["candidates"] for part in parts) if all("candidates" in part for part in parts) else None,
        protocol=protocol,
        groups=tuple(part["group"] for part in parts) if all("group" in part for part in parts) else None,
    )


def _json_line(path: Path, number: int, line: str) -> dict[str, Any]:  # Any: a json document
    try:
        document = json.loads(line)
    except ValueError as err:
        raise CaptionError(f"{path}, line {number}", f"not json ({err})", "Give a file of saved ranks.") from err
    if not isinstance(document, dict):
        raise CaptionError(f"{path}, line {number}", "not a json object", "Give a file of saved ranks.")
    return document


def _protocol(path: Path, head: Mapping[str, Any]) -> dict[str, Any]:  # Any: a json document
    protocol = head.get("protocol") or {}
    if not isinstance(protocol, dict):
        raise CaptionError(f"{path}, line 1", "its protocol is not a json object", "Leave it out, or name its parts.")
    try:
        json.dumps(protocol, allow_nan=False)
    except ValueError as err:
        raise CaptionError(
            f"{path}, line 1", "its protocol has a number that is not finite", "Write finite numbers, or leave it out."
        ) from err
    return protocol


def _query_line(path: Path, number: int, line: str) -> dict[str, Any]:  # Any: a json document
    part = _json_line(path, number, line)
    rank = part.get("rank")
    named = isinstance(part.get("query"), str) and isinstance(part.get("video"), str)
    if not named or not isinstance(rank, int) or isinstance(rank, bool) or rank < 1:
        raise CaptionError(
            f"{path}, line {number}", "lacks a query, a video or a rank from 1", "Each line needs all three."
        )
    for name in ("text", "group"):
        if not isinstance(part.get(name, ""), str):
            raise CaptionError(
                f"{path}, line {number}", f"its {name} is not a string", "Leave it out, or write it in quotes."
            )
    if "candidates" in part:
        try:
            part["candidates"] = tuple((str(name), float(score)) for name, score in part["candidates"])
        except (TypeError, ValueError) as err:
            raise CaptionError(
                f"{path}, line {number}", "its candidates are not pairs of name and score", "Leave them out."
            ) from err
    return part


def align_ranks(
    first: SavedRanks, second: SavedRanks
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Ranks of both in the order of the first, and the number of each query's cluster, for `ranking.compare_ranks`.

    The cluster is the group of the query's video, as either file says, and the video itself if neither does.
    Raises CaptionError if they are not of one direction, of the same queries, of the same videos and groups.
    """
    if first.direction != second.direction:
        raise CaptionError(
            "ranks", f"one file is of {first.direction}, the other of {second.direction}", "Compare the same direction."
        )
    places = {query: place for place, query in enumerate(second.queries)}
    unshared = set(first.queries).symmetric_difference(places)
    if unshared:
        raise CaptionError(
            "ranks",
            f"{len(unshared)} queries are in only one of the two files, {min(unshared)!r} among them",
            "Rank the same queries with both.",
        )
    order = np.array([places[query] for query in first.queries], np.int64)
    for query, video, place in zip(first.queries, first.videos, order.tolist(), strict=True):
        if second.videos[place] != video:
            raise CaptionError(
                "ranks",
                f"query {query!r} belongs to {video!r} in one file and to {second.videos[place]!r} in the other",
                "Rank the same data set with both.",
            )
    groups = _clusters(first, second, order)
    return first.ranks, second.ranks[order], groups


def _clusters(first: SavedRanks, second: SavedRanks, order: NDArray[np.int64]) -> NDArray[np.int64]:
    """(N,) the number of each query's group, or of its video. order: the place in the second of each query."""
    theirs = None if second.groups is None else [second.groups[place] for place in order.tolist()]
    if first.groups is not None and theirs is not None and list(first.groups) != theirs:
        raise CaptionError("ranks", "the two files group the videos differently", "Rank the same data set with both.")
    names = first.groups or theirs or first.videos
    return np.unique(np.array(names), return_inverse=True)[1].astype(np.int64)


def write_trec(
    path: Path,
    candidates: Iterable[TopCandidates],
    queries: Sequence[str],
    names: Sequence[str],
    tag: str = "deltaclip",
) -> None:
    """A run file for trec_eval: "query Q0 candidate rank score tag" a line, written as blocks of candidates come.

    candidates: of `ranking.top_candidates`, of depth TREC_DEPTH by custom. queries: (Q,) names. names: (V,) those of
    the candidates. Fields end at white space, so white space and % in a name are percent-encoded as in web addresses
    ("a b" is a%20b) and everything else is as it is, even a leading dash. Scores have nine digits, enough to tell
    float32 apart. trec_eval orders by score and equal scores by name, and does not read the rank.
    """
    query_fields, fields = _fields(queries), _fields(names)
    [tag] = _fields([tag])

    def lines() -> Iterator[str]:
        for part in candidates:
            for row, places, scores in zip(part.rows.tolist(), part.places.tolist(), part.scores.tolist(), strict=True):
                for rank, (place, score) in enumerate(zip(places, scores, strict=True), 1):
                    yield f"{query_fields[row]} Q0 {fields[place]} {rank} {score:.9g} {tag}\n"

    _write_lines(path, lines())


def write_qrels(path: Path, relevant: Iterable[tuple[str, str]]) -> None:
    """What is right, for trec_eval: "query 0 candidate 1" a line. relevant: (query, candidate), names as in the run."""
    _write_lines(path, (f"{query} 0 {candidate} 1\n" for query, candidate in map(_fields, relevant)))


def _write_lines(path: Path, lines: Iterable[str]) -> None:
    write_whole(path, lambda stream: stream.writelines(line.encode() for line in lines))


def _fields(names: Sequence[str]) -> list[str]:
    """Names as fields of a line; each stays itself alone, since % is encoded too."""
    if not all(names):
        raise CaptionError("TREC file", "a query or candidate without a name", "Give each its own name.")
    return ["".join(_field_letter(letter) for letter in name) for name in names]


def _field_letter(letter: str) -> str:
    """A letter as it is, or encoded if a reader could take it for the end of a field or of the file."""
    plain = letter != "%" and letter.isprintable() and not letter.isspace()
    return letter if plain else quote(letter, safe="", errors="surrogateescape")
