"""`merge`: several libraries as one."""

from dataclasses import asdict
from typing import Annotated

import typer

from deltaclip.cli.options import JsonOption
from deltaclip.cli.output import Progress, emit, print_lines, shown
from deltaclip.wording import count

__all__ = ["merge"]


def merge(
    libraries: Annotated[list[str], typer.Argument(help="Libraries to merge; they are only read.", metavar="LIBRARY")],
    out: Annotated[
        str,
        typer.Option(
            metavar="DIR", help="Library to write to: a new one, or one of the same encoder, which is added to."
        ),
    ],
    as_json: JsonOption = False,
) -> None:
    """Make one library of several, without encoding again.

    For example of the shards of a folder. Vectors stay as they are to the bit, and failures and missing files stay
    known. All must be made with the same encoder and options. Of a path that several have, the one that was read to its
    end is taken, and of those the one that was changed last. If it is interrupted, the same command does the rest.

    \b
    Example:
      deltaclip merge part-01 part-02 part-03 --out archive.library
    """
    from deltaclip.library import full_address, merge_libraries

    with Progress() as line:
        report = merge_libraries(
            libraries, out, lambda done, total: line.show(f"{done:,}/{total:,} videos", done, total)
        )
    if as_json:
        emit(asdict(report))
        return
    kept = f", {report.kept:,} kept" if report.kept else ""
    twice = f", {report.twice:,} left out for a better one of the same path" if report.twice else ""
    print_lines(
        f"{shown(full_address(out))}: {count(report.videos, 'video')} with {count(report.segments, 'moment')} written, "
        f"{report.failed} failed, {report.missing} missing{kept}{twice}"
    )
