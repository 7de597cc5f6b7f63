"""`search`: find moments, by what is asked in words or with a file, and print them."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from deltaclip.cli.asking import found_by_server
from deltaclip.cli.encoders import encoder_to_ask
from deltaclip.cli.files import require_writable, writable
from deltaclip.cli.filters import FilterOptions
from deltaclip.cli.options import EngineOption, JsonOption, LibraryOption, PrecisionOption, StallLimitOption
from deltaclip.cli.output import clock, emit, note, print_lines, shown
from deltaclip.durable import write_bytes_whole
from deltaclip.names import on_disk
from deltaclip.wording import count

if TYPE_CHECKING:  # torch is imported by the commands that need it
    from deltaclip.encoder import Encoder
    from deltaclip.library import By, Filter, Hit, Library, Relevance, Status

__all__ = ["hit_rows", "print_hits", "search", "warn_of_lost_words"]

MOST_SHOWN = 80
"""Characters of a query that are repeated in a message."""

ByOption = Annotated[
    Literal["appearance", "motion", "both"] | None,
    typer.Option(
        help="What TEXT is compared with: what moments look like, how they move, or both (default: both). By both, "
        "motion counts only if TEXT has motion words, such as 'to the left'."
    ),
]


def search(
    text: Annotated[str | None, typer.Argument(help="Description of the moments to find.", metavar="TEXT")] = None,
    video: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Find moments that are like this video, in place of TEXT.")
    ] = None,
    image: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Find moments that are like this picture, in place of TEXT.")
    ] = None,
    like_motion_of: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Find moments that move like this video, whatever they show, in place of TEXT."
        ),
    ] = None,
    by: ByOption = None,
    library: LibraryOption = None,
    limit: Annotated[int, typer.Option(min=1, metavar="N", help="Maximum number of moments to show.")] = 10,
    png: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Also write the hits as a picture (.png): a frame, what moves in it, the score."
        ),
    ] = None,
    min_relevance: Annotated[
        Literal["high", "medium", "low", "none"] | None,
        typer.Option(
            help="Least relevance of a moment to TEXT: how many sentences about other things fit their best moment as "
            "well, at most 5% for high, 15% for medium, 30% for low (default: all moments, or a note if none is at "
            "least low)."
        ),
    ] = None,
    fold: Annotated[
        bool,
        typer.Option(
            "--fold/--no-fold",
            help="Show a moment once: leave out copies of it, and neighbours that look the same, and say how many.",
        ),
    ] = True,
    precision: PrecisionOption = "auto",
    engine: EngineOption = "auto",
    stall_limit: StallLimitOption = None,
    as_json: JsonOption = False,
    *,
    filters: FilterOptions,
) -> None:
    """Find moments that match a description, a video or a picture.

    \b
    Examples:
      deltaclip search "a dog jumps into water"
      deltaclip search "somebody waves" --by motion
      deltaclip search --video beach.mp4 --limit 5
      deltaclip search "a dog" --folder ~/Videos/2025 --longer 60 --after 2025-06-01
      deltaclip search --like-motion-of dance.mp4
    """
    if sum(query is not None for query in (text, video, image, like_motion_of)) != 1:
        raise typer.BadParameter("give one query: TEXT, --video FILE, --image FILE or --like-motion-of FILE.")
    if text is not None and not text.strip():
        raise typer.BadParameter("the query is empty.", param_hint="TEXT")
    if text is None and min_relevance is not None:
        raise typer.BadParameter("only for TEXT.", param_hint="'--min-relevance'")
    if text is None and by is not None:
        raise typer.BadParameter("only for TEXT: a file is compared by what its option says.", param_hint="'--by'")
    where = filters.filter()
    by = by or ("both" if text is not None else "appearance" if like_motion_of is None else "motion")
    file = next((each for each in (video, image, like_motion_of) if each is not None), None)
    if png is not None:
        require_writable(png, ".png")  # before the search, whose hits would be lost
    elif (precision, engine, stall_limit) == ("auto", "auto", None):
        asked: dict[str, Any] = {"by": by, "limit": limit, "fold": fold}
        if text is not None:
            asked |= {"text": text, "min_relevance": min_relevance}
        sent = None if file is None else (file, "video" if image is None else "image")
        found = found_by_server(library, asked, where, sent)
        if found is not None:
            _show(*found, by, text or "", min_relevance, as_json=as_json)
            return
    from deltaclip.library import Library  # after a server was asked, which needs less

    loaded = encoder_to_ask(library, precision, engine, with_file=text is None)
    for sentence in loaded.engine.notes:
        note(sentence)
    words: tuple[str, ...] = ()
    with Library.open(library, loaded) as opened:
        if text is not None:
            hits, words = _ask(opened, loaded, text, limit, by, where, min_relevance, fold)
        else:
            assert file is not None
            ask = opened.search_video if video is not None else opened.search_image
            if like_motion_of is not None:
                ask = opened.like_motion_of
            hits = ask(on_disk(file), limit, _notes_of(file), where=where, fold=fold)
        state = opened.status()
        why_nothing = "" if hits else _why_nothing(opened, state, where, min_relevance)
    if png is not None and hits and not _matches_nothing(hits, min_relevance):
        _write_picture(png, str(text or file), hits, loaded)
    is_shown = _show(hits, words, by, text or "", min_relevance, as_json=as_json)
    if not hits and not as_json:
        note(f"nothing found: {why_nothing}")
    elif is_shown and png is not None:
        note(f"wrote {shown(png)}")


def _show(
    hits: "Sequence[Hit]",
    words: Sequence[str],
    by: "By",
    text: str,
    min_relevance: "Relevance | None",
    *,
    as_json: bool,
) -> bool:
    """Print what was found; returns whether people were shown any hit."""
    matches_nothing = _matches_nothing(hits, min_relevance)
    if as_json:
        emit({"hits": hit_rows(hits), "by": by, "motion_words": list(words), "matches_nothing": matches_nothing})
        return False
    if words:
        note(f"understood as motion: {shown(', '.join(words))}")
    if matches_nothing:
        said = shown(text)
        said = said if len(said) <= MOST_SHOWN else f"{said[:MOST_SHOWN]}..."
        note(
            f"nothing here matches '{said}': the nearest moments fit no better than sentences about other things do "
            "(show them with --min-relevance none)"
        )
        return False
    print_hits(hits)
    return bool(hits)


def _matches_nothing(hits: "Sequence[Hit]", min_relevance: "Relevance | None") -> bool:
    from deltaclip.library import match_nothing

    return min_relevance is None and match_nothing(hits)


def _ask(
    opened: "Library",
    loaded: "Encoder",
    text: str,
    limit: int,
    by: Literal["appearance", "motion", "both"],
    where: "Filter",
    min_relevance: "Relevance | None",
    fold: bool,
) -> "tuple[list[Hit], tuple[str, ...]]":
    """The hits for a text, and its words that were understood as motion, if motion was searched."""
    from deltaclip.library import NoMotionWordsError

    if by != "motion":
        warn_of_lost_words(loaded, text)
    try:
        hits = opened.search(text, limit, by, note, where=where, min_relevance=min_relevance, fold=fold)
    except NoMotionWordsError as error:
        raise typer.BadParameter(f"{error}.", param_hint="TEXT") from error
    searched = by != "appearance" and opened.status().motion_encoder is not None
    return hits, opened.motion_words(text) if searched else ()


def _notes_of(file: Path) -> Callable[[str], None]:
    return lambda text: note(f"{shown(file)}: {text}")


def warn_of_lost_words(encoder: "Encoder", text: str) -> None:
    """Say which words of a query the encoder does not know, and how many tokens it cannot read."""
    for sentence in encoder.notes_on(text):
        note(shown(sentence))


def _write_picture(png: Path, title: str, hits: "Sequence[Hit]", encoder: "Encoder") -> None:
    from deltaclip.library import draw_hits
    from deltaclip.motion import encode_png

    picture = draw_hits(title, hits, encoder.reader_spec.motion_word, encoder.reader_spec.num_frames)
    with writable(png, ".png"):
        write_bytes_whole(png, encode_png(picture))


def hit_rows(hits: "Sequence[Hit]") -> list[dict[str, Any]]:  # Any: json
    """Hits as JSON, the same in every command."""
    return [
        {
            "path": str(hit.path),
            "start_seconds": hit.start,
            "end_seconds": hit.end,
            "score": hit.score,
            "appearance": hit.appearance,
            "motion": hit.motion,
            "coverage": hit.coverage,
            "moment_id": hit.id,
            "video_id": hit.video_id,
            "relevance": hit.relevance,
            "folded": hit_rows(hit.folded),
        }
        for hit in hits
    ]


def print_hits(hits: "Sequence[Hit]") -> None:
    """Print hits: rank, file, moment, relevance, score, its parts if it has two, and the share that moves."""
    width = max((len(shown(hit.path)) for hit in hits), default=0)
    by_both = any(hit.appearance is not None and hit.motion is not None for hit in hits)
    for number, hit in enumerate(hits, 1):
        parts = f"   {_parts(hit)}" if by_both else ""
        moving = "" if hit.coverage is None else f"   moving {hit.coverage:.0%}"
        relevance = "" if hit.relevance is None else f"   {hit.relevance:6}"
        others = f"   and {len(hit.folded):,} more like it" if hit.folded else ""
        moment = f"{clock(hit.start)}-{clock(hit.end)}"
        print_lines(
            f"{number:2}  {shown(hit.path):{width}}  {moment}{relevance}   {hit.score:.3f}{parts}{moving}{others}"
        )


def _why_nothing(opened: "Library", state: "Status", where: "Filter", least: "Relevance | None") -> str:
    from deltaclip.library import Filter

    if not state.segments:
        if state.missing:
            gone = count(state.missing, "video")
            return f"{gone} of the library are missing: index found no such files (put them back, and run it again)"
        return "the library is empty (add videos with deltaclip index FOLDER)"
    if where.folder is not None:
        below = [row for row in opened.videos() if row.path.is_relative_to(where.folder)]
        if not any(row.num_segments for row in below if not row.missing):
            gone = "" if os.path.lexists(where.folder) else ", which does not exist"
            lost = f" that is not missing ({len(below):,} are)" if any(row.missing for row in below) else ""
            return f"the library has no video{lost} in --folder {shown(where.folder)}{gone}"
    if least is not None:
        return f"no moment has a relevance of {least} or better"
    return "no moment that can be found fits the filters" if where != Filter() else "no moment has a motion vector"


def _parts(hit: "Hit") -> str:
    motion = "no motion vector" if hit.motion is None else f"motion {hit.motion:.3f}"
    return f"appearance {hit.appearance:.3f}  {motion}"
