"""Anybody's captions: one .csv, .tsv or .jsonl with a row for each caption.

Columns or keys: `path` and `caption`; `start` and `end` in seconds, both or neither, if the caption is about a
moment; `split`, one of train, val and test. A row without a split belongs to `test`: captions without a division are
there to be searched with. Several rows may name one path. Other columns are ignored.

The id of a video is its path as written; `find_videos` finds it below the folder of videos, or anywhere if absolute.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

from deltaclip.captions.entries import SPLITS, assembled, bad_text, is_text
from deltaclip.captions.files import AnnotationFolder, base_name, read_json_lines, read_table, refused
from deltaclip.captions.qvhighlights import window_of
from deltaclip.captions.types import Caption, CaptionSet, Split

__all__ = ["load_folder"]

SUFFIXES = (".csv", ".tsv", ".jsonl")
COLUMNS = "path and caption, and optionally start, end and split"


def load_folder(annotations: Path) -> CaptionSet:
    """The captions of a file, or of the only such file in a folder; `captions.csv` and the like go before others."""
    if not annotations.exists() and Path(base_name(annotations)).suffix.lower() in SUFFIXES:
        raise refused(annotations, "no such file", "Check the name, or give the folder that holds it.")
    path = annotations if annotations.is_file() else _only_file(AnnotationFolder(annotations))
    if Path(base_name(path)).suffix.lower() not in SUFFIXES:
        raise refused(path, "not a table of captions", f"Give one of {', '.join(SUFFIXES)}, also packed as .gz or .xz.")
    rows = read_json_lines(path) if base_name(path).lower().endswith(".jsonl") else read_table(path)
    found: dict[str, list[Caption]] = {}
    unsplit = 0
    for line, row in rows:
        split = _split_of(path, row, line)
        unsplit += split is None
        found.setdefault(split or "test", []).append(_caption(path, row, line))
    if not found:
        raise refused(path, "contains no caption", f"Give a first line with the columns {COLUMNS}, and rows below it.")
    splits = {
        split: Split(tuple(dict.fromkeys(caption.video for caption in captions)), tuple(captions))
        for split, captions in found.items()
    }
    notes = [f"captions: {sum(map(len, found.values())):,} from {path.name}."]
    if unsplit:
        notes.append(f"{unsplit:,} of them name no split and belong to test.")
    return replace(assembled("folder", splits, notes), source=str(path))


def _only_file(folder: AnnotationFolder) -> Path:
    """The file to read: captions.csv, .tsv or .jsonl, else the only such file of the uppermost level that has any."""
    if (named := folder.find(*(f"captions{suffix}" for suffix in SUFFIXES))) and named.parent == folder.folder:
        return named
    files = [path for path in folder.files if Path(base_name(path)).suffix.lower() in SUFFIXES]
    if not files:
        raise folder.nothing("folder", [f"captions{suffix}" for suffix in SUFFIXES])
    level = [path for path in files if len(path.parts) == len(files[0].parts)]
    if len(level) > 1:
        several = ", ".join(map(folder.shown, level[:5])) + (", …" if len(level) > 5 else "")
        raise refused(folder.folder, f"holds {len(level)} tables ({several})", "Give the path of the right one.")
    return level[0]


def _split_of(path: Path, row: dict[str, Any], line: int) -> str | None:  # Any: json, or text of a table
    """The split that a row names, or None if it names none."""
    value = row.get("split")
    if value in (None, ""):
        return None
    if not isinstance(value, str) or value.strip() not in SPLITS:
        raise refused(path, f"split is {value!r}", f"Write one of {', '.join(SPLITS)}.", line)
    return value.strip()


def _caption(path: Path, row: dict[str, Any], line: int) -> Caption:  # Any: json, or text of a table
    for key in ("path", "caption"):
        if key not in row:
            found = f"no {key}, only {', '.join(row)}"
            names_line = line if base_name(path).lower().endswith(".jsonl") else 1
            raise refused(path, found, f"Name them {COLUMNS}, separated by commas in a csv.", names_line)
        if not is_text(row[key]):
            raise bad_text(path, key, row[key], line)
    # An empty field of a table and a null of json both say that there is none.
    start, end = (None if row.get(key) in (None, "") else row[key] for key in ("start", "end"))
    if start is None and end is None:
        return Caption(row["caption"], row["path"].strip())
    return Caption(row["caption"], row["path"].strip(), (window_of(path, start, end, line),))
