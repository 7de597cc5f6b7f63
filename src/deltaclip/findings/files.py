"""A study on disk: NAME.json and NAME.md, and its picture as NAME.png, NAME.pdf and, point by point, NAME.csv."""

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path

from deltaclip.durable import write_bytes_whole
from deltaclip.findings.plots import draw_panels
from deltaclip.findings.study import Estimate, Panel, Row, Spread, StudyResult

__all__ = ["study_markdown", "write_study"]


def write_study(folder: Path, result: StudyResult, command: str) -> list[Path]:
    """Writes the files and returns their paths. command: as typed, repeated in the JSON and the Markdown."""
    document = {**result.to_json(), "command": command}
    words = study_markdown(result, command, f"{result.name}.png")
    contents = {
        "json": (json.dumps(document, indent=1) + "\n").encode(),
        **draw_panels(result.panels),
        "csv": points_csv(result.panels).encode(),
        "md": words.encode(errors="backslashreplace"),  # a name in the command may hold bytes that are not UTF-8
    }
    paths = {suffix: folder / f"{result.name}.{suffix}" for suffix in contents}
    for suffix, content in contents.items():
        write_bytes_whole(paths[suffix], content)
    return list(paths.values())


def points_csv(panels: Sequence[Panel]) -> str:
    """Every point of the picture, a row each: panel, axes, curve, x, y, and the ends of its interval if it has one."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("panel", "x_label", "y_label", "curve", "x", "y", "low", "high"))
    for panel in panels:
        for curve in panel.curves:
            none = ("",) * len(curve.y)
            ends = zip(curve.low or none, curve.high or none, strict=True)
            for x, y, (low, high) in zip(curve.x, curve.y, ends, strict=True):
                writer.writerow((panel.title, panel.x_label, panel.y_label, curve.label, x, y, low, high))
    return text.getvalue()


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
