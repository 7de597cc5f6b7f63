"""`status`, `failures`, `verify`, `repair` and `remove`: the commands on a library."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deltaclip.cli.index_report import failure_rows, name_failures, name_notes, note_rows, show_progress
from deltaclip.cli.indexing import number_of
from deltaclip.cli.options import JsonOption, LibraryOption, StallLimitOption, WorkersOption
from deltaclip.cli.output import Progress, emit, finish, note, print_lines, shown
from deltaclip.errors import LibraryError
from deltaclip.wording import count

if TYPE_CHECKING:  # torch is imported by the commands that need it
    from deltaclip.library import Note, Status

__all__ = ["failures", "remove", "repair", "status", "verify"]


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
    kept = "" if state.vectors == "float32" else f", vectors kept as {state.vectors}"
    print_lines(
        f"{shown(folder)}: {count(state.videos, 'video')}, {count(state.segments, 'moment')}, {state.failed} failed, "
        f"{state.missing} missing{kept}",
        f"encoder {shown(state.encoder or 'none yet')} {state.fingerprint or ''}".rstrip(),
        _motion_words(state),
    )


def _motion_words(state: "Status") -> str:
    if state.motion_encoder is None:
        return "motion encoder none"
    lacking = f", {count(state.without_motion, 'moment')} without a motion vector" if state.without_motion else ""
    return f"motion encoder {shown(state.motion_encoder)} {state.motion_fingerprint}{lacking}"


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
    a failing disk. The weights of the library's encoder are compared with the digest that is kept of them, and those of
    its motion encoder with the fingerprint that the library has.

    \b
    Example:
      deltaclip verify
    """
    from deltaclip.library import MOST_NAMED, Library

    notes: Sequence[Note] = ()
    unsure: Sequence[Path] = ()
    elsewhere = 0
    try:
        with Library.open(library) as opened:
            report = opened.verify(every_byte=every_byte)
            notes = opened.notes() if report.ok else ()
            state = opened.status() if report.ok else None
        problems, unsure, elsewhere = list(report.problems), report.unsure, report.elsewhere
        if state is not None:
            problems += _encoder_problems(state)
        ok = not problems
    except LibraryError as error:  # too damaged to be opened: that is an answer too
        ok, problems = False, [str(error)]
    if as_json:
        emit(
            {
                "ok": ok,
                "problems": problems,
                "unsure": [str(path) for path in unsure],
                "elsewhere": elsewhere,
                "notes": note_rows(notes),
            }
        )
    else:
        print_lines(*(shown(problem) for problem in problems), "ok" if ok else count(len(problems), "problem"))
        if len(unsure) > MOST_NAMED:
            note(f"use --json to list all {len(unsure):,} videos from an earlier version of deltaclip")
        if elsewhere:
            note(f"the files of {count(elsewhere, 'video')} are on object storage: only their moments were checked")
        name_notes(notes)
    finish(not ok)


def _encoder_problems(state: "Status") -> Iterator[str]:
    """What is wrong with the two encoders that made a library's vectors."""
    if state.encoder is None:
        return
    from deltaclip.encoder import checkpoint_problem, motion_encoder_problem

    found = [checkpoint_problem(state.encoder)]
    if state.motion_encoder is not None and state.motion_fingerprint is not None:
        found.append(motion_encoder_problem(state.motion_encoder, state.motion_fingerprint))
    yield from filter(None, found)


def repair(
    library: LibraryOption = None,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Only say what would be done; exits with 1 if there is anything to repair."),
    ] = False,
    workers: WorkersOption = "auto",
    stall_limit: StallLimitOption = None,
    as_json: JsonOption = False,
) -> None:
    """Read videos again whose moments are damaged.

    Does for a library what verify asks for: vectors that fail their checksum, are lost or are not of unit length are
    dropped, and the files of their videos are read again. Nothing else is changed. A video whose file is gone stays
    listed by `deltaclip failures`, and is read by the next `deltaclip index` once the file is back. If you have a copy
    of the library from before the damage, put that back instead. Exits with 1 if anything is still wrong at the end.

    \b
    Examples:
      deltaclip repair --dry-run
      deltaclip repair
    """
    from deltaclip.library import Library

    number = number_of(workers)
    with Library.open(library) as opened, Progress() as line:
        report = opened.repair(lambda state: show_progress(line, state), dry_run=dry_run, workers=number)
    if as_json:
        emit(asdict(report) | {"failures": failure_rows(report.failures)})
    else:
        ends = "what is damaged is dropped; its file is gone" if dry_run else "its file is gone"
        does = "its file is read again" if dry_run else "dropped, and its file was read again"
        for video in report.damaged:
            print_lines(f"{shown(video.path)}: {shown(video.problem)}: {ends if video.gone else does}")
        print_lines(*(shown(problem) for problem in report.remaining))
        name_failures(report.failures)
        damaged = f"{count(len(report.damaged), 'video')} damaged"
        print_lines(damaged if dry_run else f"{damaged}, {report.repaired} repaired")
    finish(bool(report.failures or report.remaining or (dry_run and report.damaged)))


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
