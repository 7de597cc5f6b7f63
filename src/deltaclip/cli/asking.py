"""A search in words that a running server answers, which has encoder and library at hand."""

from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deltaclip.checks import AnyPath
from deltaclip.cli.output import note, shown

if TYPE_CHECKING:
    from deltaclip.library import By, Filter, Hit, Relevance

__all__ = ["found_by_server"]

MOST_HITS = 200
"""Of a page of the server."""


def found_by_server(
    library: AnyPath | None,
    text: str,
    by: "By",
    limit: int,
    min_relevance: "Relevance | None",
    where: "Filter",
    *,
    fold: bool,
) -> "tuple[list[Hit], tuple[str, ...]] | None":
    """The hits for a text and its motion words, as `Library.search` gives them; None if no server gives any.

    Then the library itself is asked, which also says what is wrong. Notes of the server go to stderr.
    """
    from deltaclip.library import full_address
    from deltaclip.serve import asked_of_server

    if limit > MOST_HITS:
        return None
    asked = {"text": text, "by": by, "limit": limit, "min_relevance": min_relevance, "fold": fold}
    told = {each.name: getattr(where, each.name) for each in fields(where)}
    words = {name: value if isinstance(value, float | int) else str(value) for name, value in told.items() if value}
    answer = asked_of_server(full_address(library), {**asked, "where": words})
    if answer is None or not answer["hits"]:
        return None
    hits = [_hit(row, tuple(_hit(other) for other in row["folded"])) for row in answer["hits"]]
    if not all(hit.path.exists() for hit in hits):  # a name that is not UTF-8 arrives escaped
        return None
    for sentence in answer["notes"]:
        note(shown(sentence))
    return hits, tuple(answer["motion_words"])


def _hit(row: dict[str, Any], folded: "tuple[Hit, ...]" = ()) -> "Hit":
    from deltaclip.library import Hit

    return Hit(
        path=Path(row["path"]),
        start=row["start_seconds"],
        end=row["end_seconds"],
        score=row["score"],
        coverage=row["coverage"],
        id=row["moment_id"],
        video_id=row["video_id"],
        appearance=row["appearance"],
        motion=row["motion"],
        relevance=row["relevance"],
        folded=folded,
    )
