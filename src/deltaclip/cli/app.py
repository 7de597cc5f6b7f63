"""The command `deltaclip`: all its commands, and what becomes of an error on its way out."""

import errno
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import suppress
from typing import Annotated, NoReturn

import typer

import deltaclip
from deltaclip.cli import (
    average,
    cache,
    checkpoint,
    compare,
    convert,
    data,
    demo,
    evaluate,
    indexing,
    library,
    masks,
    study,
    train,
)
from deltaclip.cli.groups import Sections, flattened
from deltaclip.cli.output import EXIT_FAILED, EXIT_REFUSED, Done, emit, note, print_lines, shown, speak_any_encoding
from deltaclip.errors import DeltaclipError

__all__ = ["app", "main"]

EXIT_INTERRUPTED, EXIT_PIPE = 128 + signal.SIGINT, 128 + 13
FULL = (errno.ENOSPC, errno.EDQUOT)
GOES_ON = {
    "index": "what was finished is kept, and the same command goes on from there",
    "cache": "what was finished is kept, and the same command goes on from there",
    "train": "what was saved is kept, and the same command with --resume goes on from there",
}
"""Commands that, given again after Ctrl-C, take up what they were at, and how."""

app = typer.Typer(
    help="Find moments in videos from words, by what moves in them.",
    rich_markup_mode=None,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
COMMANDS = (
    demo.demo,
    indexing.index,
    library.search,
    library.status,
    library.failures,
    library.verify,
    library.remove,
    masks.masks,
    convert.convert,
    checkpoint.tokenize,
    checkpoint.info,
    data.data,
    evaluate.evaluate,
    compare.compare,
    study.study,
    cache.cache,
    train.train,
    average.average,
)
"""In the order of the help."""

for command in COMMANDS:
    app.command(cls=Sections)(flattened(command))


def _version(wanted: bool) -> None:
    if wanted:
        print_lines(f"deltaclip {deltaclip.__version__}")
        raise typer.Exit


@app.callback()
def _options(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error. Goes anywhere.")] = False,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and stop.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """Find moments in videos from words, by what moves in them."""


def main() -> None:
    """Runs the command line.

    Exit codes: 0 done, 1 failed or done with failures named, 2 wrong usage, 3 refused, 130 stopped by Ctrl-C.
    """
    arguments, debug = _without_debug(sys.argv[1:])
    speak_any_encoding()
    try:
        app(arguments, prog_name="deltaclip")
    except Done as done:
        sys.exit(done.exit_code)
    except DeltaclipError as error:
        if debug:
            raise
        note(shown(error))
        # All that the error is about, where a line names the first of them only.
        listed = getattr(error, "listed", {})
        if "--json" in arguments:
            every = {"listed": listed} if listed else {}
            with suppress(DeltaclipError):  # stdout itself may be what failed
                emit({"error": {"what": error.what, "found": error.found, "remedy": error.remedy, **every}})
        elif any(each not in str(error) for each in listed):
            note(f"--json names all {len(listed):,}")
        # Another process holds the library or the cache: nothing failed, nothing was done.
        sys.exit(EXIT_REFUSED if getattr(error, "refused", False) else EXIT_FAILED)
    except (KeyboardInterrupt, SystemExit) as stop:
        # typer turns Ctrl-C into an exit with this code, silently
        code = EXIT_INTERRUPTED if isinstance(stop, KeyboardInterrupt) else stop.code
        if any(isinstance(each, BrokenPipeError) for each in _behind(stop)):
            _leave_pipe()
        if code == EXIT_INTERRUPTED:
            words = _words_of_interrupt(stop) or GOES_ON.get(arguments[0] if arguments else "", "")
            note(f"stopped; {words}" if words else "stopped")
        elif "--json" in arguments and (wrong := _wrong_usage(stop)):
            emit({"error": wrong})
        sys.exit(code)
    except BrokenPipeError:
        _leave_pipe()
    except Exception as error:
        if debug:
            raise
        if isinstance(error, OSError) and error.errno in FULL and error.filename is None:
            # typer prints help by itself
            note(f"stdout: cannot be written ({error.strerror}). Make room, or print to a different place.")
            sys.exit(EXIT_FAILED)
        note(f"deltaclip failed in a way that nobody foresaw: {type(error).__name__}: {shown(error)}")
        note("Run it again with --debug and report what it prints.")
        sys.exit(EXIT_FAILED)


def _leave_pipe() -> NoReturn:
    """Ends quietly when nobody reads stdout any more, as in `deltaclip failures | head`.

    By an exception and not by SIGPIPE, which the death of a child that decodes would send too, in the middle of a run.
    """
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python complains when it flushes it at its end
    sys.exit(EXIT_PIPE)


def _words_of_interrupt(stop: BaseException) -> str:
    """What a command says of where it was when Ctrl-C came, or nothing."""
    error = next((each for each in _behind(stop) if isinstance(each, KeyboardInterrupt)), None)
    return "" if error is None else shown(error)


def _wrong_usage(stop: BaseException) -> dict[str, str]:
    """What was wrong with the words of a command, which typer has shown already; or nothing."""
    error = next((each for each in _behind(stop) if hasattr(each, "format_message")), None)
    if error is None:
        return {}
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "deltaclip"
    return {"what": command, "found": error.format_message(), "remedy": f"{command} --help says what it takes."}


def _behind(stop: BaseException) -> Iterator[BaseException]:
    """An exception and those in whose handling it was raised: typer's exit has its reason behind it."""
    error: BaseException | None = stop
    while error is not None:
        yield error
        error = error.__context__


def _without_debug(arguments: list[str]) -> tuple[list[str], bool]:
    """`--debug` may stand anywhere before a `--`, because people add it to the end of what failed."""
    end = arguments.index("--") if "--" in arguments else len(arguments)
    kept = [word for word in arguments[:end] if word != "--debug"] + arguments[end:]
    return kept, len(kept) != len(arguments)
