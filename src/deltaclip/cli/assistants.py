"""`mcp`: tools for assistants over stdio."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from deltaclip.cli.options import EncoderOption
from deltaclip.cli.serving import require_packages

__all__ = ["mcp"]


def mcp(
    library: Annotated[
        list[str] | None,
        typer.Option(metavar="DIR", help="Folder of a library (default: as everywhere). May be repeated."),
    ] = None,
    encoder: EncoderOption = None,
    allow_index: Annotated[
        bool, typer.Option("--allow-index", help="Let the assistant index folders below --root (default: only read).")
    ] = False,
    root: Annotated[
        list[Path] | None,
        typer.Option(metavar="DIR", help="Folder below which --allow-index may index. May be repeated."),
    ] = None,
) -> None:
    """Give an assistant tools to search your videos, over MCP.

    The assistant starts this command itself and speaks with it on stdin and stdout. For one that speaks HTTP, run
    deltaclip serve, which has the same tools at /mcp.

    \b
    Examples:
      deltaclip mcp
      deltaclip mcp --allow-index --root ~/Videos
    """
    if allow_index != bool(root):
        found = "name the folders that may be indexed with --root." if allow_index else "it needs --allow-index."
        raise typer.BadParameter(found, param_hint="'--allow-index'" if allow_index else "'--root'")
    require_packages("deltaclip mcp")
    from deltaclip.serve import run_stdio

    roots = [folder.expanduser().absolute() for folder in root or ()]
    asyncio.run(run_stdio(library or (), encoder, roots))
