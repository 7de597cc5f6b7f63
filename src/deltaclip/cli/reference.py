"""The page of all commands, generated from their help: `python -m deltaclip.cli.reference FILE`."""

import sys
from pathlib import Path

from typer.testing import CliRunner

from deltaclip.cli.app import app
from deltaclip.cli.cluster import CLUSTER_COMMANDS

__all__ = ["reference"]

HEAD = """# Commands

This page is generated from the program (`make docs`); a test checks that it is up to date.

Exit codes: 0 success, 1 something failed (it is named on stderr), 2 wrong usage, 3 refused, because another process
uses the library or because it cannot be written, 130 interrupted by Ctrl-C. Data goes to stdout, everything else to
stderr. With `--json` a command prints exactly one object; if it fails or is used wrongly, that is `{"error": …}`.
`--debug` shows the traceback of an error.

JSON output is ASCII: all other characters are escaped, so that it is the same in every encoding. A byte of a file name
that is not valid UTF-8 becomes a lone surrogate (`\\udcff` for the byte 0xff; Python's `os.fsencode` converts it back).
In text output, characters that the terminal or pipe cannot show are escaped.
"""


def reference() -> str:
    """The help of every command as Markdown, at 100 columns."""
    names = [command.callback.__name__ for command in app.registered_commands if command.callback is not None]
    of_cluster = [f"cluster {word}" for word in CLUSTER_COMMANDS]
    every = ("", *names, "cluster", *of_cluster)
    return HEAD + "".join(f"\n## {name or 'deltaclip'}\n\n```\n{_help(name)}\n```\n" for name in every)


def _help(name: str) -> str:
    words = [*name.split(), "--help"]
    result = CliRunner().invoke(app, words, prog_name="deltaclip", env={"COLUMNS": "100"}, terminal_width=100)
    lines = [line.rstrip() for line in result.output.strip().splitlines()]
    return "\n".join(lines)


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(reference(), encoding="utf-8")
