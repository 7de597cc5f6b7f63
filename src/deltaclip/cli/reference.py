"""The page of all commands, made from their own help: `python -m deltaclip.cli.reference FILE`."""

import sys
from pathlib import Path

from typer.testing import CliRunner

from deltaclip.cli.app import app

__all__ = ["reference"]

HEAD = """# Commands

This page is made from the program (`make docs`); a test holds that it is up to date.

Exit codes: 0 done, 1 done with failures named, 2 wrong usage, 3 refused. Data goes to stdout, everything else to
stderr. With `--json` a command prints exactly one object, for a refusal or wrong usage `{"error": …}`. `--debug`
shows the traceback of an error.

Json is ASCII: every other character is escaped, so that it is the same in any encoding. A byte of a file's name that is
no UTF-8 is a lone surrogate there (`\\udcff` for the byte 0xff; Python's `os.fsencode` gives the byte back). Lines for
people spell out what their terminal or pipe cannot show.
"""


def reference() -> str:
    """The help of every command as Markdown, at 100 columns."""
    names = [command.callback.__name__ for command in app.registered_commands if command.callback is not None]
    return HEAD + "".join(f"\n## {name or 'deltaclip'}\n\n```\n{_help(name)}\n```\n" for name in ("", *names))


def _help(name: str) -> str:
    words = [name, "--help"] if name else ["--help"]
    result = CliRunner().invoke(app, words, prog_name="deltaclip", env={"COLUMNS": "100"}, terminal_width=100)
    lines = [line.rstrip() for line in result.output.strip().splitlines()]
    return "\n".join(lines)


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(reference(), encoding="utf-8")
