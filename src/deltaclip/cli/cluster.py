"""`cluster`: libraries that are kept as Lance tables, in a folder or on S3."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Annotated, Literal

import typer

from deltaclip.cli.clustering import index
from deltaclip.cli.groups import Sections, flattened
from deltaclip.cli.options import JsonOption, LibraryOption
from deltaclip.cli.output import Progress, emit, print_lines, shown
from deltaclip.wording import count

__all__ = ["CLUSTER_COMMANDS", "cluster"]

AddressArgument = Annotated[
    str,
    typer.Argument(
        help="Library of Lance tables: lance:// and a folder, the folder, or s3:// and a bucket with a folder in it.",
        metavar="ADDRESS",
    ),
]

cluster = typer.Typer(
    name="cluster",
    help="Index with many machines, into Lance tables, also on S3.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


def export(
    address: AddressArgument,
    library: LibraryOption = None,
    vectors: Annotated[
        Literal["float32", "float16"],
        typer.Option(
            metavar="float32|float16",
            help="How a new library keeps its vectors. float16 takes half the room and changes scores by up to 0.001.",
        ),
    ] = "float32",
    as_json: JsonOption = False,
) -> None:
    """Copy a library into Lance tables, without encoding again.

    Failures, notes and missing files are copied too, and vectors to the bit unless they are kept as float16. A library
    that is there already is added to. If it is interrupted, the same command does the rest.

    \b
    Examples:
      deltaclip cluster export lance://archive.lance
      deltaclip cluster export s3://videos/archive --vectors float16
    """
    from deltaclip.library import default_library_path
    from deltaclip.library.lance import LanceStore, lance_address

    out = lance_address(address)
    if not LanceStore.exists(out):
        LanceStore.make(out, vectors=vectors).close()
    _copy(library or str(default_library_path()), out, as_json)


def import_(address: AddressArgument, library: LibraryOption = None, as_json: JsonOption = False) -> None:
    """Copy a library of Lance tables into a folder, without encoding again.

    The folder is then a library as `deltaclip index` makes it. Failures, notes and missing files are copied too, and
    vectors to the bit. A library that is there already is added to. If it is interrupted, the same command does the
    rest.

    \b
    Example:
      deltaclip cluster import s3://videos/archive --library archive.library
    """
    from deltaclip.library import default_library_path
    from deltaclip.library.lance import lance_address

    _copy(lance_address(address), library or str(default_library_path()), as_json)


def compact(
    address: AddressArgument,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
    keep_hours: Annotated[
        float,
        typer.Option(
            min=0.0, metavar="HOURS", help="Age from which old versions are deleted; no search may take longer."
        ),
    ] = 1.0,
    recall: Annotated[
        float,
        typer.Option(
            min=0.0, max=1.0, metavar="SHARE", help="Share of the 10 nearest moments that the index shall find."
        ),
    ] = 0.99,
    index_from: Annotated[
        int,
        typer.Option(min=1000, metavar="N", help="Number of moments from which on there is an index."),
    ] = 200_000,
    as_json: JsonOption = False,
) -> None:
    """Merge small files, delete old versions, and build the index.

    Every batch that is indexed adds files, and every change keeps the version before it. From --index-from moments on,
    searches go through an index (IVF_RQ); how thoroughly it is searched is chosen so that it finds the share --recall,
    measured against exact search on a sample of the library. Without it every search is exact. Searches go on
    meanwhile.

    \b
    Examples:
      deltaclip cluster compact s3://videos/archive --dry-run
      deltaclip cluster compact s3://videos/archive --recall 0.995
    """
    from deltaclip.library.lance import LanceStore, compact_tables, lance_address

    store = LanceStore.open(lance_address(address), create=False)
    try:
        with Progress() as line:
            report = compact_tables(
                store,
                dry_run=dry_run,
                keep_hours=keep_hours,
                recall=recall,
                indexed_rows=index_from,
                on_step=line.show,
            )
    finally:
        store.close()
    if as_json:
        emit(asdict(report))
        return
    does = "would be " if dry_run else ""
    freed = "" if report.freed_bytes is None else f", {report.freed_bytes / 1e6:,.1f} MB freed"
    print_lines(
        f"{shown(store.address)}: {report.merged:,} of {count(report.files, 'file')} {does}merged, "
        f"{count(report.versions, 'old version')} {does}deleted{freed}"
    )
    if report.indexed and not dry_run:
        print_lines(f"index of {count(report.indexed, 'moment')}")
        told = (
            ("appearance", report.recall, report.filtered_recall, report.probes),
            ("motion", report.motion_recall, report.filtered_motion_recall, report.motion_probes),
        )
        for words, found, among, probes in told:
            if found is not None:
                some = "" if among is None else f", and {among:.1%} with a filter"
                low = min(found, found if among is None else among) < recall
                short = f"; nothing finds {recall:.1%}, this is the most thorough way" if low else ""
                print_lines(
                    f"by {words}: {found:.1%} of the 10 nearest are found, in {count(probes or 0, 'list')}{some}{short}"
                )
    elif report.indexed:
        print_lines(f"{count(report.indexed, 'moment')} would be indexed")


def _copy(source: str, out: str, as_json: bool) -> None:
    from deltaclip.library import full_address, merge_libraries

    with Progress() as line:
        report = merge_libraries(
            [source], out, lambda done, total: line.show(f"{done:,}/{total:,} videos", done, total)
        )
    if as_json:
        emit(asdict(report))
        return
    kept = f", {report.kept:,} kept" if report.kept else ""
    print_lines(
        f"{shown(full_address(out))}: {count(report.videos, 'video')} with {count(report.segments, 'moment')} written, "
        f"{report.failed} failed, {report.missing} missing{kept}"
    )


CLUSTER_COMMANDS: dict[str, Callable[..., None]] = {
    "index": index,
    "export": export,
    "import": import_,
    "compact": compact,
}
"""By the word that is typed, in the order of the help."""

for word, command in CLUSTER_COMMANDS.items():
    cluster.command(word, cls=Sections)(flattened(command))
