"""`index`: read videos into a library, and report what became of every file."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deltaclip.checks import AnyPath
from deltaclip.cli.calibrating import calibrate_on
from deltaclip.cli.encoders import encoder_to_index
from deltaclip.cli.index_report import (
    check_patterns,
    left_words,
    name_failures,
    name_notes,
    note_unused,
    passed_over_words,
    report_row,
    show_progress,
)
from deltaclip.cli.options import (
    EncoderOption,
    EngineOption,
    ExcludeOption,
    JsonOption,
    KeepOption,
    LibraryOption,
    PrecisionOption,
    PruneOption,
    Sampling,
    StallLimitOption,
    WorkersOption,
)
from deltaclip.cli.output import Progress, clock, emit, finish, note, print_lines, shown
from deltaclip.cli.watching import watch_until_interrupted
from deltaclip.wording import count

if TYPE_CHECKING:  # torch is imported by the commands that need it
    from deltaclip.encoder import Encoder, EncoderSpec
    from deltaclip.library import IndexReport, Library, Shard

__all__ = ["index", "index_paths", "number_of"]


def index(
    paths: Annotated[list[Path], typer.Argument(help="Video files and folders to index.", metavar="PATH")],
    library: LibraryOption = None,
    encoder: EncoderOption = None,
    motion: Annotated[
        str | None, typer.Option(metavar="MASK", help="Mask for a new library (default: the checkpoint's).")
    ] = None,
    exclude: ExcludeOption = None,
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
    prune: PruneOption = False,
    shard: Annotated[
        str | None,
        typer.Option(
            metavar="I/N",
            help="Only part I of N of the files, into a library of its own, for several machines that share a folder; "
            "deltaclip merge makes one library of all (default: all files).",
        ),
    ] = None,
    watch: Annotated[
        bool,
        typer.Option(
            "--watch",
            help="Stay, and index what changes below the given paths until Ctrl-C (default: index once). A file is "
            "read when it has not changed for 5 s.",
        ),
    ] = False,
    stall_limit: StallLimitOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add videos to a library.

    Videos that are already in it and have not changed are not read again.

    Folders are searched for video files by suffix, and by content if other kinds of files share the suffix (.ts).
    Hidden files, trash and thumbnail folders, further links to the same file, and the small copies that cameras write
    beside a video (.lrv) are skipped and counted. A file that you name is always read. Videos that --exclude matches
    but that are already in the library stay there until you run `deltaclip remove`.

    With --watch, one line is printed (with --json, one object) whenever something was done: first for all files, then
    for those that had changed. Changes are found within seconds, on network shares within minutes. A file that failed
    is tried again when it has changed. Other processes can search at any time, and write while this one does not.

    \b
    Examples:
      deltaclip index ~/Videos
      deltaclip index ~/Videos --exclude '*.gif' --exclude drafts/
      deltaclip index ~/Videos --watch
      deltaclip index /archive --shard 3/16 --library part-03
    """
    from deltaclip.encoder import EncoderSpec

    sampling: Sampling = "keyframes" if fast else "uniform"
    spec = EncoderSpec(motion=motion, precision=precision, engine=engine, sampling=sampling, keep=keep)
    chosen, number, part = exclude or (), number_of(workers), shard_of(shard)
    if watch and part is not None:
        raise typer.BadParameter("not with --watch: a shard is indexed once, and merged.", param_hint="'--shard'")
    if watch:
        loaded = _encoder(paths, library, encoder, spec, chosen)
        with _opened(library, loaded, motion_words) as opened:
            watch_until_interrupted(opened, loaded, paths, chosen, motion_words, number, prune=prune, as_json=as_json)
        return
    report, loaded = index_paths(paths, library, encoder, spec, chosen, motion_words, number, prune=prune, shard=part)
    if as_json:
        emit(report_row(report, loaded.name, loaded.engine.facts))
    else:
        print_lines(
            f"{report.indexed} indexed, {report.unchanged} unchanged, {report.failed} failed, "
            f"{count(report.new, 'new moment')} in {clock(report.seconds)}"
        )
        if report.recognised:
            print_lines(f"{count(report.recognised, 'video')} of these recognised by their bytes and not read again")
        if report.measured:
            print_lines(f"{count(report.measured, 'video')} of these read again only to measure how they move")
        if report.passed_over:
            print_lines(f"skipped: {passed_over_words(report.passed_over)}")
        print_lines(*left_words(report, prune=prune))
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


def shard_of(words: str | None) -> "Shard | None":
    """What --shard says."""
    from deltaclip.library import Shard

    if words is None:
        return None
    number, _, total = words.partition("/")
    try:
        return Shard(int(number), int(total))
    except ValueError:
        hint = "give a part and the number of parts, such as 3/16."
        raise typer.BadParameter(f"'{shown(words)}' is no shard: {hint}", param_hint="'--shard'") from None


def index_paths(
    paths: list[Path],
    library: AnyPath | None,
    encoder: str | None,
    spec: "EncoderSpec | None" = None,
    exclude: Sequence[str] = (),
    motion_words: bool | None = None,
    workers: int | None = None,
    *,
    prune: bool = False,
    shard: "Shard | None" = None,
) -> "tuple[IndexReport, Encoder]":
    """Index paths, and give the encoder that did it; progress and notes go to stderr."""
    from deltaclip.library import LINK, report_of_nothing

    loaded = _encoder(paths, library, encoder, spec, exclude)
    if (nothing := report_of_nothing(library, paths, exclude)) is not None:
        report = nothing
    else:
        with _opened(library, loaded, motion_words) as opened, Progress() as line:
            report = opened.index(
                paths,
                on_progress=lambda state: show_progress(line, state),
                exclude=exclude,
                motion_words=motion_words,
                workers=workers,
                prune=prune,
                shard=shard,
            )
    if not report.seen and shard is None and LINK not in report.passed_over:
        note("no video files found: folders are searched by suffixes such as .mp4; a file that you name is always read")
    note_unused(report.unused_exclude)
    return report, loaded


def _encoder(
    paths: list[Path], library: AnyPath | None, name: str | None, spec: "EncoderSpec | None", exclude: Sequence[str]
) -> "Encoder":
    """The encoder to index with, once the patterns are valid; what is worth knowing of it goes to stderr."""
    from deltaclip.encoder import EncoderSpec, needs_calibration

    check_patterns(exclude)
    loaded = encoder_to_index(library, name, spec or EncoderSpec())
    if needs_calibration(loaded):
        calibrate_on(loaded, paths)
    note(loaded.describe())
    return loaded


@contextmanager
def _opened(library: AnyPath | None, loaded: "Encoder", motion_words: bool | None) -> "Iterator[Library]":
    """The library to index into; what is worth knowing about it goes to stderr."""
    from deltaclip.library import Library

    with Library.open(library, loaded, create=True) as opened:
        if (known := opened.remembered_encoder()) is not None and known.outdated is not None:
            note(
                f"{shown(opened.address)}: {known.outdated}. The given paths are read again; `deltaclip failures` "
                "lists the videos elsewhere that still have to be."
            )
        _tell_of_motion(opened, motion_words)
        yield opened


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
