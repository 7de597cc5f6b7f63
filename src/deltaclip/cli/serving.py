"""`serve`: the page and the API over libraries."""

from pathlib import Path
from typing import Annotated

import typer

from deltaclip.cli.options import EncoderOption
from deltaclip.cli.output import print_lines

__all__ = ["serve"]


def serve(
    library: Annotated[
        list[str] | None,
        typer.Option(metavar="DIR", help="Folder of a library (default: as everywhere). Twice, to compare two."),
    ] = None,
    encoder: EncoderOption = None,
    host: Annotated[str, typer.Option(metavar="HOST", help="Address to listen on; other machines need a token.")] = (
        "127.0.0.1"
    ),
    port: Annotated[int, typer.Option(min=0, max=65535, metavar="PORT", help="Port; 0 takes a free one.")] = 8765,
    root: Annotated[
        list[Path] | None,
        typer.Option(metavar="DIR", help="Folder below which videos may be indexed from the page. May be repeated."),
    ] = None,
) -> None:
    """Open libraries in the browser, and for programs over HTTP.

    Prints the address, and serves until Ctrl-C.

    \b
    Examples:
      deltaclip serve
      deltaclip serve --root ~/Videos
    """
    from deltaclip.serve import ServeSpec, run_server

    roots = [folder.expanduser().absolute() for folder in root or ()]
    run_server(ServeSpec(library or (), encoder, roots, host, port), print_lines)
