"""The command line: words typed to calls of the other rooms, tables and json out."""

from deltaclip.cli.app import main

__all__ = ["main"]
