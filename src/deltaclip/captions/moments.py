"""Sentences about moments of videos: a table moments.csv beside the videos, or a data set whose captions have moments.

moments.csv     columns path (below the folder), sentence, start and end in seconds; also .tsv

A sentence describes start <= second < end of its video, and nothing else of that video. Other columns are ignored.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from deltaclip.captions.entries import column_of
from deltaclip.captions.files import AnnotationFolder, read_table, refused
from deltaclip.captions.qvhighlights import window_of
from deltaclip.captions.types import Split
from deltaclip.captions.videos import VideoFiles
from deltaclip.errors import CaptionError
from deltaclip.names import on_disk
from deltaclip.wording import listed

__all__ = ["AskedMoment", "MomentSet", "load_moments", "moments_of_split"]

TABLES = ("moments.csv", "moments.tsv")
COLUMNS = "path,sentence,start,end"


@dataclass(frozen=True, slots=True)
class AskedMoment:
    """A sentence and the moments that it describes. line: of the table, or number of the sentence, counted from 1.

    path: of the video, as the disk spells it. windows: start and end of each moment, in seconds on a player's clock,
    0 <= start < end; at least one. group: the longer video that this one was cut from, None if it is its own.
    """

    line: int
    path: Path
    sentence: str
    windows: tuple[tuple[float, float], ...]
    group: str | None = None


@dataclass(frozen=True, slots=True)
class MomentSet:
    """Sentences about moments. name: of the folder or data set. table: what was read. rows: in its order.

    annotators: whether the windows of a sentence are those of several people who looked for one moment, so that what is
    found has to agree with most of them, and not moments of which any is right. within: whether windows must lie inside
    their videos; in published data sets many end a little later, and are cut there.
    """

    name: str
    table: Path
    rows: tuple[AskedMoment, ...]
    annotators: bool = False
    within: bool = True

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
    lines: dict[tuple[Path, str, tuple[tuple[float, float], ...]], int] = {}
    for line, row in read_table(path):
        asked = _row(path, folder, row, line)
        same = (asked.path, asked.sentence, asked.windows)
        if same in lines:
            raise refused(path, f"the same row as line {lines[same]}", "Remove one of the two.", line)
        lines[same] = line
        rows.append(asked)
    if not rows:
        raise refused(path, "contains no moment", f"Write a first line {COLUMNS}, and a row for each moment.")
    return MomentSet(folder.resolve().name, path, tuple(rows))


def moments_of_split(dataset: str, name: str, split: Split, files: VideoFiles, *, allow_missing: bool) -> MomentSet:
    """The sentences of a split of a data set whose captions have moments, about the videos that are here.

    Raises CaptionError if its captions have none, or if videos are missing and that is not allowed.
    """
    what = f"{dataset}, split {name}"
    captions = [caption for caption in split.captions or () if caption.windows]
    if not captions:
        raise CaptionError(
            what, "its captions have no moments", "Choose a split or a data set whose captions have some."
        )
    wanted = dict.fromkeys(caption.video for caption in captions)
    missing = [video for video in wanted if video not in files.found]
    if missing and (not allow_missing or len(missing) == len(wanted)):
        found = f"{len(missing)} of {len(wanted)} videos are missing: {listed(missing)}"
        raise CaptionError(what, found, "Put them there, or allow_missing (--allow-missing) leaves them out.")
    groups = dict(zip(split.videos, split.groups, strict=True)) if split.groups is not None else {}
    rows = tuple(
        AskedMoment(number, files.found[caption.video], caption.text, caption.windows, groups.get(caption.video))
        for number, caption in enumerate(captions, 1)
        if caption.video in files.found
    )
    return MomentSet(what, Path(dataset), rows, annotators=dataset == "didemo-moments", within=False)


def _row(path: Path, folder: Path, row: dict[str, str], line: int) -> AskedMoment:
    written = column_of(path, row, ("path",), line).strip()
    sentence = column_of(path, row, ("sentence",), line).strip()
    # An empty field is shown as None, as in the other tables.
    first, last = (column_of(path, row, (name,), line) if row.get(name, "-") else None for name in ("start", "end"))
    start, end = window_of(path, first, last, line)
    file = on_disk(folder / written)
    if not os.path.isfile(file):  # unlike Path.is_file, it answers for a name that is too long, too
        raise refused(path, f"{written} is not there", "Restore the video, or remove its row.", line)
    return AskedMoment(line, file, sentence, ((start, end),))
