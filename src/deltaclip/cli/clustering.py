"""`cluster`: index with many machines."""

from typing import Annotated

import typer

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
from deltaclip.cli.options import EncoderOption, ExcludeOption, JsonOption, PruneOption
from deltaclip.cli.output import Progress, clock, emit, finish, note, print_lines
from deltaclip.wording import count

__all__ = ["index"]


def index(
    uris: Annotated[
        list[str],
        typer.Argument(help="Files and folders: paths that all nodes see, or s3://BUCKET/FOLDER.", metavar="URI"),
    ],
    store: Annotated[
        str,
        typer.Option(
            metavar="ADDRESS",
            help="Library to index into: a folder that this machine sees, or s3://BUCKET/FOLDER. A new one is kept in "
            "Lance tables.",
        ),
    ],
    encoder: EncoderOption = None,
    exclude: ExcludeOption = None,
    prune: PruneOption = False,
    ray: Annotated[
        str | None,
        typer.Option(
            "--ray", metavar="HOST:PORT", help="Head of a Ray cluster (default: start Ray on this machine only)."
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Add videos to a library with the nodes of a Ray cluster.

    Each node decodes on its CPUs and encodes on its GPUs, or on half of its CPUs if there are none. What the library
    has and has not changed is not read again. A node that is lost costs the files that it had in hand, which others
    read again; if this command is stopped or killed, the same command goes on. One run at a time writes to a library.

    Credentials of S3 are taken from the environment (AWS_ACCESS_KEY_ID and so on) of every node. See
    docs/how-to/cluster.md.

    \b
    Examples:
      deltaclip cluster index ~/Videos --store archive.library
      deltaclip cluster index s3://films/2026 --store s3://films/library --ray 10.0.0.1:6379
    """
    from deltaclip.cluster import index_cluster, table_address
    from deltaclip.encoder import EncoderSpec

    patterns = exclude or ()
    check_patterns(patterns)
    address = table_address(store)
    loaded = encoder_to_index(address, encoder, EncoderSpec())
    with Progress() as line:
        done = index_cluster(
            uris,
            address,
            loaded,
            lambda state: show_progress(line, state),
            ray_address=ray,
            exclude=patterns,
            prune=prune,
        )
    report = done.report
    if not report.seen:
        note("no video files found: folders are searched by suffixes such as .mp4; a file that you name is always read")
    note_unused(report.unused_exclude)
    if as_json:
        emit(report_row(report, loaded.name, done.engine))
    else:
        print_lines(
            f"{report.indexed} indexed, {report.unchanged} unchanged, {report.failed} failed, "
            f"{count(report.new, 'new moment')} in {clock(report.seconds)}"
        )
        if report.passed_over:
            print_lines(f"skipped: {passed_over_words(report.passed_over)}")
        print_lines(*left_words(report, prune=prune))
        name_failures(report.failures)
        name_notes(report.notes)
    finish(report.failed > 0)
