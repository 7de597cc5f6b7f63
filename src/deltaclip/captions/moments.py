"""Sentences about moments of videos: a table moments.csv beside the videos.

moments.csv     columns path (below the folder), sentence, start and end in seconds; also .tsv

A sentence describes start <= second < end of its video, and nothing else of that video. Other columns are ignored.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from deltaclip.captions.entries import column_of
from deltaclip.captions.files import AnnotationFolder, read_table, refused
from deltaclip.captions.qvhighlights import window_of
from deltaclip.names import on_disk

__all__ = ["AskedMoment", "MomentSet", "load_moments"]

TABLES = ("moments.csv", "moments.tsv")
COLUMNS = "path,sentence,start,end"


@dataclass(frozen=True, slots=True)
class AskedMoment:
    """A sentence and the moment that it describes. line: of the table, counted from 1.

    path: of the video, as the disk spells it. start, end: in seconds on a player's clock, 0 <= start < end.
    """

    line: int
    path: Path
    sentence: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class MomentSet:
    """A table of moments. name: of the folder. table: the file that was read. rows: in its order."""

    name: str
    table: Path
    rows: tuple[AskedMoment, ...]

    @property
    def paths(self) -> tuple[Path, ...]:
        """The videos, each once, in the order of the table."""
        return tuple(dict.fromkeys(row.path for row in self.rows))


def load_moments(folder: Path) -> MomentSet:
    """The moments of a folder. Raises CaptionError for a row that cannot be used, with its line.

    Two rows may name one video, and one sentence may describe several moments of it. The same row twice is refused: it
    would count twice.
    """
    folder = on_disk(folder)
    path = AnnotationFolder(folder).find(*TABLES)
    if path is None or path.parent != folder:
        raise refused(folder, f"no {TABLES[0]} here", f"Write one with the columns {COLUMNS}.")
    rows: list[AskedMoment] = []
    lines: dict[tuple[Path, str, float, float], int] = {}
    for line, row in read_table(path):
        asked = _row(path, folder, row, line)
        same = (asked.path, asked.sentence, asked.start, asked.end)
        if same in lines:
            raise refused(path, f"the same row as line {lines[same]}", "Remove one of the two.", line)
        lines[same] = line
        rows.append(asked)
    if not rows:
        raise refused(path, "contains no moment", f"Write a first line {COLUMNS}, and a row for each moment.")
    return MomentSet(folder.resolve().name, path, tuple(rows))


def _row(path: Path, folder: Path, row: dict[str, str], line: int) -> AskedMoment:
    written = column_of(path, row, ("path",), line).strip()
    sentence = column_of(path, row, ("sentence",), line).strip()
    # An empty field is shown as None, as in the other tables.
    first, last = (column_of(path, row, (name,), line) if row.get(name, "-") else None for name in ("start", "end"))
    start, end = window_of(path, first, last, line)
    file = on_disk(folder / written)
    if not os.path.isfile(file):  # unlike Path.is_file, it answers for a name that is too long, too
        raise refused(path, f"{written} is not there", "Restore the video, or remove its row.", line)
    return AskedMoment(line, file, sentence, start, end)
