"""What a run of `index` did, and how far it is, as lines, rows of JSON and a progress line."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import typer

from deltaclip.cli.output import Progress, note, shown
from deltaclip.wording import count

if TYPE_CHECKING:  # OpenCV is imported by the commands that need it
    from deltaclip.library import Failure, IndexProgress, IndexReport, Note

__all__ = [
    "check_patterns",
    "failure_rows",
    "left_words",
    "name_failures",
    "name_notes",
    "note_rows",
    "note_unused",
    "passed_over_words",
    "report_row",
    "show_progress",
]

MAX_FAILURES_SHOWN = 10
MAX_SUFFIXES_SHOWN = 5


def report_row(report: "IndexReport", encoder: str, facts: Mapping[str, object]) -> dict[str, Any]:  # Any: json
    """encoder: its name. facts: of its engine."""
    rows = {"failures": failure_rows(report.failures), "notes": note_rows(report.notes)}
    about = {"videos_per_second": report.videos_per_second, "encoder": _engine_row(encoder, facts)}
    return {**asdict(report), **about, **rows}


def _engine_row(encoder: str, facts: Mapping[str, object]) -> dict[str, object]:
    """By which encoder vectors were made, and how it ran."""
    told = ("engine", "engine_reason", "device", "device_reason", "precision", "precision_reason")
    return {"name": encoder} | {name: facts[name] for name in told if name in facts}


def check_patterns(exclude: "Sequence[str]") -> None:
    """Raises BadParameter for a pattern of --exclude that cannot be meant."""
    from deltaclip.library import Exclusion

    try:
        Exclusion(exclude)
    except ValueError as error:
        raise typer.BadParameter(f"{error}.", param_hint="'--exclude'") from error


def note_unused(patterns: "Sequence[str]") -> None:
    """Name the patterns of --exclude that matched nothing."""
    if patterns:
        named = ", ".join(f"'{pattern}'" for pattern in patterns)
        note(
            f"--exclude matched nothing: {shown(named)} (patterns may contain *, ? and [a-z]; repeat --exclude for "
            "several patterns)"
        )


def left_words(report: "IndexReport", *, prune: bool) -> list[str]:
    """What became of videos of the library that were not looked at, a line each."""
    words = []
    if prune:
        words.append(f"removed from the library: {count(report.removed, 'video')} whose files are gone")
    if report.left_alone:
        known = count(report.left_alone, "excluded video")
        words.append(f"still in the library: {known} (use deltaclip remove to remove them)")
    return words


def show_progress(line: Progress, state: "IndexProgress") -> None:
    """Update the line that shows how far a run of `index` is."""
    failed = f"   {state.failed} failed" if state.failed else ""
    text = (
        f"{state.done}/{state.total} videos  {state.segments:,} moments  {line.rate(state.done):.1f} videos/s{failed}"
    )
    line.show(text, state.done, state.total)


def passed_over_words(kinds: Mapping[str, int]) -> str:
    """What `index` skipped, in one line: the count of each kind, then other files by suffix."""
    named = [f"{number:,} {kind}" for kind, number in kinds.items() if not kind.startswith(".") or " " in kind]
    others = sorted(((-number, kind) for kind, number in kinds.items() if kind.startswith(".") and " " not in kind))
    if others:
        most = ", ".join(f"{kind} {-number:,}" for number, kind in others[:MAX_SUFFIXES_SHOWN])
        more = ", ..." if len(others) > MAX_SUFFIXES_SHOWN else ""
        named.append(f"{count(-sum(number for number, _ in others), 'other file')} ({most}{more})")
    return shown(", ".join(named))


def note_rows(rows: "Sequence[Note]") -> list[dict[str, str]]:
    return [{"path": str(row.path), "text": row.text} for row in rows]


def name_notes(rows: "Sequence[Note]") -> None:
    """Print the notes on the first files that were read to stderr, and how many more there are."""
    for row in rows[:MAX_FAILURES_SHOWN]:
        note(f"  {shown(row.path)}  {shown(row.text)}")
    if len(rows) > MAX_FAILURES_SHOWN:
        note(f"  ... {len(rows) - MAX_FAILURES_SHOWN} more notes (use --json to list all)")


def failure_rows(rows: "Sequence[Failure]") -> list[dict[str, str]]:
    return [{"path": str(row.path), "reason": row.reason} for row in rows]


def name_failures(rows: "Sequence[Failure]") -> None:
    """Print the first failures to stderr, and how many more there are."""
    for row in rows[:MAX_FAILURES_SHOWN]:
        note(f"  {shown(row.path)}  {shown(row.reason)}")
    if len(rows) > MAX_FAILURES_SHOWN:
        note(f"  ... {len(rows) - MAX_FAILURES_SHOWN} more (use `deltaclip failures` to list all)")
