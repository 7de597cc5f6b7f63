"""The command `deltaclip`: its subcommands, and how an error is reported."""

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
    assistants,
    average,
    cache,
    calibrating,
    checkpoint,
    cluster,
    compare,
    convert,
    data,
    demo,
    diagnosis,
    evaluate,
    indexing,
    library,
    masks,
    merging,
    report,
    search,
    serving,
    study,
    tokens,
    train,
)
from deltaclip.cli.groups import Sections, flattened
from deltaclip.cli.output import EXIT_FAILED, EXIT_REFUSED, Done, emit, note, print_lines, shown, speak_any_encoding
from deltaclip.errors import DeltaclipError

__all__ = ["app", "main"]

EXIT_INTERRUPTED, EXIT_PIPE = 128 + signal.SIGINT, 128 + 13
FULL = (errno.ENOSPC, errno.EDQUOT)
CONTINUES = {
    "index": "finished videos are kept; run the same command again to continue",
    "repair": "repaired videos are kept; run deltaclip index on their folders to continue",
    "cache": "finished videos are kept; run the same command again to continue",
    "merge": "merged videos are kept; run the same command again to continue",
    "cluster": "what was written is kept; run the same command again to continue",
    "train": "saved states are kept; run the same command with --resume to continue",
}
"""Commands that continue their work when they are run again after Ctrl-C, and how."""

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
    search.search,
    serving.serve,
    tokens.token,
    assistants.mcp,
    library.status,
    library.failures,
    library.verify,
    library.repair,
    library.remove,
    merging.merge,
    masks.masks,
    convert.convert,
    checkpoint.tokenize,
    checkpoint.info,
    diagnosis.doctor,
    calibrating.calibrate,
    data.data,
    evaluate.evaluate,
    compare.compare,
    study.study,
    cache.cache,
    train.train,
    report.report,
    average.average,
)
"""In the order of the help."""

for command in COMMANDS:
    app.command(cls=Sections)(flattened(command))

app.add_typer(cluster.cluster)


def _version(wanted: bool) -> None:
    if wanted:
        print_lines(f"deltaclip {deltaclip.__version__}")
        raise typer.Exit


@app.callback()
def _options(
    debug: Annotated[
        bool, typer.Option("--debug", help="Show the traceback of an error. May be given anywhere.")
    ] = False,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """Find moments in videos from words, by what moves in them."""


def main() -> None:
    """Run the command line.

    Exit codes: 0 done, 1 failed or done with failures named, 2 wrong usage, 3 refused, 130 interrupted by Ctrl-C.
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
        # Everything that the error is about; the line for people names the first few only.
        listed = getattr(error, "listed", {})
        if "--json" in arguments:
            every = {"listed": listed} if listed else {}
            with suppress(DeltaclipError):  # stdout itself may be what failed
                emit({"error": {"what": error.what, "found": error.found, "remedy": error.remedy, **every}})
        elif any(each not in str(error) for each in listed):
            note(f"use --json to list all {len(listed):,}")
        # Another process holds the library or the cache: nothing failed, nothing was done.
        sys.exit(EXIT_REFUSED if getattr(error, "refused", False) else EXIT_FAILED)
    except (KeyboardInterrupt, SystemExit) as stop:
        # typer turns Ctrl-C into an exit with this code, silently
        code = EXIT_INTERRUPTED if isinstance(stop, KeyboardInterrupt) else stop.code
        if any(isinstance(each, BrokenPipeError) for each in _behind(stop)):
            _leave_pipe()
        if code == EXIT_INTERRUPTED:
            words = _words_of_interrupt(stop) or CONTINUES.get(arguments[0] if arguments else "", "")
            note(f"stopped; {words}" if words else "stopped")
            if "--json" in arguments:
                with suppress(DeltaclipError):
                    emit({"error": {"what": "deltaclip", "found": "stopped by Ctrl-C", "remedy": words}})
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
            note(f"stdout: cannot be written ({error.strerror}). Free some disk space, or send the output elsewhere.")
            sys.exit(EXIT_FAILED)
        note(f"unexpected error (please report it): {type(error).__name__}: {shown(error)}")
        note("Run the same command with --debug and add what it prints to the report.")
        if "--json" in arguments:
            found = f"unexpected error: {type(error).__name__}: {error}"
            with suppress(DeltaclipError):
                emit({"error": {"what": "deltaclip", "found": found, "remedy": "Run it with --debug and report it."}})
        sys.exit(EXIT_FAILED)


def _leave_pipe() -> NoReturn:
    """Exit quietly if nobody reads stdout any more, as in `deltaclip failures | head`.

    By an exception and not by SIGPIPE, which the death of a decoding child would send too, in the middle of a run.
    """
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python complains when it flushes stdout at exit
    sys.exit(EXIT_PIPE)


def _words_of_interrupt(stop: BaseException) -> str:
    """What a command says about its state when Ctrl-C came, or an empty text."""
    error = next((each for each in _behind(stop) if isinstance(each, KeyboardInterrupt)), None)
    return "" if error is None else shown(error)


def _wrong_usage(stop: BaseException) -> dict[str, str]:
    """The usage error that Typer has printed already, as an error object; empty if there was none."""
    error = next((each for each in _behind(stop) if hasattr(each, "format_message")), None)
    if error is None:
        return {}
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "deltaclip"
    return {"what": command, "found": error.format_message(), "remedy": f"See {command} --help."}


def _behind(stop: BaseException) -> Iterator[BaseException]:
    """An exception and the chain of those being handled when it was raised: Typer's exit hides its reason there."""
    error: BaseException | None = stop
    while error is not None:
        yield error
        error = error.__context__


def _without_debug(arguments: list[str]) -> tuple[list[str], bool]:
    """The arguments without `--debug`, and whether it was there.

    People add it at the end of the command that failed. It is not looked for after a `--`, where words are data.
    """
    end = arguments.index("--") if "--" in arguments else len(arguments)
    kept = [word for word in arguments[:end] if word != "--debug"] + arguments[end:]
    return kept, len(kept) != len(arguments)
