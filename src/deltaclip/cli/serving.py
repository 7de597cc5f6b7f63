"""`serve`: the page and the API over libraries."""

import os
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from deltaclip.cli.options import EncoderOption
from deltaclip.cli.output import note, print_lines, shown
from deltaclip.errors import DeltaclipError

__all__ = ["require_packages", "serve"]

PACKAGES = ("fastapi", "uvicorn", "sse_starlette", "prometheus_client", "mcp")


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
    require_packages("deltaclip serve")
    # Before numpy: questions are small products, for which its threads wait longer for each other than they work.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from deltaclip.serve import ServeSpec, run_server

    roots = [folder.expanduser().absolute() for folder in root or ()]
    if wrong := next((folder for folder in roots if not folder.is_dir()), None):
        raise typer.BadParameter(f"{shown(wrong)} is no folder.", param_hint="'--root'")
    _check_libraries(library or ())
    run_server(ServeSpec(library or (), encoder, roots, host, port, allow_host or ()), print_lines, note)


def _check_libraries(given: Sequence[str]) -> None:
    """Raises BadParameter for a library given twice, and for a file; LibraryError for what cannot become a library."""
    from deltaclip.library import Library, full_address, local_folder

    addresses = [full_address(address) for address in given]
    if twice := next((address for address in addresses if addresses.count(address) > 1), None):
        raise typer.BadParameter(f"{shown(twice)} is given twice.", param_hint="'--library'")
    for address in addresses:
        folder = local_folder(address)
        if folder is None:
            continue
        if folder.is_file() or (folder.is_dir() and any(folder.iterdir()) and not Library.exists(address)):
            words = "is a file" if folder.is_file() else "holds other files and no library"
            raise typer.BadParameter(
                f"{shown(address)} {words}: give the folder of a library, or a new one.", param_hint="'--library'"
            )


def require_packages(command: str) -> None:
    """Raises DeltaclipError unless what a server needs is installed."""
    if missing := [name for name in PACKAGES if find_spec(name) is None]:
        found = f"needs packages that are not installed ({', '.join(missing)})"
        raise DeltaclipError(command, found, "Install them with: pip install 'deltaclip[serve]'.")
