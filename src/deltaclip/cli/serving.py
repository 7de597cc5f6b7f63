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
    host: Annotated[
        str,
        typer.Option(
            metavar="HOST", help="Address to listen on. For one that other machines reach, make a token first."
        ),
    ] = ("127.0.0.1"),
    port: Annotated[int, typer.Option(min=0, max=65535, metavar="PORT", help="Port; 0 takes a free one.")] = 8765,
    root: Annotated[
        list[Path] | None,
        typer.Option(metavar="DIR", help="Folder below which videos may be indexed from the page. May be repeated."),
    ] = None,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Name that the server is called by besides its own, such as that of a reverse proxy. Everybody then "
            "needs a token. May be repeated.",
        ),
    ] = None,
) -> None:
    """Open libraries in the browser, and for programs over HTTP.

    Prints the address, and serves until Ctrl-C. Only this machine reaches it unless --host says otherwise; then
    everybody needs a token: see deltaclip token.

    \b
    Examples:
      deltaclip serve
      deltaclip serve --root ~/Videos
      deltaclip serve --host 0.0.0.0
    """
    from deltaclip.serve import ServeSpec, run_server

    roots = [folder.expanduser().absolute() for folder in root or ()]
    run_server(ServeSpec(library or (), encoder, roots, host, port, allow_host or ()), print_lines)
