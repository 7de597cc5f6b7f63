"""`index`: read videos into a library, and report what became of every file."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deltaclip.checks import AnyPath
from deltaclip.cli.calibrating import calibrate_on
from deltaclip.cli.encoders import encoder_to_index
from deltaclip.cli.options import (
    EncoderOption,
    EngineOption,
    JsonOption,
    KeepOption,
    LibraryOption,
    PrecisionOption,
    Sampling,
    StallLimitOption,
    WorkersOption,
)
from deltaclip.cli.output import Progress, clock, emit, finish, note, print_lines, shown
from deltaclip.wording import count

if TYPE_CHECKING:  # torch is imported by the commands that need it
    from deltaclip.encoder import Encoder, EncoderSpec
    from deltaclip.library import Failure, IndexProgress, IndexReport, Library, Note

__all__ = ["failure_rows", "index", "index_paths", "name_failures", "name_notes", "note_rows", "number_of"]
__all__ += ["show_progress"]

MAX_FAILURES_SHOWN = 10
MAX_SUFFIXES_SHOWN = 5


def index(
    paths: Annotated[list[Path], typer.Argument(help="Video files and folders to index.", metavar="PATH")],
    library: LibraryOption = None,
    encoder: EncoderOption = None,
    motion: Annotated[
        str | None, typer.Option(metavar="MASK", help="Mask for a new library (default: the checkpoint's).")
    ] = None,
    exclude: Annotated[
        list[str] | None,
        typer.Option(
            help="Skip files and folders that match this pattern (default: skip none). May be repeated. A pattern "
            "without a slash matches names, such as '*.gif'; with a slash, paths below PATH, such as '2019/raw', or "
            "full paths, such as ~/Videos/drafts; with a slash at the end, folders only. Case is ignored.",
            metavar="GLOB",
        ),
    ] = None,
    motion_words: Annotated[
        bool | None,
        typer.Option(
            "--motion-words/--no-motion-words",
            help="Also keep how each moment moves, so that words such as 'to the left' find it (default: as the "
            "library was made; a new one is made with motion words).",
        ),
    ] = None,
    workers: WorkersOption = "auto",
    fast: Annotated[
        bool,
        typer.Option(
            "--fast",
            help="For a new library: look at key frames only, which decodes less and sees less. Many short clips have "
            "one key frame; the mask subject then compares each key frame with the frame after it (default: look at "
            "evenly spaced frames).",
        ),
    ] = False,
    precision: PrecisionOption = "auto",
    engine: EngineOption = "auto",
    keep: KeepOption = None,
    stall_limit: StallLimitOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add videos to a library.

    Videos that are already in it and have not changed are not read again.

    Folders are searched for video files by suffix, and by content if other kinds of files share the suffix (.ts).
    Hidden files, trash and thumbnail folders, further links to the same file, and the small copies that cameras write
    beside a video (.lrv) are skipped and counted. A file that you name is always read. Videos that --exclude matches
    but that are already in the library stay there until you run `deltaclip remove`.

    \b
    Examples:
      deltaclip index ~/Videos
      deltaclip index ~/Videos --exclude '*.gif' --exclude drafts/
    """
    from deltaclip.encoder import EncoderSpec

    sampling: Sampling = "keyframes" if fast else "uniform"
    spec = EncoderSpec(motion=motion, precision=precision, engine=engine, sampling=sampling, keep=keep)
    report, loaded = index_paths(paths, library, encoder, spec, exclude or (), motion_words, number_of(workers))
    if as_json:
        rows = {"failures": failure_rows(report.failures), "notes": note_rows(report.notes)}
        about = {"videos_per_second": report.videos_per_second, "encoder": engine_row(loaded)}
        emit({**asdict(report), **about, **rows})
    else:
        print_lines(
            f"{report.indexed} indexed, {report.unchanged} unchanged, {report.failed} failed, "
            f"{report.segments:,} new moments in {clock(report.seconds)}"
        )
        if report.measured:
            print_lines(f"{count(report.measured, 'video')} of these read again only to measure how they move")
        if report.passed_over:
            print_lines(f"skipped: {_passed_over_words(report.passed_over)}")
        if report.left_alone:
            known = count(report.left_alone, "excluded video")
            print_lines(f"still in the library: {known} (use deltaclip remove to remove them)")
        name_failures(report.failures)
        name_notes(report.notes)
    finish(report.failed > 0)


def number_of(workers: str) -> int | None:
    """What --workers says; None for auto."""
    if workers == "auto":
        return None
    if not workers.isascii() or not workers.isdecimal() or int(workers) < 1:
        raise typer.BadParameter(f"{workers!r} is neither auto nor a number of at least 1.", param_hint="'--workers'")
    return int(workers)


def index_paths(
    paths: list[Path],
    library: AnyPath | None,
    encoder: str | None,
    spec: "EncoderSpec | None" = None,
    exclude: Sequence[str] = (),
    motion_words: bool | None = None,
    workers: int | None = None,
) -> "tuple[IndexReport, Encoder]":
    """Index paths, and give the encoder that did it; progress and notes go to stderr."""
    from deltaclip.encoder import EncoderSpec, needs_calibration
    from deltaclip.library import LINK, Exclusion, Library

    try:
        Exclusion(exclude)
    except ValueError as error:
        raise typer.BadParameter(f"{error}.", param_hint="'--exclude'") from error
    loaded = encoder_to_index(library, encoder, spec or EncoderSpec())
    if needs_calibration(loaded):
        calibrate_on(loaded, paths)
    note(loaded.describe())
    with Library.open(library, loaded, create=True) as opened, Progress() as line:
        if (known := opened.remembered_encoder()) is not None and known.outdated is not None:
            note(
                f"{shown(opened.address)}: {known.outdated}. The given paths are read again; `deltaclip failures` "
                "lists the videos elsewhere that still have to be."
            )
        _tell_of_motion(opened, motion_words)
        report = opened.index(
            paths,
            on_progress=lambda state: show_progress(line, state),
            exclude=exclude,
            motion_words=motion_words,
            workers=workers,
        )
    if not report.seen and LINK not in report.passed_over:
        note("no video files found: folders are searched by suffixes such as .mp4; a file that you name is always read")
    if report.unused_exclude:
        patterns = ", ".join(map(repr, report.unused_exclude))
        note(
            f"--exclude matched nothing: {shown(patterns)} (patterns may contain *, ? and [a-z]; repeat --exclude for "
            "several patterns)"
        )
    return report, loaded


def engine_row(encoder: "Encoder") -> dict[str, str]:
    """By which encoder vectors were made, and how it ran."""
    told = ("engine", "engine_reason", "device", "device_reason", "precision", "precision_reason")
    facts = encoder.engine.facts
    return {"name": encoder.name} | {name: facts[name] for name in told if name in facts}


def _tell_of_motion(opened: "Library", wanted: bool | None) -> None:
    """Say if files that the library has are read again to measure how they move."""
    state = opened.status()
    if not state.segments or not (opened.keeps_motion if wanted is None else wanted):
        return
    is_other = state.motion_fingerprint not in (None, opened.motion_encoder.fingerprint)
    if lacking := state.segments if is_other else state.without_motion:
        why = " of this motion encoder" if is_other else ""
        have = "moment has" if lacking == 1 else "moments have"
        note(f"{lacking:,} {have} no motion vector{why}: their files are read again if they are among the given paths")


def show_progress(line: Progress, state: "IndexProgress") -> None:
    """Update the line that shows how far a run of `index` is."""
    failed = f"   {state.failed} failed" if state.failed else ""
    text = (
        f"{state.done}/{state.total} videos  {state.segments:,} moments  {line.rate(state.done):.1f} videos/s{failed}"
    )
    line.show(text, state.done, state.total)


def _passed_over_words(kinds: Mapping[str, int]) -> str:
    """What `index` skipped, in one line: the count of each kind, then other files by suffix."""
    named = [f"{number:,} {kind}" for kind, number in kinds.items() if not kind.startswith(".") or " " in kind]
    others = sorted(((-number, kind) for kind, number in kinds.items() if kind.startswith(".") and " " not in kind))
    if others:
        most = ", ".join(f"{kind} {-number:,}" for number, kind in others[:MAX_SUFFIXES_SHOWN])
        more = ", ..." if len(others) > MAX_SUFFIXES_SHOWN else ""
        named.append(f"{count(-sum(number for number, _ in others), 'other file')} ({most}{more})")
    return shown(", ".join(named))


def note_rows(rows: "Sequence[Note]") -> list[dict[str, str]]:
    return [{"path": str(row.path), "text": row.text} for row in rows]


def name_notes(rows: "Sequence[Note]") -> None:
    """Print the notes on the first files that were read to stderr, and how many more there are."""
    for row in rows[:MAX_FAILURES_SHOWN]:
        note(f"  {shown(row.path)}  {shown(row.text)}")
    if len(rows) > MAX_FAILURES_SHOWN:
        note(f"  ... {len(rows) - MAX_FAILURES_SHOWN} more notes (use --json to list all)")


def failure_rows(rows: "Sequence[Failure]") -> list[dict[str, str]]:
    return [{"path": str(row.path), "reason": row.reason} for row in rows]


def name_failures(rows: "Sequence[Failure]") -> None:
    """Print the first failures to stderr, and how many more there are."""
    for row in rows[:MAX_FAILURES_SHOWN]:
        note(f"  {shown(row.path)}  {shown(row.reason)}")
    if len(rows) > MAX_FAILURES_SHOWN:
        note(f"  ... {len(rows) - MAX_FAILURES_SHOWN} more (use `deltaclip failures` to list all)")
