"""`index --watch`: what is printed while a library is kept in step with folders."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Self

from deltaclip.cli.index_report import name_failures, name_notes, report_row, show_progress
from deltaclip.cli.output import Progress, clock, emit, note, print_lines, shown
from deltaclip.wording import count

if TYPE_CHECKING:  # torch is imported by the commands that need it
    from deltaclip.encoder import Encoder
    from deltaclip.library import IndexProgress, IndexReport, Library

__all__ = ["watch_until_interrupted"]


def watch_until_interrupted(
    opened: "Library",
    loaded: "Encoder",
    paths: list[Path],
    exclude: Sequence[str],
    motion_words: bool | None,
    workers: int | None,
    *,
    prune: bool,
    as_json: bool,
) -> None:
    """Index what changes below paths until Ctrl-C, and print what was done."""
    note("watching; stop with Ctrl-C")
    try:
        with _BatchProgress() as line:
            for report in opened.watch(
                paths,
                on_progress=line.show,
                on_note=lambda text: note(shown(text)),
                exclude=exclude,
                motion_words=motion_words,
                workers=workers,
                prune=prune,
            ):
                if as_json:
                    emit(report_row(report, loaded.name, loaded.engine.facts))
                else:
                    print_lines(_batch_line(report))
                    name_failures(report.failures)
                    name_notes(report.notes)
    except KeyboardInterrupt:
        note("stopped watching; the library has every video that was finished")


def _batch_line(report: "IndexReport") -> str:
    """What a batch of a watch did, in one line."""
    more = {"missing": report.missing, "no longer missing": report.returned, "removed": report.removed}
    told = [f"{report.indexed} indexed", f"{report.unchanged} unchanged", f"{report.failed} failed"]
    told += [f"{number} {what}" for what, number in more.items() if number]
    return f"{', '.join(told)}, {count(report.new, 'new moment')} in {clock(report.seconds)}"


class _BatchProgress:
    """The progress line of a watch, which is there only while files are indexed."""

    def __init__(self) -> None:
        self._line: Progress | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._remove()

    def show(self, state: "IndexProgress") -> None:
        """Update the line, or remove it at the end of the batch."""
        if state.current is None:
            self._remove()
            return
        if self._line is None:
            self._line = Progress()
            self._line.__enter__()
        show_progress(self._line, state)

    def _remove(self) -> None:
        if self._line is not None:
            self._line.__exit__(None, None, None)
            self._line = None
