"""A study on disk: NAME.json, NAME.png and NAME.md in one folder."""

import json
from pathlib import Path

from deltaclip.durable import write_bytes_whole
from deltaclip.findings.plots import draw_panels
from deltaclip.findings.study import Estimate, Row, Spread, StudyResult

__all__ = ["study_markdown", "write_study"]


def write_study(folder: Path, result: StudyResult, command: str) -> list[Path]:
    """Writes the three files and returns their paths. command: as typed, repeated in each of them."""
    json_path, png_path, md_path = (folder / f"{result.name}.{suffix}" for suffix in ("json", "png", "md"))
    document = {**result.to_json(), "command": command}
    # A name in the command may hold bytes that are not UTF-8.
    contents = {
        json_path: (json.dumps(document, indent=1) + "\n").encode(),
        png_path: draw_panels(result.panels),
        md_path: study_markdown(result, command, png_path.name).encode(errors="backslashreplace"),
    }
    for path, content in contents.items():
        write_bytes_whole(path, content)
    return list(contents)


def study_markdown(result: StudyResult, command: str, picture: str) -> str:
    """The study as a paragraph, a picture and a table. picture: its address."""
    told = ", ".join(f"{name} {_cell(value)}" for name, value in result.protocol.items() if value is not None)
    parts = [
        f"# {result.name}",
        result.question,
        result.about,
        *(f"- {note}" for note in result.notes),
        f"![{result.name}]({picture})",
        _table(result.rows),
        f"{_brackets(result.rows)}{told[0].upper()}{told[1:]}.",
        f"`{command}`",
    ]
    return "\n\n".join(parts) + "\n"


def _brackets(rows: tuple[Row, ...]) -> str:
    """What the figures in brackets are."""
    kinds = {type(figure) for row in rows for figure in row.figures.values()}
    words = "Figures in brackets are 95% bootstrap intervals. " if Estimate in kinds else ""
    return words + ("Figures are means over seeds, in brackets the lowest and the highest. " if Spread in kinds else "")


def _table(rows: tuple[Row, ...]) -> str:
    names = [*rows[0].setting, *rows[0].figures]
    lines = [f"| {' | '.join(names)} |", f"|{' --- |' * len(names)}"]
    for row in rows:
        cells = [_cell(value) for value in (*row.setting.values(), *row.figures.values())]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.4g}"
    return str(value).replace("|", "\\|")
