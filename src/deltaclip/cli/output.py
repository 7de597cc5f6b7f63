"""How the command line speaks: data on stdout, everything else on stderr, one json object where asked for."""

import json
import math
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

__all__ = ["Done", "JsonOption", "Progress", "clock", "emit", "finish", "note", "print_lines", "shown", "track"]

EXIT_FAILED, EXIT_USAGE, EXIT_REFUSED = 1, 2, 3
MAX_REDRAWS_PER_SECOND = 10

JsonOption = Annotated[bool, typer.Option("--json", help="Print one json object on stdout instead of words.")]


class Done(Exception):  # noqa: N818 - no error: the way out with an exit code
    """Ends a command with an exit code after it has said what it had to say."""

    def __init__(self, exit_code: int) -> None:
        super().__init__(exit_code)
        self.exit_code = exit_code


def shown(path: object) -> str:
    """A path or text that any terminal can print: bytes that are no UTF-8 and line feeds are spelt out."""
    text = os.fsdecode(path) if isinstance(path, bytes) else str(path)
    text = text.encode("utf-8", "backslashreplace").decode("utf-8")
    return "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in text)


def clock(seconds: float) -> str:
    """A place in a video as players write it: 75.04 s is 1:15.0, an hour more 1:01:15.0."""
    tenths = round(seconds * 10)
    minutes, rest = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    return (f"{hours}:{minutes:02d}" if hours else f"{minutes}") + f":{rest // 10:02d}.{rest % 10}"


def emit(document: dict[str, Any]) -> None:  # Any: json
    """Prints one json object on stdout. Paths that are no UTF-8 keep their surrogates, escaped, and so survive."""
    print(json.dumps(document, ensure_ascii=True, allow_nan=False, default=_plain))


def print_lines(*lines: str) -> None:
    """Prints data for people on stdout."""
    for line in lines:
        print(line)


def note(text: str) -> None:
    """Says something beside the data, on stderr."""
    print(text, file=sys.stderr, flush=True)


def finish(failed: bool) -> None:
    """Ends with 1 where something failed that was named above."""
    if failed:
        raise Done(EXIT_FAILED)


class Progress:
    """One line on stderr that is written over, and only on a terminal."""

    def __init__(self) -> None:
        self.started = time.monotonic()
        self._live = sys.stderr.isatty()
        self._last = -math.inf

    def show(self, text: str) -> None:
        """Shows the state now; calls in quick succession are dropped."""
        now = time.monotonic()
        if self._live and now - self._last > 1 / MAX_REDRAWS_PER_SECOND:
            self._last = now
            width = os.get_terminal_size(sys.stderr.fileno()).columns
            print(f"\r\x1b[2K{shown(text)[: max(width - 1, 1)]}", end="", file=sys.stderr, flush=True)

    def elapsed(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.started

    def left(self, done: float, total: float) -> str:
        """Time left at the rate so far, as 1:05, or nothing before a rate is known."""
        if done <= 0:
            return ""
        seconds = self.elapsed() * (total - done) / done
        return f"  {int(seconds) // 60}:{int(seconds) % 60:02d} left"

    def close(self) -> None:
        """Wipes the line."""
        if self._live:
            print("\r\x1b[2K", end="", file=sys.stderr, flush=True)


@contextmanager
def track() -> Iterator[Progress]:
    """A progress line that is wiped at the end, however it ends."""
    progress = Progress()
    try:
        yield progress
    finally:
        progress.close()


def _plain(value: object) -> object:
    """What json does not know: paths, and numpy's numbers and arrays."""
    if isinstance(value, Path):
        return str(value)
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} has no json form")
