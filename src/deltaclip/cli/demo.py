"""`demo`: index and search a few drawn clips, or the user's own videos, in one command."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deltaclip.cli.encoders import encoder_to_ask
from deltaclip.cli.files import writable
from deltaclip.cli.index_report import name_failures
from deltaclip.cli.indexing import index_paths
from deltaclip.cli.options import EngineOption, JsonOption, PrecisionOption, StallLimitOption
from deltaclip.cli.output import emit, finish, note, print_lines, shown
from deltaclip.cli.search import hit_rows, print_hits, warn_of_lost_words
from deltaclip.durable import write_bytes_whole
from deltaclip.errors import DeltaclipError

if TYPE_CHECKING:
    from deltaclip.encoder import EncoderSpec
    from deltaclip.library import Hit

__all__ = ["demo"]

QUESTIONS_OF_OWN_VIDEOS = ("a dog", "people talking", "a car drives by")


def demo(
    videos: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder of your own videos (default: draw clips).")
    ] = None,
    query: Annotated[
        list[str] | None,
        typer.Option(metavar="TEXT", help="Query to search for (default: a few examples). May be repeated."),
    ] = None,
    encoder: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Encoder to search with (default: shapes for drawn clips, openai/clip-vit-base-patch32 for your own "
            "videos).",
        ),
    ] = None,
    out: Annotated[
        Path, typer.Option(metavar="DIR", help="Folder to write the clips, the library and the picture to.")
    ] = Path("demo"),
    precision: PrecisionOption = "auto",
    engine: EngineOption = "auto",
    stall_limit: StallLimitOption = None,
    as_json: JsonOption = False,
) -> None:
    """Draw a few clips, index them and search for what moves.

    Writes a picture that shows why each hit was found.

    \b
    Examples:
      deltaclip demo
      deltaclip demo --videos ~/Videos --query "a dog"
    """
    from deltaclip.encoder import EncoderSpec
    from deltaclip.library import Library

    if any(not text.strip() for text in query or ()):
        raise typer.BadParameter("the query is empty.", param_hint="'--query'")
    if out.exists() and not out.is_dir():
        raise typer.BadParameter(f"{shown(out)} is a file: give a folder.", param_hint="'--out'")
    if videos is None:
        folder, questions = _draw_clips(out / "videos")
        library = out / "library"
    else:
        folder, questions = videos.expanduser(), list(QUESTIONS_OF_OWN_VIDEOS)
        library = out / "library-of-your-videos"
    note(f"indexing {shown(folder)}")
    spec = EncoderSpec(precision=precision, engine=engine)
    report, _ = index_paths([folder], library, encoder or ("shapes" if videos is None else None), spec)
    name_failures(report.failures)
    if not Library.exists(library):
        raise DeltaclipError(str(folder), "no video to index there", "Give a folder with videos: --videos FOLDER.")
    png = out / "hits.png"
    answers = _ask(query or questions, library, png, spec)
    if as_json:
        rows = [{"query": question, "hits": hit_rows(hits)} for question, hits in answers]
        emit({"answers": rows, "picture": str(png), "indexed": report.indexed, "failed": report.failed})
    else:
        for question, hits in answers:
            print_lines("", f"? {question}")
            print_hits(hits)
            if not hits:
                note("nothing found: no video could be read")
    note(f"\nwrote {shown(png)}: a frame of each hit, what moves in it, and its score")
    note(f"open it in the browser: deltaclip serve --library {shlex.quote(shown(library))}")
    finish(report.failed > 0)


def _ask(questions: list[str], library: Path, png: Path, spec: "EncoderSpec") -> "list[tuple[str, list[Hit]]]":
    """Answer all questions, and draw the answers into one picture."""
    from deltaclip.library import Library, draw_answers
    from deltaclip.motion import encode_png

    encoder = encoder_to_ask(library, spec.precision, spec.engine)
    with Library.open(library, encoder) as opened:
        for question in questions:
            warn_of_lost_words(encoder, question)
        answers = [(question, opened.search(question, limit=3)) for question in questions]
    reads = encoder.reader_spec
    with writable(png):
        write_bytes_whole(png, encode_png(draw_answers(answers, reads.motion_word, reads.num_frames)))
    return answers


def _draw_clips(folder: Path) -> tuple[Path, list[str]]:
    """Write the clips of the demo, and give the questions to ask about them."""
    from deltaclip.shapes import DEMO_CLIPS, draw_demo

    note(
        f"drawing {DEMO_CLIPS} clips into {shown(folder)}: in each group of three, the objects are the same and a "
        "different one moves"
    )
    return folder, list(draw_demo(folder))
