"""A search that a running server answers, which has encoder and library at hand."""

from dataclasses import fields
from pathlib import Path
from stat import S_ISREG
from typing import TYPE_CHECKING, Any

from deltaclip.checks import AnyPath
from deltaclip.cli.output import note, shown
from deltaclip.object_paths import is_elsewhere

if TYPE_CHECKING:
    from deltaclip.library import Filter, Hit

__all__ = ["found_by_server"]

MOST_HITS = 200
"""Of a page of the server."""
MOST_SENT_BYTES = 64 * 2**20
"""Of a file to search with: a longer one takes as long to send, and to keep, as to read here."""


def found_by_server(
    library: AnyPath | None, asked: dict[str, Any], where: "Filter", file: tuple[Path, str] | None = None
) -> "tuple[list[Hit], tuple[str, ...]] | None":
    """The hits for a text and its motion words, or for a file, as a library gives them; None if no server gives any.

    Then the library itself is asked, which also says what is wrong. asked: members of a search, as the server takes
    them. file: to search with, and "image" or "video". Notes of the server go to stderr.
    """
    from deltaclip.library import full_address
    from deltaclip.serve import asked_of_server

    if asked["limit"] > MOST_HITS or (file is not None and not _can_be_sent(file[0])):
        return None
    told = {each.name: getattr(where, each.name) for each in fields(where)}
    words = {name: value if isinstance(value, float | int) else str(value) for name, value in told.items() if value}
    answer = asked_of_server(full_address(library), {**asked, "where": words}, file)
    if answer is None or not answer["hits"]:
        return None
    hits = [_hit(row, tuple(_hit(other) for other in row["folded"])) for row in answer["hits"]]
    if not all(is_elsewhere(hit.path) or hit.path.exists() for hit in hits):  # a name that is not UTF-8 arrives escaped
        return None
    for sentence in answer["notes"]:
        note(shown(sentence) if file is None else f"{shown(file[0])}: {shown(sentence)}")
    return hits, tuple(answer["motion_words"])


def _can_be_sent(file: Path) -> bool:
    try:
        stat = file.stat()
    except OSError:
        return False
    return S_ISREG(stat.st_mode) and stat.st_size <= MOST_SENT_BYTES


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
