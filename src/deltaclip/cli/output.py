"""What the command line prints: data on stdout, everything else on stderr, one JSON object if asked for."""

import io
import json
import os
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from deltaclip.errors import DeltaclipError

__all__ = [
    "Done",
    "PlainLines",
    "Progress",
    "clock",
    "emit",
    "finish",
    "note",
    "print_lines",
    "shown",
    "speak_any_encoding",
]

EXIT_FAILED, EXIT_REFUSED = 1, 3  # 2 is wrong usage, which Typer reports


class Done(Exception):
    """Ends a command with an exit code; everything has been printed."""

    def __init__(self, exit_code: int) -> None:
        super().__init__(exit_code)
        self.exit_code = exit_code


def speak_any_encoding() -> None:
    """Escape the characters that the encoding of stdout and stderr lacks, as in a Windows pipe (cp1252).

    No command may fail because a file name cannot be printed. JSON is ASCII and the same everywhere.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def shown(path: object) -> str:
    """A path or text that any terminal can print: invalid UTF-8 and control characters are escaped.

    As bash and zsh take them: $'caf\\xe9.mp4' is the file whose name is not UTF-8.
    """
    text = os.fsdecode(path) if isinstance(path, bytes) else str(path)
    return "".join(letter if letter.isprintable() else _escaped(letter) for letter in text)


def _escaped(letter: str) -> str:
    """A byte that is not UTF-8, which Python shows as a lone surrogate, as that byte: \\xe9, not \\udce9."""
    if "\udc80" <= letter <= "\udcff":
        return f"\\x{ord(letter) - 0xDC00:02x}"
    return letter.encode("unicode_escape").decode()


def clock(seconds: float) -> str:
    """A position in a video as players write it: 75.04 s is 1:15.0, an hour later 1:01:15.0."""
    tenths = round(seconds * 10)
    minutes, rest = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    return (f"{hours}:{minutes:02d}" if hours else f"{minutes}") + f":{rest // 10:02d}.{rest % 10}"


def emit(document: dict[str, Any]) -> None:  # Any: json
    """Print one JSON object on stdout. Paths that are not UTF-8 keep their surrogates, escaped."""
    print_lines(json.dumps(document, ensure_ascii=True, allow_nan=False, default=_plain))


def print_lines(*lines: str) -> None:
    """Print lines of text on stdout. Raises DeltaclipError if they cannot be written, as on a full disk."""
    try:
        for line in lines:
            print(line)
        if sys.stdout is not None:  # None if the parent process closed it
            sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        remedy = "The command itself has finished; free some disk space, or send the output elsewhere."
        raise DeltaclipError("stdout", f"cannot be written ({error.strerror})", remedy) from error


def note(text: str) -> None:
    """Print a line on stderr."""
    print(text, file=sys.stderr, flush=True)


def finish(failed: bool) -> None:
    """Exit with 1 if something failed; it has been named above."""
    if failed:
        raise Done(EXIT_FAILED)


class PlainLines:
    """When a log gets a line of progress: after a tenth of the work or after half a minute, whichever is first.

    Never within ten seconds of the start or of the line before, so that short commands print none.
    """

    LEAST_SECONDS, MOST_SECONDS, SHARE = 10.0, 30.0, 0.1

    def __init__(self, now: float) -> None:
        self._then, self._share = now, 0.0

    def due(self, now: float, share: float) -> bool:
        """Whether to print a line now. share: of the work that is done; one that falls begins different work."""
        self._share = min(self._share, share)
        waited = now - self._then
        if waited < self.LEAST_SECONDS or (waited < self.MOST_SECONDS and share < self._share + self.SHARE):
            return False
        self._then, self._share = now, share
        return True


class Progress:
    """Progress on stderr: on a terminal a line that is removed at the end, elsewhere now and then a plain line."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as Bar

        console = Console(stderr=True)
        columns = (BarColumn(bar_width=20), TextColumn("{task.description}", markup=False), TimeRemainingColumn())
        self._bar = Bar(*columns, console=console, transient=True, disable=not console.is_terminal)
        self._task = self._bar.add_task("")
        self._started = time.monotonic()
        self._plain = None if console.is_terminal else PlainLines(self._started)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._bar.stop()

    def show(self, text: str, done: float, total: float) -> None:
        """Update the line. done and total may have any unit; they drive the bar and the time left."""
        self._bar.update(self._task, description=shown(text), completed=done, total=total)
        share = done / total if total else 0.0
        if self._plain is not None and self._plain.due(time.monotonic(), share):
            note(f"{shown(text)}  ({share:.0%} after {time.monotonic() - self._started:.0f} s)")

    def rate(self, done: float) -> float:
        """Items per second so far."""
        return done / max(time.monotonic() - self._started, 1e-9)


def _plain(value: object) -> object:
    """Objects that json cannot encode: paths, and NumPy numbers and arrays."""
    if isinstance(value, Path):
        return str(value)
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")
