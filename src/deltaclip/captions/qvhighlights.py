"""Moments in seconds, checked, and QVHighlights, the data set that has them.

`highlight_{train,val,test}_release.jsonl` (jayleicn/moment_detr, data): one query a line with its video `vid`. Several
queries may be about one video. The test file has no windows.

A video is 150 s of a film on YouTube, RoripwjYFp8_60.0_210.0: videos of one film are one group.
"""

import math
import re
from pathlib import Path
from typing import Any

from deltaclip.captions.entries import SPLITS, assembled, bad_text, groups_of, is_text
from deltaclip.captions.files import AnnotationFolder, read_json_lines, refused
from deltaclip.captions.types import Caption, CaptionSet, Split

__all__ = ["load_qvhighlights", "window_of"]

_GROUP = re.compile(r"(.{11})_\d+\.\d+_\d+\.\d+")


def window_of(path: Path, start: Any, end: Any, line: int) -> tuple[float, float]:  # Any: json, or text of a table
    """Start and end in seconds from what a file says. Raises CaptionError unless 0 <= start < end."""
    try:
        # float() takes True for 1.0
        first, last = (math.nan if isinstance(value, bool) else float(value) for value in (start, end))
    except (TypeError, ValueError, OverflowError):
        first = last = math.nan
    if not 0 <= first < last < math.inf:
        found = f"{start!r} to {end!r} is not a span of time"
        raise refused(
            path, found, "Give start and end in seconds, with a decimal point, the end after the start.", line
        )
    return first, last


def load_qvhighlights(annotations: Path) -> CaptionSet:
    """7,218 / 1,550 / 1,542 queries about 7,100 / 1,519 / 1,529 clips."""
    folder = AnnotationFolder(annotations)
    notes: list[str] = []
    splits: dict[str, Split] = {}
    for name in SPLITS:
        path = folder.find(f"highlight_{name}_release.jsonl")
        if path is None:
            notes.append(f"{name} is absent: highlight_{name}_release.jsonl is not there.")
            continue
        captions = _read_queries(path)
        videos = tuple(dict.fromkeys(caption.video for caption in captions))
        splits[name] = Split(videos, captions, groups_of(_GROUP, videos))
        windows = sum(len(caption.windows) for caption in captions)
        moments = f"{windows:,} moments" if windows else "no moments"
        notes.append(f"{name}: {len(captions):,} queries with {moments} from {folder.shown(path)}.")
    if not splits:
        raise folder.nothing("qvhighlights", [f"highlight_{name}_release.jsonl" for name in SPLITS])
    return assembled("qvhighlights", splits, notes)


def _read_queries(path: Path) -> tuple[Caption, ...]:
    captions: list[Caption] = []
    lines: dict[Any, int] = {}  # Any: qid is a number, and nothing hangs on it
    for line, row in read_json_lines(path):
        for key in ("vid", "query"):
            if not is_text(row.get(key)):
                raise bad_text(path, key, row.get(key), line)
        query = row.get("qid")
        if not isinstance(query, int | str):
            raise refused(path, "qid is missing or not a number", "Fix the line or download the file again.", line)
        if query in lines:
            found = f"qid {query} is listed twice, first in line {lines[query]}"
            raise refused(path, found, "Remove one of the two.", line)
        lines[query] = line
        captions.append(Caption(row["query"], row["vid"], _windows(path, row.get("relevant_windows", []), line)))
    if not captions:
        raise refused(path, "holds no query", "Download it again.")
    return tuple(captions)


def _windows(path: Path, value: Any, line: int) -> tuple[tuple[float, float], ...]:  # Any: json
    if not isinstance(value, list) or not all(isinstance(pair, list) and len(pair) == 2 for pair in value):
        raise refused(path, "relevant_windows is not a list of pairs", "Write [[start, end], …] in seconds.", line)
    return tuple(window_of(path, start, end, line) for start, end in value)
