"""Charades-STA: sentences about moments of videos of people at home (jiyanggao/TALL).

`charades_sta_train.txt` and `charades_sta_test.txt`: `VIDEO START END##SENTENCE` a line, times in seconds. Several
sentences may be about one video. A line whose end is not after its start describes no moment: it is left out, and
counted in the notes.
"""

import math
import re
from pathlib import Path

from deltaclip.captions.entries import assembled, bad_text, is_text
from deltaclip.captions.files import AnnotationFolder, read_lines, refused
from deltaclip.captions.types import Caption, CaptionSet, Split

__all__ = ["load_charades_sta"]

_LINE = re.compile(r"(?P<video>\S+) +(?P<start>[\d.]+) +(?P<end>[\d.]+) *##(?P<sentence>.*)")


def load_charades_sta(annotations: Path) -> CaptionSet:
    """12,408 / 3,720 sentences about 5,338 / 1,334 videos."""
    folder = AnnotationFolder(annotations)
    notes: list[str] = []
    splits: dict[str, Split] = {}
    for name in ("train", "test"):
        path = folder.find(f"charades_sta_{name}.txt")
        if path is None:
            notes.append(f"{name} is absent: charades_sta_{name}.txt is not there.")
            continue
        captions, left_out = _read(path)
        splits[name] = Split(tuple(dict.fromkeys(caption.video for caption in captions)), captions)
        more = f"; {left_out} whose end is not after its start left out" if left_out else ""
        notes.append(f"{name}: {len(captions):,} sentences from {folder.shown(path)}{more}.")
    if not splits:
        raise folder.nothing("charades-sta", ["charades_sta_train.txt", "charades_sta_test.txt"])
    return assembled("charades-sta", splits, notes)


def _read(path: Path) -> tuple[tuple[Caption, ...], int]:
    """The sentences in the order of the file, and how many are left out because they describe no span of time."""
    captions: list[Caption] = []
    left_out = 0
    for line, text in read_lines(path):
        found = _LINE.fullmatch(text)
        if found is None:
            raise refused(path, "is not VIDEO START END##SENTENCE", "Fix the line or download the file again.", line)
        start, end = _seconds(path, found["start"], line), _seconds(path, found["end"], line)
        sentence = found["sentence"].strip()
        if not is_text(sentence):
            raise bad_text(path, "the sentence", sentence, line)
        if start < end:
            captions.append(Caption(sentence, found["video"], ((start, end),)))
        else:
            left_out += 1
    if not captions:
        raise refused(path, "holds no sentence about a span of time", "Download it again.")
    return tuple(captions), left_out


def _seconds(path: Path, text: str, line: int) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.inf
    if not math.isfinite(seconds):
        raise refused(path, f"{text!r} is not a time in seconds", "Fix the line or download the file again.", line)
    return seconds
