"""`search`, `status`, `failures`, `verify` and `remove`: the commands on a library."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from deltaclip.cli.encoders import remembered_encoder
from deltaclip.cli.files import require_writable, writable
from deltaclip.cli.indexing import failure_rows, name_notes, note_rows
from deltaclip.cli.options import JsonOption, LibraryOption, StallLimitOption
from deltaclip.cli.output import clock, emit, finish, note, print_lines, shown
from deltaclip.durable import write_bytes_whole
from deltaclip.errors import LibraryError
from deltaclip.names import on_disk
from deltaclip.wording import count

if TYPE_CHECKING:  # torch is imported by the commands that need it
    from deltaclip.encoder import Encoder
    from deltaclip.library import Hit, Note

__all__ = [
    "failures",
    "hit_rows",
    "print_hits",
    "remove",
    "search",
    "status",
    "verify",
    "warn_of_lost_words",
]


def search(
    text: Annotated[str | None, typer.Argument(help="Description of the moments to find.", metavar="TEXT")] = None,
    video: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Find moments that are like this video, in place of TEXT.")
    ] = None,
    image: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Find moments that are like this picture, in place of TEXT.")
    ] = None,
    library: LibraryOption = None,
    limit: Annotated[int, typer.Option(min=1, metavar="N", help="Maximum number of moments to show.")] = 10,
    png: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Also write the hits as a picture (.png): a frame, what moves in it, the score."
        ),
    ] = None,
    stall_limit: StallLimitOption = None,
    as_json: JsonOption = False,
) -> None:
    """Find moments that match a description, a video or a picture.

    \b
    Examples:
      deltaclip search "a dog jumps into water"
      deltaclip search --video beach.mp4 --limit 5
    """
    if sum(query is not None for query in (text, video, image)) != 1:
        raise typer.BadParameter("give one query: TEXT, --video FILE or --image FILE.")
    if text is not None and not text.strip():
        raise typer.BadParameter("the query is empty.", param_hint="TEXT")
    from deltaclip.library import Library

    if png is not None:
        require_writable(png, ".png")  # before the search, whose hits would be lost
    loaded = remembered_encoder(library)
    for sentence in loaded.engine.notes:
        note(sentence)
    with Library.open(library, loaded) as opened:
        if text is not None:
            warn_of_lost_words(loaded, text)
            hits = opened.search(text, limit=limit)
        elif video is not None:
            hits = opened.search_video(on_disk(video), limit, on_note=lambda text: note(f"{shown(video)}: {text}"))
        else:
            assert image is not None, "one of three was given"
            hits = opened.search_image(on_disk(image), limit, on_note=lambda text: note(f"{shown(image)}: {text}"))
    if png is not None:
        _write_picture(png, str(text or video or image), hits, loaded)
    if as_json:
        emit({"hits": hit_rows(hits)})
        return
    print_hits(hits)
    if png is not None:
        note(f"wrote {shown(png)}")


def status(library: LibraryOption = None, as_json: JsonOption = False) -> None:
    """Show how many videos and moments a library holds.

    \b
    Example:
      deltaclip status
    """
    from deltaclip.library import Library

    with Library.open(library) as opened:
        state = opened.status()
        folder = opened.address
        known = opened.remembered_encoder()
    if known is not None and known.outdated is not None:
        note(f"{shown(folder)}: {known.outdated}. Index the same folders again with deltaclip index.")
    if as_json:
        emit(asdict(state))
        return
    print_lines(
        f"{shown(folder)}: {count(state.videos, 'video')}, {count(state.segments, 'moment')}, {state.failed} failed, "
        f"{state.missing} missing",
        f"encoder {shown(state.encoder or 'none yet')} {state.fingerprint or ''}".rstrip(),
    )


def failures(library: LibraryOption = None, as_json: JsonOption = False) -> None:
    """List files that could not be read, or only in part, and why.

    \b
    Example:
      deltaclip failures
    """
    from deltaclip.library import Library

    with Library.open(library) as opened:
        rows = opened.failures()
    if as_json:
        emit({"failures": failure_rows(rows)})
    else:
        print_lines(*(f"{shown(row.path)}  {shown(row.reason)}" for row in rows))


def verify(
    library: LibraryOption = None,
    every_byte: Annotated[
        bool,
        typer.Option(
            "--every-byte", help="Read every file in full (default: only files whose size or time has changed)."
        ),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Check a library against itself and against the video files.

    Exits with 1 if something is wrong. A file whose size and times are the same as when it was indexed is compared at
    16 places; any other file is read to its end. --every-byte reads all files to their end, which also finds damage by
    a failing disk. The
    weights of the library's encoder are compared with the digest that is kept of them.

    \b
    Example:
      deltaclip verify
    """
    from deltaclip.library import MOST_NAMED, Library

    notes: Sequence[Note] = ()
    unsure: Sequence[Path] = ()
    try:
        with Library.open(library) as opened:
            report = opened.verify(every_byte=every_byte)
            notes = opened.notes() if report.ok else ()
            remembered = opened.remembered_encoder() if report.ok else None
        problems, unsure = list(report.problems), report.unsure
        if remembered is not None:
            from deltaclip.encoder import checkpoint_problem

            problems += filter(None, [checkpoint_problem(remembered.name)])
        ok = not problems
    except LibraryError as error:  # too damaged to be opened: that is an answer too
        ok, problems = False, [str(error)]
    if as_json:
        emit({"ok": ok, "problems": problems, "unsure": [str(path) for path in unsure], "notes": note_rows(notes)})
    else:
        print_lines(*(shown(problem) for problem in problems), "ok" if ok else count(len(problems), "problem"))
        if len(unsure) > MOST_NAMED:
            note(f"use --json to list all {len(unsure):,} videos from an earlier version of deltaclip")
        name_notes(notes)
    finish(not ok)


def remove(
    paths: Annotated[
        list[Path],
        typer.Argument(help="Files or folders to remove from the library; they need not exist.", metavar="PATH"),
    ],
    library: LibraryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Remove videos from a library. The files themselves are not touched.

    \b
    Example:
      deltaclip remove ~/Videos/old
    """
    from deltaclip.library import Library

    with Library.open(library) as opened:
        report = opened.remove(paths)
    if as_json:
        emit({"removed": report.removed, "unknown": [str(path) for path in report.unknown]})
    else:
        print_lines(f"{report.removed} removed")
    for path in report.unknown:
        note(f"{shown(path)}: not in the library")
    finish(bool(report.unknown))


def warn_of_lost_words(encoder: "Encoder", text: str) -> None:
    """Say which words of a query the encoder does not know, and how many tokens it cannot read."""
    unknown = encoder.need_tokenizer().unknown_words(text)
    if unknown:
        note(f"{encoder.name} does not know these words: {shown(', '.join(unknown))}")
    if cut := encoder.cut_words(text):
        note(f"the query is too long for {encoder.name}: its last {cut} tokens are ignored")


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
            "coverage": hit.coverage,
        }
        for hit in hits
    ]


def print_hits(hits: "Sequence[Hit]") -> None:
    """Print hits: rank, file, moment, score, and the share of the picture that moves."""
    width = max((len(shown(hit.path)) for hit in hits), default=0)
    for number, hit in enumerate(hits, 1):
        moving = "" if hit.coverage is None else f"   moving {hit.coverage:.0%}"
        print_lines(
            f"{number:2}  {shown(hit.path):{width}}  {clock(hit.start)}-{clock(hit.end)}   {hit.score:.3f}{moving}"
        )
    if not hits:
        note("nothing found: the library is empty (add videos with deltaclip index FOLDER)")
